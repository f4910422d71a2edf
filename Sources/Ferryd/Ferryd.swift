internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import Logging
internal import Server
internal import Version
internal import Wire

/// The daemon of a GPU server. Only options and wiring; everything else is in `Server`.
@main
struct Ferryd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ferryd",
        abstract: "Lend this machine's GPUs to programs on other machines.",
        discussion: """
            Clients need the client file that ferryd writes to <state-dir>/client.json.

            Examples:
              ferryd                                    GPUs for programs on this machine
              ferryd --host 0.0.0.0                     for programs on other machines
              ferryd --driver /opt/x/libcuda.so.1       with a driver of your choice
            """,
        version: FerryVersion.current
    )

    @Option(help: "Address to listen on; 0.0.0.0 or :: for all.")
    var host = "127.0.0.1"

    @Option(help: "Port of the REST API (HTTPS).")
    var port = 56001

    @Option(help: "Port of data connections.")
    var dataPort = 56002

    @Flag(
        help: """
            Do not encrypt data connections. Whoever can see or touch the network can then read and \
            change all that programs send.
            """
    )
    var dataClearText = false

    @Option(
        help: """
            Folder of the Unix socket for programs on this host, and in containers that share it; \
            'none' for no socket. (default: /run/ferry for root's own state folder, else \
            <state-dir>/run)
            """
    )
    var socketDir: String?

    @Option(
        help: """
            Name or address by which clients reach this server; may be repeated. The first one goes \
            into the client file.
            """
    )
    var name: [String] = []

    @Option(
        help: """
            Folder for certificates, leases and the client file. (default: /var/lib/ferry for root, \
            else ~/.local/state/ferry)
            """
    )
    var stateDir: String?

    @Option(help: "Write the client file to this place too.")
    var clientFile: String?

    @Option(
        help: """
            CUDA driver library for the workers. (default: NVIDIA's if it has a GPU, else the \
            software GPU)
            """
    )
    var driver: String?

    @Option(help: "The ferry-worker program. (default: beside ferryd)")
    var worker: String?

    @Option(
        help: """
            Disk for device code that clients have sent, so that they need not send it again; \
            a number of MiB, or with a unit: 512MiB, 4GiB. 0 keeps nothing.
            """
    )
    var imageCacheSize: DiskSize = DiskSize(bytes: 4 << 30)

    @Option(help: "Seconds between signs of life of a client.")
    var heartbeatSeconds = 10

    @Option(help: "Seconds without a sign of life after which a lease is taken back.")
    var graceSeconds = 60

    @Option(help: "Least severe messages to log.")
    var logLevel: LogLevel = .info

    @Option(help: "How to log.")
    var logFormat: LogFormat = .text

    func validate() throws {
        guard (0...65535).contains(port), (0...65535).contains(dataPort) else {
            throw ValidationError("A port is a number from 0 to 65535.")
        }
        guard heartbeatSeconds >= 1, graceSeconds > heartbeatSeconds, graceSeconds <= 86400 else {
            throw ValidationError(
                "The grace period must be longer than the heartbeat and at most a day."
            )
        }
    }

    func run() async throws {
        let (format, level) = (logFormat.format, logLevel.level)
        LoggingSystem.bootstrap { StderrLogHandler(label: $0, format: format, level: level) }
        let logger = Logger(label: "ferryd")
        do {
            try await Daemon(configuration: try daemonConfiguration(), logger: logger).run()
        } catch {
            logger.critical("ferryd cannot go on: \(error)")
            throw ExitCode(1)
        }
    }

    private func daemonConfiguration() throws -> DaemonConfiguration {
        let environment = ProcessInfo.processInfo.environment
        let state =
            stateDir
            ?? DaemonConfiguration.defaultStateDirectory(
                environment: environment,
                isRoot: geteuid() == 0
            )
        guard let state else { throw ValidationError("No HOME is set; name a --state-dir.") }
        let folder = DaemonConfiguration.programFolder() ?? "."
        var configuration = DaemonConfiguration(
            stateDirectory: state,
            worker: worker ?? folder + "/ferry-worker",
            libraryDirectory: environment["FERRY_LIBRARY_DIR"] ?? folder + "/../lib/ferry"
        )
        configuration.host = host
        configuration.port = port
        configuration.dataPort = dataPort
        configuration.socketDirectory = socketDirectory(state: state)
        configuration.dataSecurity = dataClearText ? .clear : .tls
        configuration.names = name
        configuration.clientFile = clientFile
        configuration.driver = driver
        configuration.imageCacheBytes = imageCacheSize.bytes
        configuration.heartbeatSeconds = heartbeatSeconds
        configuration.graceSeconds = graceSeconds
        configuration.workerEnvironment = WorkerSettings.environment(from: environment)
        return configuration
    }

    /// The folder as clients must name it: from the root.
    private func socketDirectory(state: String) -> String? {
        if socketDir == "none" { return nil }
        let folder =
            socketDir
            ?? DaemonConfiguration.defaultSocketDirectory(
                state: state,
                isSystemState: stateDir == nil && geteuid() == 0
            )
        return folder.hasPrefix("/")
            ? folder : FileManager.default.currentDirectoryPath + "/" + folder
    }
}

/// A size on disk, as an option.
extension DiskSize: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }

    package var defaultValueDescription: String { description }
}

/// swift-log's levels, as an option.
enum LogLevel: String, CaseIterable, ExpressibleByArgument {
    case trace, debug, info, notice, warning, error

    var level: Logger.Level { Logger.Level(rawValue: rawValue) ?? .info }
}

/// The log's formats, as an option.
enum LogFormat: String, CaseIterable, ExpressibleByArgument {
    case text, json

    var format: StderrLogHandler.Format { self == .text ? .text : .json }
}
