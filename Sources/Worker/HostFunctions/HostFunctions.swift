internal import CLinux
internal import CUDAABI
internal import Driver
internal import Transport
internal import Wire

/// Functions of the program that streams call (docs/adr/0017): the driver calls one of the worker's instead,
/// which tells the client and holds the stream until the client's has returned.
///
/// Calls and returns have a channel of their own, so that a function can return whatever the reader waits for
/// in the driver. Thread-safe.
final class HostFunctions: @unchecked Sendable {
    /// Functions that a client may have given to streams: one that returns on its channel may be seen after the
    /// record that takes its place.
    private static let most = 2 * HostFunctionLayout.most

    private let answers: Answers
    private let monitor = Monitor()
    /// Those that have not returned, by their numbers, with the context of their stream.
    private var given: [UInt64: UInt32] = [:]
    /// Those of them whose turn has come.
    private var running: Set<UInt64> = []
    /// What the client is still to be told.
    private var untold: [BulkFrame] = []
    private var channel: Channel?
    private var hasTeller = false
    private var isClosed = false
    /// Held while a frame is sent.
    private let sending = Monitor()

    init(answers: Answers) { self.answers = answers }

    // MARK: - Giving functions to the driver

    /// Gives a function to the driver, by whose words it will be called.
    ///
    /// - Parameter give: Makes the driver's call with what the worker's function is to be given.
    func start(
        _ number: UInt64,
        context: UInt32,
        _ give: (UnsafeMutableRawPointer) -> CUresult
    ) -> CUresult {
        let isNew = monitor.withLock {
            guard given[number] == nil, given.count < Self.most else { return false }
            given[number] = context
            return true
        }
        guard isNew else { return Status.invalidValue }
        let call = Unmanaged.passRetained(HostFunction(number, self))
        let status = give(call.toOpaque())
        guard status != Status.success else { return status }
        call.release()
        monitor.withLock { given[number] = nil }
        drop(number)
        return status
    }

    /// The driver was not given a function: the client need not remember it.
    func drop(_ number: UInt64) {
        let frame = BulkFrame(.call, slot: BulkFrame.isDropped, transfer: number)
        monitor.withLock {
            // A client that keeps to its bound has no more of them.
            if untold.count < Self.most { tellLater(frame) }
        }
    }

    /// A context is gone, and what its streams have not called never will be.
    func removeAll(context: UInt32) {
        monitor.withLock {
            given = given.filter { $0.value != context || running.contains($0.key) }
        }
    }

    // MARK: - On a thread of the driver, which may not call it

    /// It is a function's turn: returns when it has returned, or nobody is there who could run it.
    func run(_ number: UInt64, _ status: CUresult) {
        monitor.lock()
        defer { monitor.unlock() }
        guard !isClosed, given[number] != nil else { return }
        running.insert(number)
        let frame = BulkFrame(.call, status: status, transfer: number)
        if channel != nil, untold.isEmpty, answers.hasNothingUnderWay {
            monitor.unlock()
            tell(frame)
            monitor.lock()
        } else {
            // Copies before it have ended, but only the driver knows which those are.
            tellLater(frame)
        }
        while running.contains(number), !isClosed { monitor.wait() }
        given[number] = nil
    }

    // MARK: - Telling the client

    /// Called with the lock held.
    private func tellLater(_ frame: BulkFrame) {
        guard !isClosed else { return }
        untold.append(frame)
        if !hasTeller { hasTeller = Thread.start { [self] in tellAll() } }
        monitor.wakeAll()
    }

    private func tellAll() {
        monitor.lock()
        defer { monitor.unlock() }
        while !isClosed {
            guard channel != nil, !untold.isEmpty else {
                monitor.wait()
                continue
            }
            let frames = untold
            monitor.unlock()
            answers.deliveries?.flush()
            for frame in frames { tell(frame) }
            monitor.lock()
            untold.removeFirst(frames.count)
        }
    }

    /// Tells the client, behind all bytes of copies that were sent so far.
    private func tell(_ frame: BulkFrame) {
        guard let channel = monitor.withLock({ channel }) else { return }
        var frame = frame
        frame.offset = answers.output.place
        sending.lock()
        defer { sending.unlock() }
        do throws(SocketError) {
            try channel.sendAll(frame)
        } catch {
            close()
        }
    }

    // MARK: - On the thread of the channel

    /// The client runs functions that are called on this channel, until it ends.
    func serve(_ channel: Channel) throws(SocketError) {
        let isFirst = monitor.withLock {
            guard self.channel == nil else { return false }
            self.channel = channel
            monitor.wakeAll()
            return true
        }
        guard isFirst else { throw SocketError(EPROTO, .receive) }
        defer { close() }
        let room = UnsafeMutableRawPointer.allocate(byteCount: BulkFrame.size, alignment: 8)
        defer { room.deallocate() }
        while true {
            try channel.receiveAll(.init(start: room, count: BulkFrame.size))
            guard let frame = BulkFrame(reading: room), frame.kind == .returned,
                hasReturned(frame.transfer)
            else { throw SocketError(EPROTO, .receive) }
        }
    }

    private func hasReturned(_ number: UInt64) -> Bool {
        monitor.withLock {
            guard running.remove(number) != nil else { return false }
            monitor.wakeAll()
            return true
        }
    }

    /// Lets the driver's threads go: nobody will run a function any more.
    func close() {
        monitor.withLock {
            isClosed = true
            monitor.wakeAll()
        }
    }
}

/// What a function of the worker's is given by the driver that calls it, once.
final class HostFunction {
    private let number: UInt64
    private let functions: HostFunctions

    init(_ number: UInt64, _ functions: HostFunctions) {
        self.number = number
        self.functions = functions
    }

    /// The function of `cuLaunchHostFunc`.
    static let launched: CUhostFn = { argument in run(argument, Status.success) }

    /// The function of `cuStreamAddCallback`.
    static let added: CUstreamCallback = { _, status, argument in run(argument, status) }

    private static func run(_ argument: UnsafeMutableRawPointer?, _ status: CUresult) {
        guard let argument else { return }
        let function = Unmanaged<HostFunction>.fromOpaque(argument).takeRetainedValue()
        function.functions.run(function.number, status)
    }
}
