internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Transport
internal import Wire

/// Opening the session: connect, prove the lease, take the snapshot.
package enum Connector {
    /// Milliseconds for the connection and for each answer of the server.
    private static let timeout: Int32 = 10_000
    /// A worker loads its driver before it answers, which takes seconds on a cold GPU.
    private static let snapshotTimeout: Int32 = 60_000

    private static let lock = ForkSafeLock()

    /// `cuInit`.
    ///
    /// - Returns: A status; "no device" when the process has no lease.
    static func initialize() -> Int32 {
        if Session.state == nil {
            let status = open()
            guard status == Status.success else { return status }
        }
        return begin(visibleDevices: getenv("CUDA_VISIBLE_DEVICES"))
    }

    /// Opens the session if there is none yet, for what may come before `cuInit`. Until then a child
    /// of this process may have a session of its own, as with the real driver.
    ///
    /// - Returns: A status; "no device" when the process has no lease.
    static func open() -> Int32 {
        guard ferry_forked() == 0 else { return Status.notInitialized }
        if let state = Session.opened { return state.pointee.lostStatus }
        Log.configure()
        guard let lease = Lease.read() else { return Status.noDevice }
        return open(lease)
    }

    /// The same with a lease.
    package static func open(_ lease: Lease) -> Int32 {
        ferry_renew_in_child {
            // Another thread may have been in here, which the child has not.
            Connector.lock.forceFree()
            Session.forget()
        }
        lock.lock()
        defer { lock.unlock() }
        if let state = Session.opened { return state.pointee.lostStatus }
        do throws(Refusal) {
            let session = try connect(lease)
            SessionReport.write(lease.report, session.channel)
            Session.open(session)
            Tracing.begin(lease.statistics, isTraced: lease.isTraced)
            Session.wasRefused = false
            return Status.success
        } catch {
            Session.wasRefused = true
            return error.status
        }
    }

    /// Opens and begins the session.
    ///
    /// - Parameter visibleDevices: What CUDA_VISIBLE_DEVICES says; `nil` leaves all devices.
    /// - Returns: A status.
    package static func start(_ lease: Lease, visibleDevices: UnsafePointer<CChar>?) -> Int32 {
        let status = open(lease)
        return status == Status.success ? begin(visibleDevices: visibleDevices) : status
    }

    /// Begins what was opened, if that was not done before.
    private static func begin(visibleDevices: UnsafePointer<CChar>?) -> Int32 {
        guard ferry_forked() == 0 else { return Status.notInitialized }
        if let state = Session.state { return state.pointee.lostStatus }
        // A child that is forked while another thread is in here finds half a beginning.
        ferry_watch_forks()
        lock.lock()
        defer { lock.unlock() }
        if let state = Session.state { return state.pointee.lostStatus }
        var status = Status.notInitialized
        if let state = Session.opened {
            status = state.pointee.lostStatus
            if status == Status.success { status = show(state, visibleDevices) }
            if status == Status.success { Session.begin(state) }
        }
        if status != Status.success { ferry_ignore_forks() }
        return status
    }

    /// Applies CUDA_VISIBLE_DEVICES, as it is at `cuInit`.
    private static func show(
        _ state: UnsafeMutablePointer<SessionState>,
        _ visibleDevices: UnsafePointer<CChar>?
    ) -> Int32 {
        guard let visibleDevices else { return Status.success }
        guard let all = state.pointee.borrowed.copy() else { return Status.outOfMemory }
        do throws(Refusal) {
            state.pointee.show(try VisibleDevices.filter(all, visibleDevices))
            return Status.success
        } catch {
            return error.status
        }
    }

    private static func connect(_ lease: Lease) throws(Refusal) -> SessionState {
        var nonce: InlineArray<32, UInt8> = .init(repeating: 0)
        let (channel, route) = try open(lease, &nonce)
        do throws(Refusal) {
            var keptImages: KeptImages?
            let devices = try receiveSnapshot(channel, &keptImages)
            guard devices.count > 0, let borrowed = devices.copy() else {
                throw Refusal(Status.noDevice)
            }
            guard let ring = ferry_map_ring(WireFormat.window) else {
                throw Refusal(Status.outOfMemory)
            }
            return SessionState(
                channel: channel,
                ring: ring,
                borrowed: borrowed,
                devices: devices,
                keptImages: keptImages,
                origin: BulkLink.Origin(
                    lease: lease,
                    route: route,
                    nonce: nonce,
                    channels: BulkChoice.channels(channel),
                    mayPack: BulkChoice.mayPack
                )
            )
        } catch {
            channel.close()
            throw error
        }
    }

    /// The server, or something on the way to it, does not want us.
    package struct Refusal: Error {
        /// What the program is told.
        package var status: Int32
        init(_ status: Int32) { self.status = status }
    }

    /// Another connection of a session, for large copies.
    ///
    /// - Returns: `nil` when the server does not give one.
    static func openBulk(_ origin: BulkLink.Origin) -> Channel? {
        var nonce: InlineArray<32, UInt8> = .init(repeating: 0)
        do throws(Refusal) {
            return try open(origin.lease, origin.route, session: origin.nonce, isLast: true, &nonce)
        } catch {
            return nil
        }
    }

    /// A channel by the first way that works, and which one that is.
    ///
    /// - Parameter nonce: What the client said in its greeting.
    private static func open(
        _ lease: Lease,
        _ nonce: inout InlineArray<32, UInt8>
    ) throws(Refusal) -> (Channel, Route) {
        let routes = Route.all(
            lease.transport,
            hasSocket: lease.socketPath[0] != 0,
            security: lease.security
        )
        for (index, route) in routes.enumerated() {
            let isLast = index == routes.count - 1
            if let channel = try open(lease, route, session: nil, isLast: isLast, &nonce) {
                return (channel, route)
            }
        }
        Log.error("the transport that the run asked for cannot be had here")
        throw Refusal(Status.deviceUnavailable)
    }

    /// - Parameter session: The session that the connection is a bulk channel of; `nil`: a new one.
    /// - Returns: `nil` when this way does not work, and another may.
    private static func open(
        _ lease: Lease,
        _ route: Route,
        session: InlineArray<32, UInt8>?,
        isLast: Bool,
        _ nonce: inout InlineArray<32, UInt8>
    ) throws(Refusal) -> Channel? {
        let socket: Socket
        do throws(SocketError) {
            socket = try reach(lease, route)
        } catch {
            guard isLast else { return nil }
            Log.error(
                route == .tcp
                    ? "the server of the lease cannot be reached"
                    : "the server's Unix socket cannot be reached from here"
            )
            throw Refusal(Status.deviceUnavailable)
        }
        let wish = route.wish(lease.link)
        let channel: Channel
        do throws(SocketError) {
            let security = route == .tcp ? lease.security : .clear
            nonce = try random()
            var client = Handshake.ClientHello(
                process: UInt32(bitPattern: getpid()),
                lease: lease.identifier,
                nonce: nonce,
                name: session ?? programName(),
                security: security
            )
            if session != nil { client.channel = Handshake.bulkChannel }
            if wish.needsOffer { client.channel |= Handshake.offersLink }
            channel = try shakeHands(socket, lease, client, security)
        } catch {
            socket.close()
            guard isLast else { return nil }
            Log.error("the server did not accept the lease")
            throw Refusal(Status.deviceUnavailable)
        }
        guard wish.needsOffer else { return channel }
        do throws(LinkSetup.Failure) {
            return try LinkSetup.offer(channel, wish)
        } catch {
            channel.close()
            switch error {
            case .connection: Log.error("the server ended the connection")
            case .noMemory: Log.error("memory cannot be shared with the server")
            case .otherHost:
                Log.error("a network can be emulated only if the server is on the same host")
            }
            throw Refusal(Status.deviceUnavailable)
        }
    }

    private static func reach(_ lease: Lease, _ route: Route) throws(SocketError) -> Socket {
        if route != .tcp {
            let path = lease.socketPath
            return try path.span.withUnsafeBufferPointer { (text) throws(SocketError) -> Socket in
                guard let base = text.baseAddress else { throw SocketError(EINVAL, .resolve) }
                return try Socket.connect(path: base)
            }
        }
        let address = lease.address
        return try address.span.withUnsafeBufferPointer { (text) throws(SocketError) -> Socket in
            guard let base = text.baseAddress else { throw SocketError(EINVAL, .resolve) }
            return try Socket.connect(address: base, port: lease.port, timeout: timeout)
        }
    }

    /// Proves the lease both ways and encrypts the connection, if it is to be encrypted.
    private static func shakeHands(
        _ socket: Socket,
        _ lease: Lease,
        _ client: Handshake.ClientHello,
        _ security: Security
    ) throws(SocketError) -> Channel {
        var client = client
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: 1024, alignment: 8)
        defer { buffer.deallocate() }
        let protocolError = SocketError(EPROTO, .receive)
        try socket.receiveAll(
            .init(start: buffer, count: Handshake.serverHelloSize),
            timeout: timeout
        )
        guard let server = Handshake.ServerHello(reading: buffer) else { throw protocolError }
        guard server.versions.min <= WireFormat.version, WireFormat.version <= server.versions.max
        else {
            Log.error("the server speaks another version of the protocol")
            throw protocolError
        }
        client.proof = Handshake.clientProof(secret: lease.secret, server: server, client: client)
        client.write(to: buffer)
        try socket.sendAll(.init(start: buffer, count: Handshake.clientHelloSize))
        switch security {
        case .clear:
            try receiveVerdict(socket, lease, server, client, buffer)
            return Channel(socket, socket.isLocal ? .unix : .tcp)
        case .tls:
            // While the server looks at the greeting, and the worker starts.
            let tls = try Encryption.begin(socket, lease, server, client)
            do throws(SocketError) {
                try receiveVerdict(socket, lease, server, client, buffer)
                try Encryption.finish(tls, timeout: timeout)
                return Channel(tls)
            } catch {
                tls.free()
                throw error
            }
        }
    }

    /// Takes the server's answer to the greeting.
    private static func receiveVerdict(
        _ socket: Socket,
        _ lease: Lease,
        _ server: Handshake.ServerHello,
        _ client: Handshake.ClientHello,
        _ buffer: UnsafeMutableRawPointer
    ) throws(SocketError) {
        let protocolError = SocketError(EPROTO, .receive)
        try socket.receiveAll(.init(start: buffer, count: Handshake.verdictSize), timeout: timeout)
        guard let verdict = Handshake.Verdict(reading: buffer) else { throw protocolError }
        let length = Int(verdict.messageSize)
        try socket.receiveAll(.init(start: buffer, count: length), timeout: timeout)
        guard verdict.status == Handshake.Status.accepted.rawValue else {
            Log.error("the server refused: ", text: buffer, length)
            throw protocolError
        }
        let proof = Handshake.serverProof(secret: lease.secret, server: server, client: client)
        guard SHA256.areEqual(proof, verdict.proof) else {
            Log.error("the server does not know the lease's secret")
            throw protocolError
        }
    }

    private static func random() throws(SocketError) -> InlineArray<32, UInt8> {
        var nonce: InlineArray<32, UInt8> = .init(repeating: 0)
        var failed = false
        withUnsafeMutableBytes(of: &nonce) { bytes in
            failed = getrandom(bytes.baseAddress, 32, 0) != 32
        }
        if failed { throw SocketError(ferry_errno(), .create) }
        return nonce
    }

    /// Name of the program as the kernel knows it, for the server's list of workers.
    private static func programName() -> InlineArray<32, UInt8> {
        var name: InlineArray<32, UInt8> = .init(repeating: 0)
        withUnsafeMutableBytes(of: &name) { bytes in
            _ = ferry_program_name(bytes.baseAddress)
        }
        return name
    }

    /// The first record of a worker: what it offers, or why it cannot serve.
    private static func receiveSnapshot(
        _ channel: Channel,
        _ keptImages: inout KeptImages?
    ) throws(Refusal) -> Devices {
        var header: InlineArray<16, UInt8> = .init(repeating: 0)
        var body: UnsafeMutableRawPointer?
        defer { free(body) }
        do throws(SocketError) {
            try withUnsafeMutableBytes(of: &header) { (bytes) throws(SocketError) in
                try channel.receiveAll(bytes, timeout: snapshotTimeout)
            }
            let parsed = withUnsafeBytes(of: &header) { bytes -> RecordHeader? in
                bytes.baseAddress.map { RecordHeader(reading: $0) }
            }
            guard let parsed, parsed.violation(limit: 1 << 20) == nil else {
                throw SocketError(EPROTO, .receive)
            }
            let size = Int(parsed.size) - WireFormat.headerSize
            body = malloc(max(size, 8))
            guard let body else { throw SocketError(ENOMEM, .receive) }
            try channel.receiveAll(.init(start: body, count: size), timeout: snapshotTimeout)
            let bytes = UnsafeRawBufferPointer(start: body, count: size)
            if parsed.opcode == Opcode.snapshot.rawValue, let devices = Devices.read(bytes) {
                keptImages = KeptImages(bytes, offset: devices.endInSnapshot)
                return devices
            }
            if parsed.opcode == Opcode.failure.rawValue { throw failure(bytes) }
            throw SocketError(EPROTO, .receive)
        } catch {
            if error.operation == .wait { throw Refusal(error.number) }
            Log.error("the server did not say what it offers")
            throw Refusal(Status.deviceUnavailable)
        }
    }

    /// A failure record, as an error that carries its status.
    private static func failure(_ body: UnsafeRawBufferPointer) -> SocketError {
        guard body.count >= FailureLayout.text, let base = body.baseAddress else {
            return SocketError(Status.deviceUnavailable, .wait)
        }
        let length = Int(base.load(fromByteOffset: FailureLayout.length, as: UInt32.self))
        if length <= body.count - FailureLayout.text {
            Log.error("the server cannot serve: ", text: base + FailureLayout.text, length)
        }
        let status = base.load(fromByteOffset: FailureLayout.status, as: Int32.self)
        return SocketError(status == 0 ? Status.deviceUnavailable : status, .wait)
    }
}
