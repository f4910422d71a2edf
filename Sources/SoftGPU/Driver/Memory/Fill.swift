internal import CLinux
internal import Driver

/// A value of one, two or four bytes, written over and over.
struct Fill {
    /// The value, in the low bytes.
    var value: UInt32
    /// Bytes of an element: 1, 2 or 4.
    var elementSize: Int
    /// Where the first row begins.
    var target: UnsafeMutableRawPointer
    /// Elements in a row.
    var width: Int
    /// Rows.
    var height: Int
    /// Bytes from a row to the next.
    var pitch: Int

    /// Bytes written.
    var bytes: Int { width * elementSize * height }

    func run() {
        for row in 0..<height {
            let start = target + row * pitch
            switch elementSize {
            case 1: memset(start, Int32(value & 0xFF), width)
            case 2:
                start.assumingMemoryBound(to: UInt16.self)
                    .update(repeating: UInt16(truncatingIfNeeded: value), count: width)
            default:
                start.assumingMemoryBound(to: UInt32.self)
                    .update(repeating: value, count: width)
            }
        }
    }
}
