/// One direction of a session at its receiver: cuts bytes into records, counts what it has, and takes
/// control records out. A pure state machine; not thread-safe.
package struct IncomingStream: ~Copyable {
    private var decoder: RecordDecoder
    /// Bytes of the peer's records that were taken out, control records left out.
    package private(set) var received: UInt64 = 0
    /// What the peer was told last.
    private var told: UInt64 = 0

    /// What comes out of the stream.
    package enum Item {
        /// A record of the session. The body is valid until `space` is called.
        case record(RecordHeader, UnsafeRawBufferPointer)
        /// The peer has this much of our stream.
        case acknowledge(UInt64)
        /// On a new connection: the peer has this much, sending goes on from there.
        case resume(UInt64)
    }

    /// A stream whose records have at most `limit` bytes.
    package init(limit: Int, capacity: Int = 65_536) {
        decoder = RecordDecoder(limit: limit, capacity: capacity)
    }

    /// Bytes that came and are not yet a whole record.
    package var pending: Int { decoder.pending }

    /// Where the next bytes go. Never empty after `next` returned `nil`.
    package mutating func space() -> UnsafeMutableRawBufferPointer { decoder.space() }

    /// `count` bytes were written to `space`.
    package mutating func commit(_ count: Int) { decoder.commit(count) }

    /// The next item, or `nil` when more bytes are needed. A record counts as received from now on.
    ///
    /// - Throws: `ProtocolViolation`; the session cannot go on.
    @inline(__always)
    package mutating func next() throws(ProtocolViolation) -> Item? {
        guard let (header, body) = try decoder.next() else { return nil }
        if _slowPath(isControl(header)) { return try control(header, body) }
        received &+= UInt64(header.size)
        return .record(header, body)
    }

    private func isControl(_ header: RecordHeader) -> Bool {
        header.opcode == Opcode.acknowledge.rawValue || header.opcode == Opcode.resume.rawValue
    }

    private func control(
        _ header: RecordHeader,
        _ body: UnsafeRawBufferPointer
    ) throws(ProtocolViolation) -> Item {
        let record = try Record(header, body: body)
        try record.expect(size: ControlLayout.size - WireFormat.headerSize)
        let place = record.load(ControlLayout.place, as: UInt64.self)
        return record.opcode == .acknowledge ? .acknowledge(place) : .resume(place)
    }

    /// What the peer should be told, when at least `threshold` bytes came since it was told last.
    @inline(__always)
    package mutating func acknowledgement(threshold: Int) -> UInt64? {
        guard received &- told >= UInt64(threshold) else { return nil }
        told = received
        return received
    }

    /// The connection broke: a record that came in part will come again whole.
    package mutating func reconnect() {
        decoder.clear()
        told = received
    }
}
