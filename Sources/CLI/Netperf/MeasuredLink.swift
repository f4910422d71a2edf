internal import Glibc
internal import Transport
internal import Wire

/// Connections to the far end of a measurement: greeted and agreed on as a program's are.
struct MeasuredLink: Sendable {
    let permit: Permit
    /// Numeric address of the server.
    let address: String
    /// The Unix socket, if it can be used from here.
    let socket: String?
    /// The network to play.
    let link: LinkShape

    /// Milliseconds for each answer of the server.
    private static let patience: Int32 = 5_000

    /// A connection that travels like this and not otherwise.
    func connect(_ choice: TransportChoice) throws(Failure) -> Channel {
        let wish = LinkSetup.Wish(memory: choice == .shm ? .must : .no, link: link)
        let socket: Socket
        do throws(SocketError) {
            socket = try reach(choice)
        } catch {
            throw Failure("the server cannot be reached (\(Files.reason(error.number)))")
        }
        let channel: Channel
        do throws(SocketError) {
            channel = try greet(socket, choice, offersLink: wish.needsOffer)
        } catch {
            socket.close()
            throw Failure("the server did not accept the permit")
        }
        guard wish.needsOffer else { return channel }
        do throws(LinkSetup.Failure) {
            return try LinkSetup.offer(channel, wish)
        } catch {
            channel.close()
            switch error {
            case .connection: throw Failure("the server ended the connection")
            case .otherHost: throw Failure("a network can be emulated on one host only")
            case .noMemory: throw Failure("memory cannot be shared")
            }
        }
    }

    private func reach(_ choice: TransportChoice) throws(SocketError) -> Socket {
        if choice == .tcp || choice == .tls {
            return try Socket.connect(
                address: address,
                port: UInt16(clamping: permit.dataPort),
                timeout: Self.patience
            )
        }
        guard let socket else { throw SocketError(ENOENT, .connect) }
        return try Socket.connect(path: socket)
    }

    private func greet(
        _ socket: Socket,
        _ choice: TransportChoice,
        offersLink: Bool
    ) throws(SocketError) -> Channel {
        let wrong = SocketError(EPROTO, .receive)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 8)
        defer { buffer.deallocate() }
        guard let base = buffer.baseAddress, let lease = Self.bytes(permit.id, 16),
            let secret = Self.bytes(permit.secret, 32)
        else { throw wrong }
        func receive(_ count: Int) throws(SocketError) {
            try socket.receiveAll(.init(start: base, count: count), timeout: Self.patience)
        }
        try receive(Handshake.serverHelloSize)
        guard let server = Handshake.ServerHello(reading: base) else { throw wrong }
        var numbers = SystemRandomNumberGenerator()
        var client = Handshake.ClientHello(
            process: UInt32(bitPattern: getpid()),
            lease: InlineArray { lease[$0] },
            nonce: InlineArray { _ in UInt8.random(in: 0...255, using: &numbers) },
            name: InlineArray { $0 < 7 ? Array("netperf".utf8)[$0] : 0 },
            security: choice == .tls ? .tls : .clear
        )
        if offersLink { client.channel |= Handshake.offersLink }
        let key = InlineArray<32, UInt8> { secret[$0] }
        client.proof = Handshake.clientProof(secret: key, server: server, client: client)
        client.write(to: base)
        try socket.sendAll(.init(start: base, count: Handshake.clientHelloSize))
        try receive(Handshake.verdictSize)
        guard let verdict = Handshake.Verdict(reading: base) else { throw wrong }
        try receive(Int(verdict.messageSize))
        let proof = Handshake.serverProof(secret: key, server: server, client: client)
        guard verdict.status == Handshake.Status.accepted.rawValue,
            SHA256.areEqual(proof, verdict.proof)
        else { throw wrong }
        guard choice == .tls else { return Channel(socket, socket.isLocal ? .unix : .tcp) }
        return try encrypt(
            socket,
            key: Handshake.connectionKey(secret: key, server: server, client: client)
        )
    }

    private func encrypt(
        _ socket: Socket,
        key: InlineArray<32, UInt8>
    ) throws(SocketError) -> Channel {
        var key = key
        defer { withUnsafeMutableBytes(of: &key) { TLS.wipe($0) } }
        let tls = try withUnsafeMutableBytes(of: &key) { (bytes) throws(SocketError) -> TLS in
            guard let base = bytes.baseAddress else { throw SocketError(ENOMEM, .create) }
            return try TLS(socket, .client, key: base)
        }
        do throws(SocketError) {
            try tls.beginHandshake(.client)
            try tls.finishHandshake(timeout: Self.patience)
            return Channel(tls)
        } catch {
            tls.free()
            throw error
        }
    }

    /// So many bytes from hexadecimal digits.
    private static func bytes(_ text: String, _ count: Int) -> [UInt8]? {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count == 2 * count, text.utf8.count == digits.count else { return nil }
        return (0..<count).map { UInt8(digits[2 * $0] << 4 | digits[2 * $0 + 1]) }
    }
}
