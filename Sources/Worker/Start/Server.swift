internal import CLinux
internal import Driver
package import Transport
internal import Wire

/// Serves one client on one connection: the reader's loop.
package struct Server {
    private let channel: Channel
    private let executor: Executor

    /// A server over an initialised driver.
    ///
    /// - Parameters:
    ///   - slices: Bytes of each device that the client may take.
    ///   - printed: Files that the driver writes to: standard output and, if there is a second one,
    ///     standard error.
    ///   - keeper: Of the images of earlier sessions, if any are kept; the snapshot said so.
    ///   - sharedNames: Of what the processes of the lease share; `nil`: nothing.
    ///   - ledger: Of what they have of its slices; `nil`: this one is alone.
    /// - Throws: `WorkerFailure` when there is no memory.
    package init(
        channel: Channel,
        driver: DriverTable,
        slices: [UInt64],
        printed: [Int32],
        keeper: ImageKeeper? = nil,
        sharedNames: SharedNames? = nil,
        ledger: SliceLedger? = nil
    ) throws(WorkerFailure) {
        self.channel = channel
        executor = try Executor(
            driver: driver,
            slices: slices,
            channel: channel,
            printed: printed,
            keeper: keeper,
            sharedNames: sharedNames,
            ledger: ledger
        )
    }

    /// Takes bulk channels that the server sends on `control`, which it owns from now on.
    func takeBulkChannels(_ control: Int32) { BulkDoor.open(control, executor.bulk) }

    /// Serves a bulk channel that is open already.
    ///
    /// - Returns: `false` when there are too many.
    package func serve(bulk channel: Channel) -> Bool { executor.bulk.serve { channel } }

    /// A descriptor of the slots of bulk channels, for a client that shares memory; -1: none.
    package var slotMemory: Int32 { executor.bulk.slots.file }

    /// Reads and executes records until the connection ends.
    ///
    /// - Returns: How the program should end.
    package func run() -> WorkerFailure.ExitStatus {
        defer { executor.close() }
        do throws(ProtocolViolation) {
            try readAll()
            return .clientClosed
        } catch {
            let text = "the client broke the protocol: \(Self.describe(error))"
            WorkerLog.line(text)
            // What was said before goes out whole; nothing may come in between afterwards.
            executor.answers.output.finish(milliseconds: 1000)
            executor.close()
            let failure = WorkerFailure(.protocolViolation, status: Status.unknown, text)
            FailureRecord.send(failure, to: channel)
            return .protocolViolation
        }
    }

    private func readAll() throws(ProtocolViolation) {
        var incoming = IncomingStream(limit: WireFormat.maxRequest, capacity: 128 << 10)
        var spinning = SpinPolicy(channel)
        let output = executor.answers.output
        while true {
            while let item = try incoming.next() {
                executor.handOver()
                try take(item)
            }
            if let place = incoming.acknowledgement(threshold: WireFormat.acknowledgeAfter) {
                output.tellReceived(place)
            }
            let space = incoming.space()
            guard let base = space.baseAddress else { return }
            switch channel.receive(base, space.count) {
            case .bytes(let count):
                incoming.commit(count)
                spinning.reset()
            case .wouldBlock:
                if executor.isHolding, executor.finishHeld() {
                    spinning.reset()
                } else if !spinning.spin() {
                    executor.handOver()
                    waitForData()
                }
            case .closed:
                if incoming.pending > 0 { throw .truncated }
                return
            case .failed: return
            }
        }
    }

    @inline(__always)
    private func take(_ item: IncomingStream.Item) throws(ProtocolViolation) {
        switch item {
        case .record(let header, let body): try executor.execute(header, body)
        case .acknowledge(let place):
            guard executor.answers.output.acknowledge(place) else {
                throw .malformed(.acknowledge)
            }
        // Sessions do not change their connection yet.
        case .resume: throw .unknownOpcode(Opcode.resume.rawValue)
        }
    }

    /// Sleeps until there is something to read, or the connection is broken, which reading tells.
    private func waitForData() {
        do throws(SocketError) {
            _ = try channel.wait(for: POLLIN, timeout: -1)
        } catch {
            channel.shutDown()
        }
    }

    private static func describe(_ violation: ProtocolViolation) -> String {
        switch violation {
        case .badSize(let size): "a record of \(size) bytes (at least 16, a multiple of 8)"
        case .tooLarge(let size):
            "a record of \(size) bytes (at most \(WireFormat.maxRequest))"
        case .unknownOpcode(let opcode):
            "unknown opcode 0x\(String(opcode, radix: 16))"
        case .badSequence(let expected, let found):
            "record \(found) instead of \(expected)"
        case .malformed(let opcode): "the body of \(opcode.name) does not fit"
        case .truncated: "the connection ended inside a record"
        }
    }
}
