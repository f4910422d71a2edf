import TestSupport
import Testing
import Wire

@Suite struct LinkTests {
    /// The rule of the house: 10,000 seeds in less than a minute.
    @Test(arguments: 0..<10) func `sessions survive cuts, slices and doubled connections`(
        _ part: Int
    ) throws {
        let rings = try (Ring(size: 4096), Ring(size: 4096))
        var cuts = 0
        for seed in part * 1000..<(part + 1) * 1000 {
            let simulation = LinkSimulation(seed: UInt64(seed), rings: rings)
            do {
                try simulation.run()
            } catch {
                Issue.record("seed \(seed): \(error)")
                return
            }
            cuts += simulation.cuts
        }
        // A simulation without faults would prove nothing.
        #expect(cuts > 1000)
    }

    /// A stream that can be talked to inside of `#expect`, which copies what it looks at.
    private final class Stream {
        private let ring: Ring
        private var stream: OutgoingStream

        init() throws {
            ring = try Ring(size: 4096)
            stream = OutgoingStream(ring: ring.memory, capacity: ring.size)
        }

        var kept: Int { stream.kept }
        var acknowledged: UInt64 { stream.acknowledged }
        var hasNext: Bool { stream.hasNext }
        var next: [UInt8] { Array(stream.next()) }
        func space(_ size: Int) -> Int? { stream.space(size).map { $0 - ring.memory } }
        func write(_ size: Int) { stream.write(size) }
        func didSend(_ count: Int) { stream.didSend(count) }
        func acknowledge(_ place: UInt64) -> Bool { stream.acknowledge(place) }
        func requestAcknowledgement(_ place: UInt64) { stream.requestAcknowledgement(place) }
        func reconnect(received: UInt64) { stream.reconnect(received: received) }
        func resume(at place: UInt64) -> Bool { stream.resume(at: place) }

        /// Puts these bytes where the next record goes.
        func fill(_ bytes: [UInt8]) {
            stream.space(bytes.count)?.copyMemory(from: bytes, byteCount: bytes.count)
        }
    }

    @Test func `a full ring has no room until the peer acknowledges`() throws {
        let stream = try Stream()
        for _ in 0..<4 {
            #expect(stream.space(1024) != nil)
            stream.write(1024)
        }
        #expect(stream.space(8) == nil)
        #expect(stream.kept == 4096)
        #expect(stream.acknowledge(1024))
        #expect(stream.space(1024) == 0)
        #expect(stream.space(1032) == nil)
    }

    @Test func `a record across the end of the ring is contiguous`() throws {
        let stream = try Stream()
        stream.write(4000)
        stream.didSend(stream.next.count)
        #expect(stream.acknowledge(4000))
        let bytes = (0..<200).map { UInt8($0) }
        stream.fill(bytes)
        stream.write(200)
        #expect(stream.next == bytes)
    }

    @Test func `a peer cannot acknowledge what was never written`() throws {
        let stream = try Stream()
        stream.write(64)
        #expect(!stream.acknowledge(72))
        #expect(stream.acknowledge(64))
        #expect(stream.acknowledge(8))
        #expect(stream.acknowledged == 64)
    }

    @Test(arguments: [8, 136, UInt64.max])
    func `a peer cannot resume where nothing is kept or nothing was written`(
        _ place: UInt64
    ) throws {
        let stream = try Stream()
        stream.write(128)
        #expect(stream.acknowledge(64))
        // Not before there was a cut, either.
        #expect(!stream.resume(at: 64))
        stream.reconnect(received: 0)
        #expect(!stream.resume(at: place))
    }

    @Test func `control records go out between records only`() throws {
        let stream = try Stream()
        stream.write(128)
        #expect(stream.next.count == 128)
        stream.didSend(40)
        stream.requestAcknowledgement(500)
        stream.requestAcknowledgement(400)
        #expect(stream.next.count == 88)
        stream.write(64)
        stream.didSend(88)
        let control = stream.next
        #expect(control.count == ControlLayout.size)
        #expect(control[4] == 7)
        #expect(control[16] == 244 && control[17] == 1)
        stream.didSend(10)
        #expect(stream.next.count == ControlLayout.size - 10)
        stream.didSend(ControlLayout.size - 10)
        #expect(stream.next.count == 64)
        stream.didSend(64)
        #expect(!stream.hasNext)
    }

    @Test func `after a cut nothing goes out before the peer has said what it has`() throws {
        let stream = try Stream()
        stream.write(128)
        stream.didSend(stream.next.count)
        stream.write(64)
        stream.reconnect(received: 77)
        let control = stream.next
        #expect(control.count == ControlLayout.size && control[4] == 8 && control[16] == 77)
        stream.didSend(control.count)
        #expect(stream.next.isEmpty)
        #expect(stream.resume(at: 128))
        #expect(stream.next.count == 64)
    }

    @Test func `a control record of another size breaks the protocol`() {
        var incoming = IncomingStream(limit: 4096)
        let bytes = record(.acknowledge, sequence: 0, body: [UInt8](repeating: 0, count: 16))
        incoming.space().copyBytes(from: bytes)
        incoming.commit(bytes.count)
        var violation: ProtocolViolation?
        do { if case .none = try incoming.next() {} } catch { violation = error }
        #expect(violation == .malformed(.acknowledge))
    }
}
