internal import CLinux
internal import Driver
package import Transport
internal import Wire

/// Serves one client on one connection: the reader's loop.
package struct Server {
    private let socket: Socket
    private let executor: Executor

    /// A server over an initialised driver.
    ///
    /// - Parameters:
    ///   - slices: Bytes of each device that the client may take.
    ///   - printed: Files that the driver writes to: standard output and, if there is a second one,
    ///     standard error.
    ///   - cache: Images of earlier sessions, if any are kept; the snapshot said so.
    package init(
        socket: Socket,
        driver: DriverTable,
        slices: [UInt64],
        printed: [Int32],
        cache: ImageCache? = nil
    ) {
        self.socket = socket
        executor = Executor(
            driver: driver,
            slices: slices,
            socket: socket,
            printed: printed,
            cache: cache
        )
    }

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
            FailureRecord.send(failure, to: socket)
            return .protocolViolation
        }
    }

    private func readAll() throws(ProtocolViolation) {
        var decoder = RecordDecoder(limit: WireFormat.maxRequest)
        var spinner = Spinner()
        while true {
            while let (header, body) = try decoder.next() {
                try executor.execute(header, body)
            }
            let space = decoder.space()
            guard let base = space.baseAddress else { return }
            switch socket.receive(base, space.count) {
            case .bytes(let count):
                decoder.commit(count)
                spinner.reset()
            case .wouldBlock:
                if !spinner.spin() { waitForData() }
            case .closed:
                if decoder.pending > 0 { throw .truncated }
                return
            case .failed: return
            }
        }
    }

    /// Sleeps until there is something to read, or the connection is broken, which reading tells.
    private func waitForData() {
        do throws(SocketError) {
            _ = try socket.wait(for: POLLIN, timeout: -1)
        } catch {
            socket.shutDown()
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

/// Waits a moment without sleeping, when that pays: the next record often comes within
/// microseconds, but on few processors the one who sends it needs the processor.
struct Spinner {
    private var started: UInt64 = 0
    private static let nanoseconds: UInt64 =
        Thread.processors >= 4 ? 40_000 : Thread.processors >= 2 ? 5_000 : 0

    /// Whether to look again at once.
    mutating func spin() -> Bool {
        if Self.nanoseconds == 0 { return false }
        let now = ferry_now_ns()
        if started == 0 { started = now }
        if now - started > Self.nanoseconds {
            started = 0
            return false
        }
        ferry_pause_cpu()
        return true
    }

    /// Something has come.
    mutating func reset() { started = 0 }
}
