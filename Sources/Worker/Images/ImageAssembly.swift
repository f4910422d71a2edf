internal import CLinux
internal import Wire

/// The bytes of an image, or of an input of the linker, that come in `chunk` records before the
/// call that uses them.
///
/// Memory grows with what has really come, up to `WireFormat.maxImage`. Used by the reader only.
final class ImageAssembly {
    private var memory: UnsafeMutableRawPointer?
    private var capacity = 0
    /// Bytes that have come.
    private(set) var count = 0
    /// Zeros behind the image: it may be text that ends with a NUL.
    static let slack = 64

    deinit { CLinux.free(memory) }

    /// The bytes, with `slack` zeros behind them.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory, count: count) }

    /// Adds a piece.
    func append(_ record: Record) throws(ProtocolViolation) {
        try record.expect(atLeast: ChunkLayout.data)
        let offset = record.load(ChunkLayout.offset, as: UInt64.self)
        let length = record.load(ChunkLayout.length, as: UInt64.self)
        guard offset == UInt64(count), length <= UInt64(WireFormat.maxData),
            count + Int(length) <= WireFormat.maxImage
        else { throw .malformed(record.opcode) }
        try record.expect(size: ChunkLayout.data + WireFormat.padded(Int(length)))
        guard reserve(count + Int(length)), let memory, let base = record.body.baseAddress else {
            throw .malformed(record.opcode)
        }
        memcpy(memory + count, base + ChunkLayout.data, Int(length))
        count += Int(length)
        memset(memory + count, 0, Self.slack)
    }

    /// Forgets the bytes, after the call that used them.
    func clear() {
        count = 0
        guard capacity > 1 << 20 else { return }
        CLinux.free(memory)
        memory = nil
        capacity = 0
    }

    private func reserve(_ size: Int) -> Bool {
        guard size + Self.slack > capacity else { return true }
        let larger = max(capacity * 2, size + Self.slack, 65_536)
        guard let grown = realloc(memory, larger) else { return false }
        memory = grown
        capacity = larger
        return true
    }
}
