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
}
