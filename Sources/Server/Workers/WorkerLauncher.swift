internal import Glibc
package import Logging
internal import Pool
package import Wire

/// How workers are started on this server.
package struct WorkerSettings: Sendable {
    /// The program `ferry-worker`.
    package var executable: String
    /// The driver library that workers load.
    package var driver: String
    /// The environment of workers, `NAME=value`.
    package var environment: [String]
    /// Where they keep images; nil when they keep none.
    package var images: ImageCacheFolders?
    /// Where they keep the names of what processes share; nil when processes share nothing.
    package var shared: SharedFolders?
    /// Most workers of one lease at a time.
    package var mostPerLease = 128
    /// Most connections of one measurement at a time, those included whose workers are still ending.
    package var mostPerPermit = 16
    /// Most workers at a time.
    package var mostInAll = 1024

    /// Settings with the usual limits.
    package init(executable: String, driver: String, environment: [String]) {
        self.executable = executable
        self.driver = driver
        self.environment = environment
    }

    /// What of the server's environment is also the workers': PATH and the software GPU's settings.
    package static func environment(from variables: [String: String]) -> [String] {
        let kept = variables.filter { $0.key == "PATH" || $0.key.hasPrefix("FERRY_SOFT_GPU_") }
        return kept.map { "\($0.key)=\($0.value)" }.sorted()
    }
}

/// A worker that waits to be told that its client was accepted.
package struct WaitingWorker: Sendable {
    /// The worker.
    package let info: WorkerInfo
    fileprivate let control: Descriptor

    /// Ends the worker, which was not let begin.
    package func abandon() { shutdown(control.number, Int32(SHUT_RDWR)) }

    /// Lets the worker begin, with the key of its connection.
    package func begin(key: inout InlineArray<32, UInt8>) {
        withUnsafeMutableBytes(of: &key) { bytes in
            // There is room for it; a worker that has died is noticed elsewhere.
            guard let base = bytes.baseAddress else { return }
            _ = send(control.number, base, bytes.count, Int32(MSG_NOSIGNAL))
            explicit_bzero(base, bytes.count)
        }
    }
}

/// Gives each client's connection to a worker of its own.
package struct WorkerLauncher: Sendable {
    private let settings: WorkerSettings
    private let supervisor: WorkerSupervisor
    private let logger: Logger

    /// A launcher whose workers `supervisor` watches.
    package init(settings: WorkerSettings, supervisor: WorkerSupervisor, logger: Logger) {
        self.settings = settings
        self.supervisor = supervisor
        self.logger = logger
    }

    /// Why a worker for this lease could not be started now; nil when nothing speaks against it.
    package func obstacle(_ entry: LeaseEntry) -> (tooMany: Bool, reason: String)? {
        let most = entry.isPermit ? settings.mostPerPermit : settings.mostPerLease
        if supervisor.workers(of: entry.id).count >= most {
            return (true, "the lease has \(most) connections already")
        }
        if supervisor.count >= settings.mostInAll {
            return (true, "the server has \(settings.mostInAll) connections already")
        }
        if access(settings.executable, X_OK) != 0 {
            return (false, "the server's worker program cannot be started")
        }
        return nil
    }

    /// Starts a worker for a connection.
    ///
    /// - Parameters:
    ///   - socket: the client's connection, blocking; the caller still closes it.
    ///   - entry: the lease.
    ///   - offersLink: whether the client's greeting announces an offer.
    ///   - clientPID: the client's process number, as it said.
    ///   - program: the client program's name, as it said.
    ///   - security: whether the worker encrypts.
    ///   - session: what the client's bulk channels name, so that they find the worker.
    package func launch(
        socket: Int32,
        entry: LeaseEntry,
        offersLink: Bool = false,
        clientPID: UInt32,
        program: String,
        security: Security,
        session: InlineArray<32, UInt8> = .init(repeating: 0)
    ) throws -> WaitingWorker {
        let null = Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC))
        guard null.number >= 0 else { throw SystemError("open /dev/null") }
        let output = try Descriptor.pipe()
        // For the key, because arguments and environment of a process are no secret, and for the
        // sockets of bulk channels.
        let control = try Descriptor.messages()
        var arguments = [entry.isPermit ? "echo" : "serve", "--socket-fd", "3", "--key-fd", "4"]
        if security == .clear { arguments.append("--clear-text") }
        if offersLink { arguments.append("--link-offer") }
        if !entry.isPermit { arguments += ["--driver", settings.driver] }
        for grant in entry.grants {
            arguments += ["--device", "\(grant.gpuUUID)=\(grant.memoryBytes)"]
        }
        let name = "\(entry.clientName):\(clientPID) \(program)"
        arguments += ["--lease", "\(entry.id)", "--name", LogText.clean(name)]
        arguments += imageArguments(entry) + sharedArguments(entry)
        let plan = SpawnPlan(
            executable: settings.executable,
            arguments: arguments,
            environment: settings.environment,
            descriptors: [
                null.number, output.write.number, output.write.number, socket,
                control.theirs.number,
            ]
        )
        let pid = try plan.start()
        let info: WorkerInfo
        do {
            info = try supervisor.watch(
                child: pid,
                lease: entry.id,
                clientPID: clientPID,
                program: program,
                output: output.read,
                session: session,
                control: control.ours
            )
        } catch {
            // It cannot be watched, so it must not run.
            kill(pid, SIGKILL)
            var status: Int32 = 0
            waitpid(pid, &status, 0)
            throw error
        }
        logger.info(
            "worker started",
            metadata: [
                "lease": "\(entry.id)", "worker": "\(pid)", "client": "\(LogText.clean(name))",
            ]
        )
        return WaitingWorker(info: info, control: control.ours)
    }

    /// Where the worker finds what other processes of the lease share. It can do without.
    private func sharedArguments(_ entry: LeaseEntry) -> [String] {
        guard let shared = settings.shared, !entry.isPermit else { return [] }
        do {
            return ["--shared-folder", try shared.folder(of: entry.id)]
        } catch {
            logger.error("no folder for what processes share: \(error)")
            return []
        }
    }

    /// Where the worker keeps images. It can do without.
    private func imageArguments(_ entry: LeaseEntry) -> [String] {
        guard let images = settings.images, let owner = entry.owner else { return [] }
        do {
            guard let folder = try images.folder(of: owner) else { return [] }
            return ["--image-cache", folder, "--image-cache-bytes", "\(images.bytesEach)"]
        } catch {
            logger.error("no folder for images: \(error)")
            return []
        }
    }
}
