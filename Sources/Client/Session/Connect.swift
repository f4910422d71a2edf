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
        guard ferry_forked() == 0 else { return Status.notInitialized }
        if let state = Session.state { return state.pointee.lostStatus }
        Log.configure()
        guard let lease = Lease.read() else { return Status.noDevice }
        return start(lease, visibleDevices: getenv("CUDA_VISIBLE_DEVICES"))
    }

    /// Begins the session if there is none yet.
    ///
    /// - Parameter visibleDevices: What CUDA_VISIBLE_DEVICES says; `nil` leaves all devices.
    /// - Returns: A status.
    package static func start(_ lease: Lease, visibleDevices: UnsafePointer<CChar>?) -> Int32 {
        // A child that is forked while another thread is in here finds the lock held for ever.
        ferry_watch_forks()
        lock.lock()
        defer { lock.unlock() }
        if let state = Session.state { return state.pointee.lostStatus }
        do throws(Refusal) {
            Session.begin(try connect(lease, visibleDevices))
            Tracing.begin(lease.statistics, isTraced: lease.isTraced)
            return Status.success
        } catch {
            ferry_ignore_forks()
            return error.status
        }
    }

    private static func connect(
        _ lease: Lease,
        _ visibleDevices: UnsafePointer<CChar>?
    ) throws(Refusal) -> SessionState {
        let socket = try open(lease)
        do throws(Refusal) {
            var keptImages: KeptImages?
            let all = try receiveSnapshot(socket, &keptImages)
            let devices = try VisibleDevices.filter(all, visibleDevices)
            guard devices.count > 0 else { throw Refusal(Status.noDevice) }
            return SessionState(socket: socket, devices: devices, keptImages: keptImages)
        } catch {
            socket.close()
            throw error
        }
    }

    /// The server, or something on the way to it, does not want us.
    package struct Refusal: Error {
        /// What the program is told.
        package var status: Int32
        init(_ status: Int32) { self.status = status }
    }

    private static func open(_ lease: Lease) throws(Refusal) -> Socket {
        let address = lease.address
        let socket: Socket
        do throws(SocketError) {
            socket = try address.span.withUnsafeBufferPointer {
                (text) throws(SocketError) -> Socket in
                guard let base = text.baseAddress else { throw SocketError(EINVAL, .resolve) }
                return try Socket.connect(address: base, port: lease.port, timeout: timeout)
            }
        } catch {
            Log.error("the server of the lease cannot be reached")
            throw Refusal(Status.deviceUnavailable)
        }
        do throws(SocketError) {
            try shakeHands(socket, lease)
        } catch {
            socket.close()
            Log.error("the server did not accept the lease")
            throw Refusal(Status.deviceUnavailable)
        }
        return socket
    }

    private static func shakeHands(_ socket: Socket, _ lease: Lease) throws(SocketError) {
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
        var client = Handshake.ClientHello(
            process: UInt32(bitPattern: getpid()),
            lease: lease.identifier,
            nonce: try random(),
            name: programName()
        )
        client.proof = Handshake.clientProof(secret: lease.secret, server: server, client: client)
        client.write(to: buffer)
        try socket.sendAll(.init(start: buffer, count: Handshake.clientHelloSize))
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
        _ socket: Socket,
        _ keptImages: inout KeptImages?
    ) throws(Refusal) -> Devices {
        var header: InlineArray<16, UInt8> = .init(repeating: 0)
        var body: UnsafeMutableRawPointer?
        defer { free(body) }
        do throws(SocketError) {
            try withUnsafeMutableBytes(of: &header) { (bytes) throws(SocketError) in
                try socket.receiveAll(bytes, timeout: snapshotTimeout)
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
            try socket.receiveAll(.init(start: body, count: size), timeout: snapshotTimeout)
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
