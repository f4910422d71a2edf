internal import CLinux
internal import Wire

/// The image, or the input of the linker, that the next call uses: its bytes, which come in `chunk`
/// records before, or its name, which comes in an `image` record.
///
/// Memory grows with what has really come, up to `WireFormat.maxImage`. Used by the reader only.
final class ImageAssembly {
    private let keeper: ImageKeeper?
    private var memory: UnsafeMutableRawPointer?
    private var capacity = 0
    private var received = 0
    private var name: ImageName?
    private var mapped: MappedImage?
    /// Zeros behind the image: it may be text that ends with a NUL.
    static let slack = 64

    /// Without a keeper nothing is kept.
    init(_ keeper: ImageKeeper?) { self.keeper = keeper }

    deinit { CLinux.free(memory) }

    /// Bytes that have come, or that the named image has.
    var count: Int { name?.size ?? received }

    /// The bytes, with at least `slack` zeros behind them, until `clear`.
    ///
    /// - Returns: `nil` when the image was named and is not here.
    func bytes() -> UnsafeRawBufferPointer? {
        guard let name else { return UnsafeRawBufferPointer(start: memory, count: received) }
        if mapped == nil { mapped = keeper?.find(name) }
        return mapped?.bytes
    }

    /// Adds a piece.
    func append(_ record: Record) throws(ProtocolViolation) {
        try record.expect(atLeast: ChunkLayout.data)
        let offset = record.load(ChunkLayout.offset, as: UInt64.self)
        let length = record.load(ChunkLayout.length, as: UInt64.self)
        guard name == nil, offset == UInt64(received), length <= UInt64(WireFormat.maxData),
            received + Int(length) <= WireFormat.maxImage
        else { throw .malformed(record.opcode) }
        try record.expect(size: ChunkLayout.data + WireFormat.padded(Int(length)))
        guard reserve(received + Int(length)), let memory, let base = record.body.baseAddress else {
            throw .malformed(record.opcode)
        }
        memcpy(memory + received, base + ChunkLayout.data, Int(length))
        received += Int(length)
        memset(memory + received, 0, Self.slack)
    }

    /// Takes the image's name, in place of its bytes.
    func take(name record: Record) throws(ProtocolViolation) {
        guard keeper != nil, name == nil, received == 0, !record.wantsReply else {
            throw .malformed(record.opcode)
        }
        name = try ImageName(record)
    }

    /// Keeps the bytes for later sessions if they have come over the wire: the call that used them
    /// has succeeded, and does not use them any more.
    func keep() {
        guard name == nil, received > 0, let keeper, let memory else { return }
        keeper.add(memory, received)
        self.memory = nil
        capacity = 0
        received = 0
    }

    /// Waits until everything is kept.
    func finish() { keeper?.finish() }

    /// Forgets the image, after the call that used it.
    func clear() {
        name = nil
        mapped = nil
        received = 0
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
