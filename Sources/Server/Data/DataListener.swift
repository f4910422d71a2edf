internal import CProcess
internal import Glibc
package import Logging
internal import Pool
internal import Synchronization
package import Wire

/// The data port: shakes hands with clients on one thread and gives each connection to a worker.
///
/// Connections that have not yet proved anything are bounded in number and in time; when there are
/// too many, the oldest of them goes, so that a flood of silent ones cannot shut the door.
package final class DataListener: Sendable {
    /// Milliseconds within which the client's greeting must be complete.
    package static let patience: Int64 = 5000
    /// Most connections whose handshake is not over.
    package static let mostHalfOpen = 256

    private struct HalfOpen {
        var socket: Descriptor
        var admission: Admission
        var deadline: Int64
    }

    private let listener: Descriptor
    private let local: LocalListener?
    private let wake: Descriptor
    private let directory: LeaseDirectory
    private let launcher: WorkerLauncher
    private let supervisor: WorkerSupervisor
    private let security: Security
    private let started: @Sendable (WorkerInfo) -> Void
    private let logger: Logger
    private let isStopping = Atomic(false)
    private let decoy: InlineArray<32, UInt8>
    /// The port that it listens on.
    package let port: Int

    /// Binds the port; `start` begins to serve it.
    ///
    /// - Parameters:
    ///   - host: a numeric address or a name of this machine.
    ///   - port: 0 takes any free one.
    ///   - local: the Unix socket that is served too.
    ///   - security: how all connections to it are protected.
    ///   - directory: the leases.
    ///   - launcher: starts the workers.
    ///   - supervisor: watches them.
    ///   - logger: where refusals go.
    ///   - started: called on the listener's thread when a worker was started.
    package init(
        host: String,
        port: Int,
        local: LocalListener? = nil,
        security: Security,
        directory: LeaseDirectory,
        launcher: WorkerLauncher,
        supervisor: WorkerSupervisor,
        logger: Logger,
        started: @escaping @Sendable (WorkerInfo) -> Void
    ) throws {
        (listener, self.port) = try Self.bind(host: host, port: port)
        self.local = local
        wake = try Descriptor.event()
        self.security = security
        self.directory = directory
        self.launcher = launcher
        self.supervisor = supervisor
        self.started = started
        self.logger = logger
        decoy = Self.random()
    }

    /// Begins to serve.
    package func start() throws { try Thread.start(name: "ferry-data") { [self] in run() } }

    /// Stops serving; connections that were handed over live on.
    package func stop() {
        isStopping.store(true, ordering: .releasing)
        local?.remove()
        wake.signal()
    }

    // MARK: - The thread

    private func run() {
        var halfOpen: [HalfOpen] = []
        while !isStopping.load(ordering: .acquiring) {
            var descriptors = [wake, listener].map {
                pollfd(fd: $0.number, events: Int16(POLLIN), revents: 0)
            }
            // A negative descriptor is passed over.
            let door = local?.descriptor.number ?? -1
            descriptors.append(pollfd(fd: door, events: Int16(POLLIN), revents: 0))
            descriptors += halfOpen.map {
                pollfd(fd: $0.socket.number, events: Int16(POLLIN), revents: 0)
            }
            let now = SystemTime().now().uptime
            let timeout = halfOpen.map(\.deadline).min().map { Int32(clamping: max(0, $0 - now)) }
            if poll(&descriptors, nfds_t(descriptors.count), timeout ?? -1) < 0, errno != EINTR {
                logger.critical("the data port cannot poll", metadata: ["errno": "\(errno)"])
                return
            }
            if descriptors[0].revents != 0 { wake.drainEvent() }
            var undecided: [HalfOpen] = []
            let later = SystemTime().now().uptime
            for (entry, polled) in zip(halfOpen, descriptors.dropFirst(3)) {
                if polled.revents != 0 {
                    if let entry = advance(entry) { undecided.append(entry) }
                } else if entry.deadline <= later {
                    logger.debug("a client was silent on the data port")
                } else {
                    undecided.append(entry)
                }
            }
            halfOpen = undecided
            if descriptors[1].revents != 0 { accept(from: listener, security, into: &halfOpen) }
            if descriptors[2].revents != 0, let local {
                // What does not leave the host needs no encryption.
                accept(from: local.descriptor, .clear, into: &halfOpen)
            }
        }
    }

    private func accept(
        from listener: Descriptor,
        _ security: Security,
        into halfOpen: inout [HalfOpen]
    ) {
        // A bound, so that a flood cannot keep those waiting that are half way through.
        for _ in 0..<64 {
            let number = ferry_accept(listener.number)
            guard number >= 0 else {
                if errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS {
                    logger.error("no room for another connection", metadata: ["errno": "\(errno)"])
                    // The connection stays in the queue; do not spin on it.
                    usleep(50_000)
                }
                return
            }
            let socket = Descriptor(number)
            Self.tune(number)
            let admission = Admission(nonce: Self.random(), security: security)
            guard Self.send(admission.greeting, to: number) else { continue }
            if halfOpen.count >= Self.mostHalfOpen {
                logger.warning("too many unproven connections; the oldest is closed")
                halfOpen.removeFirst()
            }
            let deadline = SystemTime().now().uptime + Self.patience
            halfOpen.append(HalfOpen(socket: socket, admission: admission, deadline: deadline))
        }
    }

    /// Reads on; nil when the handshake is over, one way or the other.
    private func advance(_ entry: HalfOpen) -> HalfOpen? {
        var entry = entry
        var buffer = [UInt8](repeating: 0, count: Handshake.clientHelloSize)
        let count = recv(entry.socket.number, &buffer, entry.admission.missing, 0)
        if count < 0, errno == EAGAIN || errno == EINTR { return entry }
        guard count > 0 else { return nil }
        entry.admission.receive(buffer[..<count])
        if entry.admission.missing > 0 { return entry }
        conclude(entry)
        return nil
    }

    private func conclude(_ entry: HalfOpen) {
        let client = entry.admission.clientHello()
        switch entry.admission.decide(client, directory: directory, decoy: decoy) {
        case .refuse(let status, let reason):
            refuse(entry.socket, status, reason)
        case .accept(let lease, let keys) where client?.purpose == Handshake.bulkChannel:
            if let client { hand(over: entry.socket, bulkOf: lease, client, keys) }
        case .accept(let lease, let keys):
            guard let client else { return }
            if let (tooMany, reason) = launcher.obstacle(lease) {
                logger.error("\(reason)", metadata: ["lease": "\(lease.id)"])
                refuse(entry.socket, tooMany ? .tooManyConnections : .workerFailed, reason)
                return
            }
            hand(over: entry.socket, to: lease, client, keys)
        }
    }

    private func hand(
        over socket: Descriptor,
        to lease: LeaseEntry,
        _ client: Handshake.ClientHello,
        _ keys: Admission.Keys
    ) {
        var keys = keys
        do {
            try socket.setBlocking(true)
            let worker = try launcher.launch(
                socket: socket.number,
                entry: lease,
                offersLink: client.channel & Handshake.offersLink != 0,
                clientPID: client.process,
                program: Admission.programName(client),
                security: client.security == Security.clear.rawValue ? .clear : .tls,
                session: client.nonce
            )
            // The verdict goes before the key: with it, the worker may speak at any moment.
            if Self.send(Admission.verdict(.accepted, proof: keys.proof), to: socket.number) {
                worker.begin(key: &keys.connection)
            } else {
                worker.abandon()
            }
            // The lease may have ended since it was looked up, before its workers were asked to.
            if !directory.isLiving(lease.id) { supervisor.end(lease: lease.id) }
            // The worker of a measurement is gone before anybody could miss it.
            if !lease.isPermit { started(worker.info) }
        } catch {
            logger.error("no worker: \(error)", metadata: ["lease": "\(lease.id)"])
            refuse(socket, .workerFailed, "the server could not start a worker")
        }
    }

    /// Gives a bulk channel to the worker of its session.
    private func hand(
        over socket: Descriptor,
        bulkOf lease: LeaseEntry,
        _ client: Handshake.ClientHello,
        _ keys: Admission.Keys
    ) {
        guard !lease.isPermit,
            let control = supervisor.control(lease: lease.id, session: client.name)
        else {
            refuse(socket, .noSession, "there is no such session that takes bulk channels")
            return
        }
        let invitation = BulkInvitation(
            key: keys.connection,
            isEncrypted: client.security != Security.clear.rawValue,
            offersLink: client.channel & Handshake.offersLink != 0
        )
        // The verdict goes first: with the socket, the worker may speak at any moment.
        guard (try? socket.setBlocking(true)) != nil,
            Self.send(Admission.verdict(.accepted, proof: keys.proof), to: socket.number)
        else { return }
        if !control.hand(over: socket, invitation) {
            logger.warning("a bulk channel found no room", metadata: ["lease": "\(lease.id)"])
        }
    }

    private func refuse(_ socket: Descriptor, _ status: Handshake.Status, _ reason: String) {
        logger.warning(
            "a client was refused on the data port: \(reason)",
            metadata: ["peer": "\(Self.peer(socket.number))", "status": "\(status)"]
        )
        _ = Self.send(Admission.verdict(status, message: reason), to: socket.number)
        shutdown(socket.number, Int32(SHUT_WR))
    }

    // MARK: - Sockets

    private static func bind(host: String, port: Int) throws -> (Descriptor, Int) {
        let descriptor = try SocketAddress.firstListening(host: host, port: port) {
            (address) throws(SystemError) -> Descriptor? in
            let number = socket(
                address.ai_family,
                Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue),
                0
            )
            guard number >= 0 else { return nil }
            let descriptor = Descriptor(number)
            set(number, SOL_SOCKET, SO_REUSEADDR, 1)
            guard Glibc.bind(number, address.ai_addr, address.ai_addrlen) == 0,
                listen(number, 512) == 0
            else { throw SystemError("listen on \(host) port \(port)") }
            return descriptor
        }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let bound = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor.number, $0, &length)
            }
        }
        guard bound == 0 else { throw SystemError("look at the data port") }
        // sin_port and sin6_port are at the same place.
        let actual = withUnsafeBytes(of: storage) { Int($0[2]) << 8 | Int($0[3]) }
        return (descriptor, actual)
    }

    private static func tune(_ socket: Int32) {
        set(socket, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        set(socket, SOL_SOCKET, SO_KEEPALIVE, 1)
        // A client machine that vanished is noticed after a minute and not after two hours.
        set(socket, Int32(IPPROTO_TCP), TCP_KEEPIDLE, 30)
        set(socket, Int32(IPPROTO_TCP), TCP_KEEPINTVL, 10)
        set(socket, Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
    }

    private static func set(_ socket: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(socket, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Sends a few bytes, for which an empty send buffer always has room.
    private static func send(_ bytes: [UInt8], to socket: Int32) -> Bool {
        Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }

    private static func peer(_ socket: Int32) -> String {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getpeername(socket, address, &length) == 0 else { return "?" }
                if Int32(address.pointee.sa_family) == AF_UNIX { return "this host" }
                return SocketAddress.numericHost(address, length: length) ?? "?"
            }
        }
    }

    private static func random() -> InlineArray<32, UInt8> {
        var generator = SystemRandomNumberGenerator()
        return InlineArray { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
