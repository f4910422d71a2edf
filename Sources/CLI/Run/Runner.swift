internal import Glibc
internal import Version

/// One run from the lease to its return.
struct Runner {
    let options: Run
    let log: RunLog
    private let session = Session()

    init(options: Run) {
        self.options = options
        log = RunLog(isVerbose: options.verbose)
    }

    /// Runs the program; its exit status, or 128 + n when a signal ended it.
    func run() async throws -> Int32 {
        let environment = Environment.ofThisProcess()
        // What can go wrong without a server goes wrong before one is asked.
        let program = try Program(words: options.command, path: environment["PATH"])
        let library = try ClientLibrary.folder(environment: environment)
        let (path, file) = try ClientFile.load(
            named: options.connection.clientFile,
            environment: environment
        )
        let endpoint = try Endpoint(options.connection.server ?? file.address)
        let statistics = try StatisticsOutput(options: options.statistics)
        session.begin()
        log.info("Query server \(endpoint) gpu availability")
        let prepared = Prepared(
            program: program,
            library: library,
            clientFile: path,
            statistics: statistics
        )
        do {
            return try await APIClient.withConnection(to: endpoint, file: file) { client in
                let lease = try await self.lease(client, program, environment)
                if let status = session.aborted {
                    await giveBack(lease, client)
                    return status
                }
                return try await run(prepared, lease, client, environment)
            }
        } catch let aborted as Aborted {
            return aborted.status
        }
    }

    private struct Prepared {
        var program: Program
        var library: String
        var clientFile: String
        var statistics: StatisticsOutput
    }

    // MARK: - The lease

    private func lease(
        _ client: APIClient,
        _ program: Program,
        _ environment: Environment
    ) async throws -> GrantedLease {
        let wish = LeaseWish(
            gpus: options.numGPUs,
            memoryFraction: options.partial,
            memoryMib: options.memory,
            client: Self.describe(program, environment)
        )
        let asking = Task { try await client.grant(wish) }
        // A second is enough for an answer that is on its way; without one there is nothing to give
        // back, or the server's grace period sees to it.
        session.whenHurried {
            Task {
                try? await Task.sleep(for: .seconds(1))
                asking.cancel()
            }
        }
        do {
            let lease = try await asking.value
            let gpus = lease.gpus.map { "\($0.index)" }.joined(separator: ", ")
            log.info(
                "Requesting GPUs [\(gpus)] with \((lease.gpus.first?.memoryBytes ?? 0) >> 20) MiB of "
                    + "memory from server 0, with version \(FerryVersion.current)"
            )
            return lease
        } catch {
            if let status = session.aborted { throw Aborted(status: status) }
            throw error
        }
    }

    private func giveBack(_ lease: GrantedLease, _ client: APIClient) async {
        do {
            try await client.release(lease.id)
        } catch {
            log.warn(
                "the GPUs could not be given back; the server takes them back after "
                    + "\(lease.graceSeconds) s"
            )
        }
    }

    private static func describe(
        _ program: Program,
        _ environment: Environment
    ) -> LeaseWish.Client {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let host = name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
        let user = environment["USER"] ?? environment["LOGNAME"] ?? "uid \(getuid())"
        return LeaseWish.Client(
            host: String(decoding: host, as: UTF8.self),
            user: user.limited(toUTF8: 255),
            pid: Int64(getpid()),
            command: program.text.limited(toUTF8: 1024)
        )
    }

    // MARK: - The program

    private func run(
        _ prepared: Prepared,
        _ lease: GrantedLease,
        _ client: APIClient,
        _ environment: Environment
    ) async throws -> Int32 {
        let file: LeaseFile
        do {
            let path = try DataPath(
                choice: options.transport.transport,
                offered: options.transport.socket ?? lease.dataSocket,
                security: lease.dataSecurity,
                address: client.address,
                link: options.emulateLink
            )
            file = try LeaseFile(folders: LeaseFile.folders(environment)) { folder in
                LeaseFile.text(
                    lease: lease.id,
                    secret: lease.secret,
                    address: client.address,
                    dataPort: lease.dataPort,
                    gpus: lease.gpus.count,
                    security: lease.dataSecurity,
                    path: path.lines,
                    statistics: prepared.statistics.lines(folder: folder)
                        + (options.verbose ? "report \(folder)\n" : "")
                )
            }
        } catch {
            await giveBack(lease, client)
            throw error
        }
        announce(prepared.program, lease, client, file)
        if lease.dataSecurity == "clear" {
            log.warn("the server does not encrypt what this program sends (--data-clear-text)")
        }
        do {
            var environment = environment
            environment.putFirstInLibraryPath(prepared.library)
            environment["FERRY_LEASE_FILE"] = file.path
            environment.tellLibraries(
                isSoftware: lease.driverKind == "software",
                gpus: lease.gpus.count
            )
            let keeper = Keep.arguments(
                clientFile: prepared.clientFile,
                endpoint: client.endpoint,
                lease: lease
            )
            try session.start(prepared.program, environment: environment, keeper: keeper)
        } catch {
            file.remove()
            await giveBack(lease, client)
            throw error
        }
        let heartbeat = Task {
            if await Heartbeat.run(client, lease: lease) {
                log.warn("the server has taken the GPUs back; the program can no longer use them")
            }
        }
        let status = await session.wait()
        heartbeat.cancel()
        prepared.statistics.tell(folder: file.folder, log: log)
        for note in options.verbose ? SessionNote.all(in: file.folder) : [] {
            log.info("Process \(note.process) (\(note.program)) used transport \(note.transport)")
        }
        log.info("Releasing GPUs from config file '\(file.path)'...")
        file.remove()
        await giveBack(lease, client)
        log.info("Released GPUs on 1 servers and removed generated config file '\(file.path)'")
        return status
    }

    private func announce(
        _ program: Program,
        _ lease: GrantedLease,
        _ client: APIClient,
        _ file: LeaseFile
    ) {
        let partial = options.memory.map { "\($0) MiB" } ?? "\(options.partial ?? 1)"
        log.info(
            "Locked \(lease.gpus.count) GPUs with partial memory \(partial), configuration saved to "
                + "'\(file.path)'"
        )
        log.info(
            "Running client command '\(program.text)' on \(lease.gpus.count) GPUs, with the "
                + "following servers:"
        )
        log.info(
            "\(client.address) \(lease.dataPort) \(lease.id) \(client.endpoint.port) "
                + FerryVersion.current
        )
    }
}

/// A signal ended the run before its program was started.
struct Aborted: Error {
    let status: Int32
}

extension String {
    /// At most so many bytes of it, without half a character.
    fileprivate func limited(toUTF8 limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var text = ""
        var used = 0
        for character in self {
            used += character.utf8.count
            if used > limit { break }
            text.append(character)
        }
        return text
    }
}
