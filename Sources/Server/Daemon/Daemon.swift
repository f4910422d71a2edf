internal import CProcess
internal import Glibc
internal import Hummingbird
internal import HummingbirdCore
internal import HummingbirdTLS
package import Logging
internal import NIOCore
internal import Pool
internal import ServiceLifecycle
internal import Store
internal import UnixSignals
internal import Version
internal import Wire

/// The daemon: everything of this module, wired together.
package struct Daemon: Sendable {
    /// Where a running daemon is reached.
    package struct Addresses: Sendable {
        /// The API's port.
        package var port: Int
        /// The data port.
        package var dataPort: Int
        /// The file for clients.
        package var clientFile: String
    }

    /// Most connections to the API at a time.
    private static let mostConnections = 1024

    private let configuration: DaemonConfiguration
    private let logger: Logger

    /// A daemon that is not yet running.
    package init(configuration: DaemonConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Runs until a signal (or the end of the task) asks it to stop. Leases and workers outlive it.
    ///
    /// - Parameters:
    ///   - signals: whether SIGTERM and SIGINT stop it.
    ///   - ready: called when both ports are open and the client file is written.
    package func run(
        signals: Bool = true,
        ready: @escaping @Sendable (Addresses) -> Void = { _ in }
    ) async throws {
        Glibc.signal(SIGPIPE, SIG_IGN)
        // SQLite makes its files as the mask allows.
        umask(0o077)
        let state = configuration.stateDirectory
        try PrivateFiles.makeFolder(state)
        let lock = try lockState(state + "/lock")
        defer { close(lock) }
        let parts = try await assemble(state: state)
        let application = try await self.application(parts) { channel in
            do {
                ready(try announce(channel, parts))
            } catch {
                logger.critical("the client file could not be written: \(error)")
            }
        }
        if configuration.dataSecurity == .clear {
            logger.warning(
                """
                DATA CONNECTIONS ARE NOT ENCRYPTED (--data-clear-text): whoever can see or touch the \
                network can read and change all that programs send
                """
            )
        }
        try parts.listener.start()
        let services: [any Service] = [
            parts.identity, Housekeeping(desk: parts.desk), DataPort(listener: parts.listener),
            application,
        ]
        var group = ServiceGroupConfiguration(
            services: services,
            gracefulShutdownSignals: signals ? [.sigterm, .sigint] : [],
            logger: quiet
        )
        group.maximumGracefulShutdownDuration = .seconds(10)
        defer { parts.supervisor.stop() }
        try await ServiceGroup(configuration: group).run()
        logger.notice("stopped; leases and their workers live on")
    }

    /// The libraries' own messages are only of use when something is wrong.
    private var quiet: Logger {
        var quiet = logger
        if quiet.logLevel > .debug { quiet.logLevel = max(quiet.logLevel, .warning) }
        return quiet
    }

    // MARK: - Parts

    private struct Parts: Sendable {
        var identity: LiveIdentity
        var store: SQLiteStore
        var token: Token
        var supervisor: WorkerSupervisor
        var desk: LeaseDesk
        var listener: DataListener
        var socket: String?
        var inventory: Inventory
    }

    private func assemble(state: String) async throws -> Parts {
        logger.notice("ferryd \(FerryVersion.current) starts", metadata: ["state": "\(state)"])
        let identity = try LiveIdentity(
            folder: state,
            host: configuration.host,
            names: configuration.names,
            logger: logger
        )
        let store = try SQLiteStore(path: state + "/ferry.sqlite")
        let token = try await clientToken(store: store, file: state + "/client.json")
        let reader = InventoryReader(
            worker: configuration.worker,
            environment: configuration.workerEnvironment
        )
        let inventory = try DriverChoice.choose(
            named: configuration.driver,
            software: configuration.libraryDirectory + "/software/libcuda.so.1",
            logger: logger,
            read: reader.read(driver:)
        )
        let link = DeskLink()
        let supervisor = try WorkerSupervisor(logger: logger) { info, _ in link.ended(info) }
        let directory = LeaseDirectory()
        let shared = SharedFolders(root: state + "/shared")
        let desk = LeaseDesk(
            pool: Pool(gpus: inventory.gpus, grace: Int64(configuration.graceSeconds) * 1000),
            store: store,
            directory: directory,
            supervisor: supervisor,
            shared: shared,
            time: SystemTime(),
            logger: logger
        )
        link.connect(desk)
        try await desk.restore()
        shared.removeOthers(await desk.leases.map(\.id))
        var settings = WorkerSettings(
            executable: configuration.worker,
            driver: inventory.driverPath,
            environment: configuration.workerEnvironment
        )
        settings.shared = shared
        settings.images = imageFolders(state, owners: try await store.tokenHashes())
        settings.mostInAll = max(settings.mostInAll, inventory.gpus.count * settings.mostPerLease)
        let local = localListener()
        let listener = try DataListener(
            host: configuration.host,
            port: configuration.dataPort,
            local: local,
            security: configuration.dataSecurity,
            directory: directory,
            launcher: WorkerLauncher(settings: settings, supervisor: supervisor, logger: logger),
            supervisor: supervisor,
            logger: logger
        ) { info in link.started(info) }
        return Parts(
            identity: identity,
            store: store,
            token: token,
            supervisor: supervisor,
            desk: desk,
            listener: listener,
            socket: local?.path,
            inventory: inventory
        )
    }

    /// The Unix socket. Without it everything works, only slower for clients on this host.
    private func localListener() -> LocalListener? {
        guard let folder = configuration.socketDirectory else { return nil }
        do {
            return try LocalListener(folder: folder)
        } catch {
            logger.error("no Unix socket for clients on this host: \(error)")
            return nil
        }
    }

    private func application(
        _ parts: Parts,
        running: @escaping @Sendable (any Channel) -> Void
    ) async throws -> some ApplicationProtocol {
        let api = API(
            desk: parts.desk,
            supervisor: parts.supervisor,
            tokens: TokenSet(hashes: try await parts.store.tokenHashes()),
            facts: ServerFacts(
                inventory: parts.inventory,
                dataPort: parts.listener.port,
                dataSocket: parts.socket,
                dataSecurity: configuration.dataSecurity,
                heartbeatSeconds: configuration.heartbeatSeconds,
                graceSeconds: configuration.graceSeconds
            ),
            logger: logger
        )
        var decoder = HTTP1Channel.Configuration.DecoderConfiguration()
        decoder.maxHeaderListSize = 16 * 1024
        decoder.maxHeaderFieldSize = 8 * 1024
        decoder.maxHeaderFieldCount = 100
        return Application(
            router: api.router(),
            server: try .tls(
                .http1(
                    configuration: .init(
                        additionalChannelHandlers: [RequestDeadlines()],
                        httpDecoderConfiguration: decoder
                    )
                ),
                tlsConfiguration: parts.identity.configuration()
            ),
            configuration: .init(
                address: .hostname(configuration.host, port: configuration.port),
                serverName: "ferryd/\(FerryVersion.current)",
                availableConnectionsDelegate: MaximumAvailableConnections(Self.mostConnections)
            ),
            onServerRunning: { channel in running(channel) },
            logger: quiet
        )
    }

    // MARK: - The state folder

    /// Where workers keep images, without those of tokens that are no more.
    private func imageFolders(_ state: String, owners: [[UInt8]]) -> ImageCacheFolders? {
        let bytes = configuration.imageCacheBytes
        let folders = ImageCacheFolders(
            root: state + "/images",
            bytes: bytes,
            owners: bytes > 0 ? owners : []
        )
        folders.removeOthers()
        return bytes > 0 ? folders : nil
    }

    /// Two daemons must not share a state folder; the lock goes with the process.
    ///
    /// One that is just ending still has it, and so has a child between its fork and its exec.
    private func lockState(_ path: String) throws -> Int32 {
        let lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw SystemError("open \(path)") }
        var attempts = 20
        while flock(lock, LOCK_EX | LOCK_NB) != 0 {
            attempts -= 1
            if attempts > 0, errno == EWOULDBLOCK || errno == EINTR {
                usleep(50_000)
                continue
            }
            let failure = SystemError("lock \(path) (is another ferryd running?)")
            close(lock)
            throw failure
        }
        return lock
    }

    /// The token of the client file; a new one when there is no such file, or its token is not ours.
    private func clientToken(store: SQLiteStore, file: String) async throws -> Token {
        let known = TokenSet(hashes: try await store.tokenHashes())
        if let old = try ClientFile.read(file).map({ Token(text: $0.token) }), known.contains(old) {
            return old
        }
        let token = Token()
        let now = SystemTime().now()
        try await store.insert(tokenHash: token.hash, name: "client file", at: now)
        logger.notice("new token for clients", metadata: ["file": "\(file)"])
        return token
    }

    private func announce(_ channel: any Channel, _ parts: Parts) throws -> Addresses {
        let port = channel.localAddress?.port ?? configuration.port
        var host = configuration.names.first ?? configuration.host
        if ServerNames.isWildcard(host) { host = ServerNames.hostName() }
        let file = ClientFile(
            address: ClientFile.address(host: host, port: port),
            ca: try parts.identity.authorityPEM(),
            token: parts.token.text
        )
        let path = configuration.stateDirectory + "/client.json"
        try file.write(path)
        if let second = configuration.clientFile { try file.write(second) }
        logger.notice(
            "ready",
            metadata: [
                "api": "\(file.address)", "data_port": "\(parts.listener.port)",
                "data_socket": "\(parts.socket ?? "none")",
                "client_file": "\(configuration.clientFile ?? path)",
            ]
        )
        return Addresses(port: port, dataPort: parts.listener.port, clientFile: path)
    }
}
