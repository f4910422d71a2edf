internal import CProcess
internal import Glibc
package import Logging
package import Pool
internal import Synchronization
internal import Wire

/// Watches worker processes from one thread: carries their output into the log, notices their end,
/// and ends them when their lease does.
///
/// A worker is known by a pidfd, so a signal can never hit another process that got its number, and
/// a worker of a former server is watched like an own one.
package final class WorkerSupervisor: Sendable {
    private struct Watched {
        var pidfd: Descriptor
        var output: Descriptor?
        var lines = LineSplitter()
        /// Whether waitpid(2) will answer for it.
        var isChild: Bool
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
    private let logger: Logger
    private let ended: @Sendable (WorkerInfo, ExitStatus) -> Void

    /// A supervisor without workers; its thread runs until `stop`.
    ///
    /// - Parameters:
    ///   - patience: milliseconds between SIGTERM and SIGKILL.
    ///   - logger: where the workers' output and their ends go.
    ///   - ended: called on the supervisor's thread when a worker is no more.
    package init(
        patience: Int64 = 2000,
        logger: Logger,
        ended: @escaping @Sendable (WorkerInfo, ExitStatus) -> Void
    ) throws {
        state = Mutex(State(table: WorkerTable(patience: patience)))
        wake = try Descriptor.event()
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
        let pidfd = ferry_pidfd_open(info.pid)
        guard pidfd >= 0 else { throw SystemError("watch the process \(info.pid)") }
        let watched = Watched(
            pidfd: Descriptor(pidfd),
            output: output,
            isChild: true,
            door: (session, control)
        )
        add(info, watched)
        return info
    }

    /// Watches a worker that a former server started; false when it is no more.
    package func adopt(_ info: WorkerInfo) throws -> Bool {
        let pidfd = ferry_pidfd_open(info.pid)
        if pidfd < 0 {
            if errno == ESRCH { return false }
            throw SystemError("watch the process \(info.pid)")
        }
        let descriptor = Descriptor(pidfd)
        // Read after the pidfd was opened: if it is the right one now, it is the right one for good.
        guard ProcessTable.startTicks(of: info.pid) == info.startTicks else { return false }
        add(info, Watched(pidfd: descriptor, output: nil, isChild: false))
        return true
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
            guard let pidfd = state.watched[key]?.pidfd else { continue }
            // It may have ended meanwhile; then its end is on its way to us.
            _ = ferry_pidfd_send_signal(pidfd.number, signal)
        }
    }

    private func run() {
        while true {
            let (isStopping, polled, timeout) = plan()
            if isStopping { return }
            var descriptors = [pollfd(fd: wake.number, events: Int16(POLLIN), revents: 0)]
            for (_, pidfd, output) in polled {
                descriptors.append(pollfd(fd: pidfd.number, events: Int16(POLLIN), revents: 0))
                let number = output?.number ?? -1
                descriptors.append(pollfd(fd: number, events: Int16(POLLIN), revents: 0))
            }
            guard poll(&descriptors, nfds_t(descriptors.count), timeout) >= 0 || errno == EINTR
            else {
                logger.critical("the supervisor cannot poll", metadata: ["errno": "\(errno)"])
                return
            }
            if descriptors[0].revents != 0 { wake.drainEvent() }
            for (position, (key, _, _)) in polled.enumerated() {
                if descriptors[2 + 2 * position].revents != 0 { readOutput(key) }
                if descriptors[1 + 2 * position].revents != 0 { finish(key) }
            }
            state.withLock { state in
                let actions = state.table.tick(now: SystemTime().now().uptime)
                Self.carryOut(actions, &state)
            }
        }
    }

    /// What to wait for; the descriptors are held, so that none is closed while it is polled.
    private func plan() -> (
        isStopping: Bool, polled: [(WorkerTable.Key, Descriptor, Descriptor?)], timeout: Int32
    ) {
        state.withLock { state in
            let polled = state.watched.map { ($0.key, $0.value.pidfd, $0.value.output) }
            let timeout = state.table.deadline.map { deadline in
                Int32(clamping: max(0, deadline - SystemTime().now().uptime))
            }
            return (state.isStopping, polled, timeout ?? -1)
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
        var status = ExitStatus.unknown
        if watched.isChild {
            var word: Int32 = 0
            while waitpid(key, &word, 0) < 0 { if errno != EINTR { break } }
            status = ExitStatus(waitStatus: word)
        }
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
