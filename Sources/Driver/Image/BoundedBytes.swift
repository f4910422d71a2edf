/// Little-endian reads from memory that someone else filled: every read is checked against the
/// end before it happens.
struct BoundedBytes {
    let base: UnsafeRawPointer
    /// Bytes that may be read. For memory of unknown extent, as much as its headers have promised.
    var count: Int

    func read<T: FixedWidthInteger & BitwiseCopyable>(
        _ type: T.Type,
        at offset: Int
    ) throws(ImageError) -> T {
        guard offset >= 0, offset <= count - MemoryLayout<T>.size else {
            throw .truncated
        }
        return T(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: T.self))
    }

    /// A 64-bit offset or size as an `Int` within the largest image.
    func size(at offset: Int) throws(ImageError) -> Int {
        let value = try read(UInt64.self, at: offset)
        guard value <= UInt64(ImageLayout.largest) else { throw .tooLarge }
        return Int(value)
    }

    /// Bytes before the first NUL; all of them, if there is none.
    ///
    /// The text may end at the last byte of a page, so nothing is read beyond the 32 bytes, from an address
    /// that is a multiple of 32, in which the NUL is.
    var lengthOfText: Int {
        var length = 0
        let ones: UInt64 = 0x0101_0101_0101_0101
        while length < count {
            if UInt(bitPattern: base + length) % 32 == 0, length <= count - 32 {
                var zeros: UInt64 = 0
                for word in 0..<4 {
                    let value = base.load(fromByteOffset: length + 8 * word, as: UInt64.self)
                    zeros |= (value &- ones) & ~value
                }
                if zeros & (ones << 7) == 0 {
                    length += 32
                    continue
                }
            }
            if base.load(fromByteOffset: length, as: UInt8.self) == 0 { break }
            length += 1
        }
        return length
    }
}
