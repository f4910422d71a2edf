import TestSupport
import Wire

/// Numbers from a seed.
struct Seeded {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    /// 0..<bound.
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    /// True once in `times`.
    mutating func once(in times: Int) -> Bool { below(times) == 0 }
}

/// One end of a session as client and worker have it: two streams, and the connection in use.
final class LinkEnd {
    var outgoing: OutgoingStream
    var incoming: IncomingStream
    private let ring: Ring
    /// Which connection is in use: what comes from an older one is not looked at.
    private(set) var connection = 0
    /// Most bytes that were kept for the peer at any time.
    private(set) var mostKept = 0
    private let threshold: Int

    init(ring: Ring, threshold: Int) {
        self.ring = ring
        self.threshold = threshold
        outgoing = OutgoingStream(ring: ring.memory, capacity: ring.size)
        incoming = IncomingStream(limit: 2048, capacity: 512)
    }

    /// A connection takes the place of the one before.
    func use(connection: Int) {
        self.connection = connection
        outgoing.reconnect(received: incoming.received)
        incoming.reconnect()
    }

    /// Writes a record if there is room for it.
    func write(_ record: [UInt8]) -> Bool {
        guard let space = outgoing.space(record.count) else { return false }
        space.copyMemory(from: record, byteCount: record.count)
        outgoing.write(record.count)
        mostKept = max(mostKept, outgoing.kept)
        return true
    }

    /// Takes up to `most` bytes to hand to the connection.
    func send(most: Int) -> [UInt8] {
        let bytes = outgoing.next()
        let count = min(most, bytes.count)
        guard count > 0 else { return [] }
        let piece = Array(bytes[0..<count])
        outgoing.didSend(count)
        return piece
    }

    /// Takes what came on a connection.
    ///
    /// - Returns: Whether the peer kept to the rules.
    func receive(
        _ bytes: [UInt8],
        connection: Int,
        _ body: (RecordHeader, UnsafeRawBufferPointer) -> Void
    ) throws -> Bool {
        guard connection == self.connection else { return true }
        var rest = bytes[...]
        while !rest.isEmpty {
            let space = incoming.space()
            let count = min(space.count, rest.count)
            space.copyBytes(from: rest.prefix(count))
            incoming.commit(count)
            rest = rest.dropFirst(count)
            while let item = try incoming.next() {
                switch item {
                case .record(let header, let data): body(header, data)
                case .acknowledge(let place):
                    guard outgoing.acknowledge(place) else { return false }
                case .resume(let place):
                    guard outgoing.resume(at: place) else { return false }
                }
            }
        }
        if let place = incoming.acknowledgement(threshold: threshold) {
            outgoing.requestAcknowledgement(place)
        }
        return true
    }
}
