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

/// A fill as a program describes it (`CUDA_MEMSET_NODE_PARAMS`).
struct FillDescription {
    /// Where the first row begins.
    var address: UInt64
    var value: UInt32
    /// Bytes of an element: 1, 2 or 4.
    var elementSize: Int
    /// Elements in a row.
    var width: Int
    /// Rows.
    var height: Int
    /// Bytes from a row to the next; `nil` for rows without gaps.
    var pitch: Int?

    /// The fill, checked as a whole; `nil` when there is nothing to fill.
    func resolve(_ driver: SoftDriver) throws(Failure) -> Fill? {
        guard width >= 0, height >= 0, width <= 1 << 46, height <= 1 << 40,
            [1, 2, 4].contains(elementSize), address % UInt64(elementSize) == 0
        else { throw .invalidValue }
        if width == 0 || height == 0 { return nil }
        let row = width * elementSize
        let rowPitch = pitch ?? row
        guard height == 1 || rowPitch >= row, rowPitch >= 0, rowPitch % elementSize == 0
        else { throw .invalidValue }
        let (last, overflow) = rowPitch.multipliedReportingOverflow(by: height - 1)
        guard !overflow, last <= 1 << 48 else { throw .invalidValue }
        return Fill(
            value: value,
            elementSize: elementSize,
            target: try driver.deviceRange(address, last + row),
            width: width,
            height: height,
            pitch: rowPitch
        )
    }
}
