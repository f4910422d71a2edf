import TestSupport
import Wire

/// A session under a network that cuts, delays, slices and duplicates connections, all from one seed.
///
/// What must hold, whatever happens: every call is executed exactly once and in order, every reply
/// comes exactly once, nothing keeps more than its ring, and when the faults end, everything does.
final class LinkSimulation {
    /// A connection: what is on its way, in both directions.
    private struct Pipe {
        var number: Int
        var toWorker: [UInt8] = []
        var toClient: [UInt8] = []
        /// Once the client has given it up, it only delivers what was under way.
        var isAbandoned = false
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
        init(_ description: String) { self.description = description }
    }

    private var random: Seeded
    private let client: LinkEnd
    private let worker: LinkEnd
    private var pipes: [Pipe] = []
    private var connections = 0
    private var faultsLeft: Int

    private let calls: Int
    private var issued: UInt32 = 0
    private var executed: UInt32 = 0
    private var expectedReplies: Set<UInt32> = []
    private var replies: Set<UInt32> = []
    /// Replies that the worker gives later, as calls that wait for the GPU do.
    private var owed: [UInt32] = []
    private(set) var cuts = 0

    init(seed: UInt64, rings: (Ring, Ring)) {
        random = Seeded(seed)
        client = LinkEnd(ring: rings.0, threshold: 1024)
        worker = LinkEnd(ring: rings.1, threshold: 1024)
        calls = 20 + random.below(100)
        faultsLeft = random.below(12)
    }

    /// Runs to the end.
    func run() throws {
        pipes = [Pipe(number: 0)]
        var steps = 0
        while !isDone {
            steps += 1
            guard steps < 200_000 else { throw Failure("no end: \(state)") }
            try step()
        }
        guard client.mostKept <= 4096, worker.mostKept <= 4096 else {
            throw Failure("more was kept than the ring holds")
        }
    }

    private var isDone: Bool {
        issued == calls && executed == calls && replies == expectedReplies
    }

    private var state: String {
        "\(issued) of \(calls) issued, \(executed) executed, \(replies.count) of "
            + "\(expectedReplies.count) replies, \(cuts) cuts, \(pipes.count) connections"
    }

    private func step() throws {
        switch random.below(8) {
        case 0, 1: issue()
        case 2: transmit(client, \.toWorker)
        case 3: transmit(worker, \.toClient)
        case 4: try deliverToWorker()
        case 5: try deliverToClient()
        case 6: answer()
        default: disturb()
        }
    }

    // MARK: - The two ends

    private func issue() {
        guard issued < calls else { return }
        let wantsReply = random.once(in: 4)
        let body = [UInt8](
            repeating: UInt8(truncatingIfNeeded: issued),
            count: 8 * random.below(60)
        )
        let header = RecordHeader(
            size: WireFormat.headerSize + body.count,
            opcode: .cuLaunchKernel,
            flags: wantsReply ? RecordHeader.Flags.wantsReply : 0,
            sequence: issued + 1,
            context: 0
        )
        guard client.write(written(header) + body) else { return }
        issued += 1
        if wantsReply { expectedReplies.insert(issued) }
    }

    private func execute(_ header: RecordHeader, _ body: UnsafeRawBufferPointer) throws {
        guard header.sequence == executed + 1 else {
            throw Failure("call \(header.sequence) after \(executed)")
        }
        guard body.allSatisfy({ $0 == UInt8(truncatingIfNeeded: executed) }) else {
            throw Failure("call \(header.sequence) came damaged")
        }
        executed += 1
        if header.flags & RecordHeader.Flags.wantsReply != 0 { owed.append(header.sequence) }
    }

    private func answer() {
        guard !owed.isEmpty else { return }
        let index = random.below(owed.count)
        let body = [UInt8](repeating: 7, count: 8 * random.below(100))
        if worker.write(record(.reply, sequence: owed[index], body: body)) {
            owed.remove(at: index)
        }
    }

    private func takeReply(_ header: RecordHeader) throws {
        guard expectedReplies.contains(header.sequence) else {
            throw Failure("a reply to call \(header.sequence), which wants none")
        }
        guard replies.insert(header.sequence).inserted else {
            throw Failure("a second reply to call \(header.sequence)")
        }
    }

    // MARK: - The network

    private func transmit(_ end: LinkEnd, _ direction: WritableKeyPath<Pipe, [UInt8]>) {
        guard let index = pipes.firstIndex(where: { $0.number == end.connection }),
            pipes[index][keyPath: direction].count < 3000
        else { return }
        pipes[index][keyPath: direction] += end.send(most: 1 + random.below(900))
    }

    private func deliverToWorker() throws {
        guard !pipes.isEmpty else { return }
        let index = random.below(pipes.count)
        let piece = take(&pipes[index].toWorker)
        guard !piece.isEmpty else { return }
        // A connection is accepted when its first bytes come; never an older one.
        let number = pipes[index].number
        if number > worker.connection { worker.use(connection: number) }
        var problem: (any Error)?
        let isFine = try worker.receive(piece, connection: number) { header, body in
            do { try execute(header, body) } catch { problem = error }
        }
        if let problem { throw problem }
        guard isFine else { throw Failure("the client broke the protocol") }
    }

    private func deliverToClient() throws {
        guard !pipes.isEmpty else { return }
        let index = random.below(pipes.count)
        let piece = take(&pipes[index].toClient)
        guard !piece.isEmpty else { return }
        var problem: (any Error)?
        let isFine = try client.receive(piece, connection: pipes[index].number) { header, _ in
            do { try takeReply(header) } catch { problem = error }
        }
        if let problem { throw problem }
        guard isFine else { throw Failure("the worker broke the protocol") }
    }

    private func take(_ bytes: inout [UInt8]) -> [UInt8] {
        let count = min(bytes.count, 1 + random.below(random.once(in: 3) ? 8 : 1500))
        let piece = Array(bytes.prefix(count))
        bytes.removeFirst(count)
        return piece
    }

    /// Cuts the connection, or opens another beside it, as long as there are faults to come.
    private func disturb() {
        guard faultsLeft > 0, random.once(in: 20) else { return }
        faultsLeft -= 1
        cuts += 1
        if random.once(in: 2) {
            // What was under way is lost; some of it may still come in.
            pipes.removeAll()
        } else {
            for index in pipes.indices { pipes[index].isAbandoned = true }
            if random.once(in: 2), let last = pipes.indices.last {
                pipes[last].toWorker.removeAll()
            }
        }
        connections += 1
        pipes.append(Pipe(number: connections))
        client.use(connection: connections)
    }
}
