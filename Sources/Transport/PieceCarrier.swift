internal import CLinux
internal import CPacking
package import Wire

/// Carries pieces of large copies over a bulk channel, compressed where that pays. Each end has one
/// for each channel; used by one thread at a time.
package struct PieceCarrier: ~Copyable {
    private enum Decision { case no, yes, open }

    private var choice = PackingChoice()
    private var decision = Decision.no
    private let header: UnsafeMutableRawPointer
    /// `BulkFrame.most` bytes, once something is compressed.
    private var room: UnsafeMutableRawPointer?
    private var began: UInt64 = 0
    private var packing: UInt64 = 0
    private var sent = 0

    /// Knows nothing of its link.
    package init() { header = .allocate(byteCount: BulkFrame.size, alignment: 8) }

    deinit {
        header.deallocate()
        room?.deallocate()
    }

    // MARK: - Sending

    /// A copy begins.
    ///
    /// - Parameter mayPack: Whether the other end takes compressed pieces.
    package mutating func begin(mayPack: Bool) {
        decision = choice.beginCopy() && mayPack ? .open : .no
        began = ferry_now_ns()
        packing = 0
        sent = 0
    }

    /// Sends a piece.
    ///
    /// - Parameters:
    ///   - bytes: At most `BulkFrame.most`.
    ///   - offset: Where in the copy they belong.
    ///   - transfer: Which download it is; 0 to the worker.
    package mutating func send(
        _ bytes: UnsafeRawBufferPointer,
        offset: UInt64 = 0,
        transfer: UInt64 = 0,
        to channel: Channel
    ) throws(SocketError) {
        var kind = BulkFrame.Kind.data
        var body = bytes
        if decision != .no, let packed = pack(bytes) {
            kind = .packed
            body = packed
        }
        let size = kind == .packed ? UInt32(bytes.count) : 0
        try send(
            BulkFrame(kind, length: body.count, offset: offset, slot: size, transfer: transfer),
            to: channel
        )
        try channel.sendAll(body)
        sent += body.count
    }

    /// Sends a frame without its data.
    package func send(_ frame: BulkFrame, to channel: Channel) throws(SocketError) {
        frame.write(to: header)
        try channel.sendAll(UnsafeRawBufferPointer(start: header, count: BulkFrame.size))
    }

    /// The copy has travelled.
    package mutating func end() {
        let time = ferry_now_ns() &- began
        choice.note(bytes: sent, nanoseconds: time > packing ? time - packing : 0)
    }

    /// The piece in fewer bytes; `nil` when that is not worth it, for this piece or the whole copy.
    private mutating func pack(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let room = self.room ?? .allocate(byteCount: BulkFrame.most, alignment: 64)
        self.room = room
        let start = ferry_now_ns()
        // What does not become smaller by an eighth need not be looked at any further.
        let most = bytes.count - bytes.count / 8
        let count = ferry_lz4_pack(bytes.baseAddress, bytes.count, room, most)
        let time = ferry_now_ns() &- start
        packing &+= time
        if decision == .open {
            let pays =
                count > 0 && choice.pays(bytes: bytes.count, packed: count, nanoseconds: time)
            decision = pays ? .yes : .no
            guard pays else { return nil }
        }
        return count > 0 ? UnsafeRawBufferPointer(start: room, count: count) : nil
    }

    // MARK: - Receiving

    /// Receives the bytes behind a frame that has come.
    ///
    /// - Parameter place: `frame.bytes` bytes.
    /// - Throws: `EPROTO` when they are not what the frame says.
    package mutating func receive(
        _ frame: BulkFrame,
        into place: UnsafeMutableRawBufferPointer,
        from channel: Channel
    ) throws(SocketError) {
        guard frame.kind == .packed else { return try channel.receiveAll(place) }
        let room = self.room ?? .allocate(byteCount: BulkFrame.most, alignment: 64)
        self.room = room
        try channel.receiveAll(.init(start: room, count: frame.length))
        let count = ferry_lz4_unpack(room, frame.length, place.baseAddress, place.count)
        guard count == place.count else { throw SocketError(EPROTO, .receive) }
    }
}
