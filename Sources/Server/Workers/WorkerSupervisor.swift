internal import Glibc
package import Logging
package import Pool
internal import Synchronization
internal import Wire

/// Watches worker processes from one thread: carries their output into the log, notices their end,
/// and ends them when their lease does.
///
/// A signal never hits another process that got a worker's number, and a worker of a former server is
/// watched like an own one; see `WorkerProcess`.
package final class WorkerSupervisor: Sendable {
    private struct Watched {
        let process: WorkerProcess
        var output: Descriptor?
        var lines = LineSplitter()
        /// What its client's bulk channels name, and where their sockets go; nil when a former server
        /// started it.
        var door: (session: InlineArray<32, UInt8>, control: Descriptor)?
    }

    private struct State {
        var table: WorkerTable
        var watched: [WorkerTable.Key: Watched] = [:]
        var isStopping = false
    }

    private let state: Mutex<State>
    private let wake: Descriptor
    private let usesPidfd: Bool
    private let logger: Logger
    private let ended: @Sendable (WorkerInfo, ExitStatus) -> Void

    /// A supervisor without workers; its thread runs until `stop`.
    ///
    /// - Parameters:
    ///   - patience: milliseconds between SIGTERM and SIGKILL.
    ///   - usesPidfd: false to watch as on a kernel that has no pidfds.
    ///   - logger: where the workers' output and their ends go.
    ///   - ended: called on the supervisor's thread when a worker is no more.
    package init(
        patience: Int64 = 2000,
        usesPidfd: Bool = true,
        logger: Logger,
        ended: @escaping @Sendable (WorkerInfo, ExitStatus) -> Void
    ) throws {
        state = Mutex(State(table: WorkerTable(patience: patience)))
        wake = try Descriptor.event()
        self.usesPidfd = usesPidfd
        self.logger = logger
        self.ended = ended
        try Thread.start(name: "ferry-workers") { [self] in run() }
    }

    /// Watches a child that was just started.
    ///
    /// - Parameters:
    ///   - output: the reading end of its standard output and error.
    ///   - session: what its client's bulk channels name.
    ///   - control: where their sockets go.
    /// - Returns: the child as it will be shown.
    func watch(
        child pid: Int32,
        lease: LeaseID,
        clientPID: UInt32,
        program: String,
        output: Descriptor,
        session: InlineArray<32, UInt8>,
        control: Descriptor
    ) throws(SystemError) -> WorkerInfo {
        let info = WorkerInfo(
            lease: lease,
            pid: pid,
            startTicks: ProcessTable.startTicks(of: pid) ?? 0,
            clientPID: clientPID,
            program: program
        )
        try output.setBlocking(false)
        guard let process = try process(info, isChild: true) else {
            throw SystemError("watch the process \(pid)", code: ESRCH)
        }
        add(info, Watched(process: process, output: output, door: (session, control)))
        return info
    }

    /// Watches a worker that a former server started; false when it is no more.
    package func adopt(_ info: WorkerInfo) throws -> Bool {
        guard let process = try process(info, isChild: false) else { return false }
        add(info, Watched(process: process, output: nil))
        return true
    }

    private func process(
        _ info: WorkerInfo,
        isChild: Bool
    ) throws(SystemError) -> WorkerProcess? {
        try WorkerProcess(
            pid: info.pid,
            startTicks: info.startTicks,
            isChild: isChild,
            usesPidfd: usesPidfd
        )
    }

    /// Ends all workers of a lease: SIGTERM now, SIGKILL later.
    package func end(lease: LeaseID) {
        let now = SystemTime().now().uptime
        state.withLock { state in
            let actions = state.table.end(lease: lease, now: now)
            Self.carryOut(actions, &state)
        }
        wake.signal()
    }

    /// The living workers of a lease.
    package func workers(of lease: LeaseID) -> [WorkerInfo] {
        state.withLock { $0.table.workers(of: lease) }
    }

    /// How the connection of a worker travels; nil when that is not known.
    package func transport(of info: WorkerInfo) -> String? {
        state.withLock { $0.table.transport(info.pid) }
    }

    /// Where the sockets of a session's bulk channels go; nil when there is no such worker of the
    /// lease, or it takes none.
    func control(lease: LeaseID, session: InlineArray<32, UInt8>) -> Descriptor? {
        state.withLock { state in
            for worker in state.table.workers(of: lease) {
                guard let door = state.watched[worker.pid]?.door else { continue }
                if SHA256.areEqual(door.session, session) { return door.control }
            }
            return nil
        }
    }

    /// How many workers live.
    package var count: Int { state.withLock { $0.table.count } }

    /// Ends the thread; the workers live on.
    package func stop() {
        state.withLock { $0.isStopping = true }
        wake.signal()
    }

    // MARK: - The thread

    private func add(_ info: WorkerInfo, _ watched: Watched) {
        state.withLock { state in
            state.table.add(info, key: info.pid)
            state.watched[info.pid] = watched
        }
        wake.signal()
    }

    private static func carryOut(_ actions: [WorkerTable.Action], _ state: inout State) {
        for action in actions {
            let (key, signal) =
                switch action {
                case .terminate(let key): (key, SIGTERM)
                case .kill(let key): (key, SIGKILL)
                }
            state.watched[key]?.process.send(signal)
        }
    }

    private func run() {
        while true {
            let (isStopping, polled, timeout) = plan()
            if isStopping { return }
            var descriptors = [pollfd(fd: wake.number, events: Int16(POLLIN), revents: 0)]
            for (_, process, output) in polled {
                for number in [process.pidfd?.number ?? -1, output?.number ?? -1] {
                    descriptors.append(pollfd(fd: number, events: Int16(POLLIN), revents: 0))
                }
            }
            guard poll(&descriptors, nfds_t(descriptors.count), timeout) >= 0 || errno == EINTR
            else {
                logger.critical("the supervisor cannot poll", metadata: ["errno": "\(errno)"])
                return
            }
            if descriptors[0].revents != 0 { wake.drainEvent() }
            for (position, (key, process, _)) in polled.enumerated() {
                if descriptors[2 + 2 * position].revents != 0 { readOutput(key) }
                let hasEnded =
                    process.pidfd == nil
                    ? process.hasEnded : descriptors[1 + 2 * position].revents != 0
                if hasEnded { finish(key) }
            }
            state.withLock { state in
                let actions = state.table.tick(now: SystemTime().now().uptime)
                Self.carryOut(actions, &state)
            }
        }
    }

    /// What to wait for; the descriptors are held, so that none is closed while it is polled.
    private func plan() -> (
        isStopping: Bool, polled: [(WorkerTable.Key, WorkerProcess, Descriptor?)], timeout: Int32
    ) {
        state.withLock { state in
            let polled = state.watched.map { ($0.key, $0.value.process, $0.value.output) }
            let due = state.table.deadline.map { deadline in
                Int32(clamping: max(0, deadline - SystemTime().now().uptime))
            }
            let isAsked = polled.contains { $0.1.pidfd == nil }
            let timeouts = [due, isAsked ? WorkerProcess.interval : nil].compactMap(\.self)
            return (state.isStopping, polled, timeouts.min() ?? -1)
        }
    }

    /// Carries what a worker said into the log.
    private func readOutput(_ key: WorkerTable.Key) {
        guard var watched = state.withLock({ $0.watched[key] }), let output = watched.output else {
            return
        }
        var buffer = [UInt8](repeating: 0, count: 16384)
        let count = read(output.number, &buffer, buffer.count)
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        let lines: [String]
        if count <= 0 {
            lines = watched.lines.finish()
            watched.output = nil
        } else {
            lines = watched.lines.add(buffer[..<count])
        }
        state.withLock { state in
            state.watched[key]?.lines = watched.lines
            state.watched[key]?.output = watched.output
            for transport in lines.compactMap(Self.transport) {
                state.table.note(transport: transport, of: key)
            }
        }
        let metadata = self.metadata(key)
        for line in lines { logger.info("worker: \(line)", metadata: metadata) }
    }

    /// The transport that a line of a worker names. A worker runs its client's code and may say
    /// anything; it is believed if it is one that exists.
    private static func transport(_ line: String) -> String? {
        let prefix = "ferry-worker: transport "
        guard line.hasPrefix(prefix) else { return nil }
        let word = String(line.dropFirst(prefix.count))
        return TransportChoice.allCases.contains { "\($0.name)" == word } ? word : nil
    }

    /// A worker is no more.
    private func finish(_ key: WorkerTable.Key) {
        // What it said last is still in the pipe.
        while state.withLock({ $0.watched[key]?.output }).map({ Self.hasBytes($0.number) }) == true
        {
            readOutput(key)
        }
        let metadata = self.metadata(key)
        guard let watched = state.withLock({ $0.watched.removeValue(forKey: key) }) else { return }
        let info = state.withLock { $0.table.remove(key) }
        var rest = watched.lines
        for line in rest.finish() { logger.info("worker: \(line)", metadata: metadata) }
        let status = watched.process.reap()
        let level: Logger.Level = status == .exited(0) || status == .unknown ? .info : .warning
        logger.log(level: level, "worker ended: \(status)", metadata: metadata)
        if let info { ended(info, status) }
    }

    private static func hasBytes(_ descriptor: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) > 0 && entry.revents & Int16(POLLIN) != 0
    }

    private func metadata(_ key: WorkerTable.Key) -> Logger.Metadata {
        let info = state.withLock { $0.table.info(key) }
        return ["lease": "\(info?.lease.description ?? "?")", "worker": "\(key)"]
    }
}
