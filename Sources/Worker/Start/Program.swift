internal import CLinux
internal import CWorker
internal import Driver
internal import Transport
internal import Wire

/// The things that the program `ferry-worker` does.
package enum Program {
    /// Serves a client until its connection ends.
    package static func serve(_ options: ServeOptions) -> WorkerFailure.ExitStatus {
        let socket = Socket(descriptor: options.socket)
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(RLIMIT_CORE, &none)
        ferry_ignore_broken_pipes()
        do throws(WorkerFailure) {
            try prepare(socket)
            let opening = try Opening.begin(
                socket: options.socket,
                key: options.key,
                isEncrypted: options.isEncrypted
            )
            guard let opening else { return .clientClosed }
            let offer = offer(options)
            guard let channel = connection(try opening.finish(), options) else {
                return .clientClosed
            }
            WorkerLog.line("transport \(channel.transport.name)")
            return serve(options, channel, offer)
        } catch {
            // There is no way to tell the client that nobody else could use.
            WorkerLog.line("lease \(options.lease), \(options.name): \(error.text)")
            return error.exitStatus
        }
    }

    private typealias Offer = (driver: DriverTable, snapshot: Snapshot)

    /// Starts the driver and asks it what the client has to know.
    private static func offer(_ options: ServeOptions) -> Result<Offer, WorkerFailure> {
        do throws(WorkerFailure) {
            let driver = try start(options)
            let snapshot = try Snapshot(driver, grants: options.devices, process: getpid())
            return .success((driver, snapshot))
        } catch {
            return .failure(error)
        }
    }

    private static func serve(
        _ options: ServeOptions,
        _ channel: Channel,
        _ offer: Result<Offer, WorkerFailure>
    ) -> WorkerFailure.ExitStatus {
        do throws(WorkerFailure) {
            let (driver, snapshot) = try offer.get()
            let cache = options.imageCache.flatMap {
                ImageCache(folder: $0, bytes: options.imageCacheBytes)
            }
            let keeper = cache.map { ImageKeeper($0) }
            let sharedNames = options.sharedFolder.flatMap { SharedNames(folder: $0) }
            let ledger = try ledger(options)
            lockDown()
            Ending.prepare(keeper)
            watch(channel, keeper)
            let offered = snapshot.encoded(images: cache?.prefixes)
            guard send(offered, to: channel) else { return .clientClosed }
            let slices = snapshot.devices.map(\.memory)
            let server = try Server(
                channel: channel,
                driver: driver,
                slices: slices,
                printed: [1, 2],
                keeper: keeper,
                sharedNames: sharedNames,
                ledger: ledger
            )
            if let control = options.key { server.takeBulkChannels(control) }
            return server.run()
        } catch {
            WorkerLog.line("lease \(options.lease), \(options.name): \(error.text)")
            FailureRecord.send(error, to: channel)
            return error.exitStatus
        }
    }

    /// What the processes of the lease have of its slices. A worker that cannot keep it must not give memory.
    private static func ledger(_ options: ServeOptions) throws(WorkerFailure) -> SliceLedger? {
        guard let folder = options.sharedFolder else { return nil }
        guard let ledger = SliceLedger(folder: folder, devices: options.devices.count) else {
            throw WorkerFailure(
                .internalError,
                status: Status.operatingSystem,
                "the memory of the lease's processes cannot be counted: error \(ferry_errno())"
            )
        }
        return ledger
    }

    /// The connection as client and worker want it to go on; `nil` when there is none any more.
    private static func connection(_ channel: Channel, _ options: ServeOptions) -> Channel? {
        guard options.hearsOffer else { return channel }
        do throws(LinkSetup.Failure) {
            return try LinkSetup.accept(channel)
        } catch {
            WorkerLog.line("lease \(options.lease), \(options.name): \(error): no link")
            return nil
        }
    }

    /// Answers the client of a measurement until its connection ends.
    package static func echo(_ options: EchoOptions) -> WorkerFailure.ExitStatus {
        Echo.serve(options)
    }

    /// Lists the GPUs that a driver has.
    package static func inventory(driver: String) -> WorkerFailure.ExitStatus {
        // What the driver itself may print is not part of the answer.
        let output = ferry_duplicate_above(1, 3)
        _ = dup2(2, 1)
        do throws(WorkerFailure) {
            let json = Array((try Inventory(DriverLibrary.load(driver)).json + "\n").utf8)
            return write(output, json, json.count) == json.count ? .clientClosed : .internalError
        } catch {
            WorkerLog.line(error.text)
            return error.exitStatus
        }
    }

    /// The socket must be one, and what the driver writes must not go astray.
    private static func prepare(_ socket: Socket) throws(WorkerFailure) {
        var type: Int32 = 0
        var size = socklen_t(4)
        guard getsockopt(socket.descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 else {
            throw WorkerFailure(
                .usage,
                status: Status.operatingSystem,
                "descriptor \(socket.descriptor) is no socket"
            )
        }
        _ = ferry_close_on_exec(socket.descriptor)
        setKeepAlive(socket)
        try captureText()
    }

    /// What the driver writes on behalf of kernels goes to the client; only the worker's own lines
    /// go to where standard error went.
    private static func captureText() throws(WorkerFailure) {
        let log = ferry_duplicate_above(2, 10)
        if log >= 0 { WorkerLog.descriptor = log }
        guard log >= 0, PrintedText.replace(1), PrintedText.replace(2) else {
            throw WorkerFailure(
                .internalError,
                status: Status.operatingSystem,
                "no file in memory for what kernels print: error \(ferry_errno())"
            )
        }
        ferry_keep_last_words(2, log)
    }

    /// A client whose machine has vanished is noticed within half a minute.
    private static func setKeepAlive(_ socket: Socket) {
        var one: Int32 = 1
        var idle: Int32 = 10
        var interval: Int32 = 5
        var count: Int32 = 4
        let tcp = Int32(IPPROTO_TCP)
        setsockopt(socket.descriptor, SOL_SOCKET, SO_KEEPALIVE, &one, 4)
        setsockopt(socket.descriptor, tcp, TCP_NODELAY, &one, 4)
        setsockopt(socket.descriptor, tcp, TCP_KEEPIDLE, &idle, 4)
        setsockopt(socket.descriptor, tcp, TCP_KEEPINTVL, &interval, 4)
        setsockopt(socket.descriptor, tcp, TCP_KEEPCNT, &count, 4)
    }

    private static func start(_ options: ServeOptions) throws(WorkerFailure) -> DriverTable {
        let names = options.devices.map(\.name).joined(separator: ",")
        setenv("CUDA_VISIBLE_DEVICES", names, 1)
        setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID", 1)
        return try DriverLibrary.load(options.driver).table
    }

    /// After the driver has started: it may have to run a helper with privileges of its own.
    private static func lockDown() {
        if ferry_drop_privileges() != 0 {
            WorkerLog.line("the worker's privileges could not be dropped: error \(ferry_errno())")
        }
    }

    /// Ends the process soon after the client has gone, whatever the reader is doing: a kernel
    /// that never ends must not keep the GPU's memory.
    private static func watch(_ channel: Channel, _ keeper: ImageKeeper?) {
        let isWatched = Thread.start {
            guard ferry_wait_for_end(channel.descriptor) == 1 else { return }
            channel.noticeEnd()
            // The reader notices by itself when it is idle, and then knows more.
            Thread.sleep(microseconds: 300_000)
            keeper?.finish(within: Ending.patience)
            _exit(WorkerFailure.ExitStatus.clientClosed.rawValue)
        }
        if !isWatched { WorkerLog.line("no thread to watch the connection") }
    }

    private static func send(_ record: [UInt8], to channel: Channel) -> Bool {
        do throws(SocketError) {
            var result: SocketError?
            record.withUnsafeBytes { bytes in
                do throws(SocketError) { try channel.sendAll(bytes) } catch { result = error }
            }
            if let result { throw result }
            return true
        } catch {
            return false
        }
    }
}
