/// How a data connection opens: both sides prove that they know the lease's secret
/// (docs/formats/wire.md). Pure values; the I/O is in Transport and Server.
package enum Handshake {
    /// Bytes of a `ServerHello`.
    package static let serverHelloSize = 48
    /// Bytes of a `ClientHello`.
    package static let clientHelloSize = 128
    /// Bytes of a verdict without its message.
    package static let verdictSize = 40
    /// Longest message of a verdict in bytes.
    package static let maxMessage = 512
    /// Bit of a `ClientHello`'s channel: a `LinkOffer` follows the verdict.
    package static let offersLink: UInt8 = 0x80
    /// A `ClientHello`'s channel, without that bit: bulk data of a session that there is already.
    package static let bulkChannel: UInt8 = 1

    private static let serverMagic: InlineArray<8, UInt8> = [70, 69, 82, 82, 89, 83, 82, 86]
    private static let clientMagic: InlineArray<8, UInt8> = [70, 69, 82, 82, 89, 67, 76, 73]

    /// What a server answers.
    package enum Status: UInt32, Sendable {
        case accepted = 0
        case badMagic = 1
        case versionNotSupported = 2
        case unknownLease = 3
        case badProof = 4
        case leaseExpired = 5
        case workerFailed = 6
        case tooManyConnections = 7
        case otherSecurity = 8
        case noSession = 9
    }

    /// What the server says first.
    package struct ServerHello: Sendable {
        /// Oldest and newest version that it speaks.
        package var versions: (min: UInt16, max: UInt16)
        /// Random, new for each connection.
        package var nonce: InlineArray<32, UInt8>

        /// A greeting of this version of Ferry.
        package init(nonce: InlineArray<32, UInt8>) {
            versions = (WireFormat.version, WireFormat.version)
            self.nonce = nonce
        }

        /// Reads 48 bytes; `nil` if they are not a server's greeting.
        package init?(reading bytes: UnsafeRawPointer) {
            for index in 0..<8
            where bytes.load(fromByteOffset: index, as: UInt8.self) != Handshake.serverMagic[index]
            {
                return nil
            }
            versions = (
                bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self),
                bytes.loadUnaligned(fromByteOffset: 10, as: UInt16.self)
            )
            nonce = Handshake.read32(bytes + 16)
        }

        /// Writes 48 bytes.
        package func write(to bytes: UnsafeMutableRawPointer) {
            for index in 0..<8 {
                bytes.storeBytes(
                    of: Handshake.serverMagic[index],
                    toByteOffset: index,
                    as: UInt8.self
                )
            }
            bytes.storeBytes(of: versions.min, toByteOffset: 8, as: UInt16.self)
            bytes.storeBytes(of: versions.max, toByteOffset: 10, as: UInt16.self)
            bytes.storeBytes(of: 0, toByteOffset: 12, as: UInt32.self)
            Handshake.write32(nonce, to: bytes + 16)
        }
    }

    /// What the client answers.
    package struct ClientHello: Sendable {
        /// Version that it wants.
        package var version: UInt16
        /// What the connection is for: 0 commands, 1 bulk data of a session; and `offersLink`.
        package var channel: UInt8
        /// What the client wants behind the greetings: a `Security`, if it is a known one.
        package var security: UInt8
        /// Process id of the program.
        package var process: UInt32
        /// Which lease.
        package var lease: InlineArray<16, UInt8>
        /// Random, new for each connection.
        package var nonce: InlineArray<32, UInt8>
        /// Name of the program, UTF-8, padded with zeros. Of a bulk channel: the `nonce` of the
        /// session's connection for commands.
        package var name: InlineArray<32, UInt8>
        /// Proof that the client knows the secret; see `clientProof`.
        package var proof: InlineArray<32, UInt8>

        /// What the connection is for, without `offersLink`.
        package var purpose: UInt8 { channel & ~Handshake.offersLink }

        /// A greeting whose proof is still to be made.
        package init(
            process: UInt32,
            lease: InlineArray<16, UInt8>,
            nonce: InlineArray<32, UInt8>,
            name: InlineArray<32, UInt8>,
            security: Security = .tls
        ) {
            version = WireFormat.version
            channel = 0
            self.security = security.rawValue
            self.process = process
            self.lease = lease
            self.nonce = nonce
            self.name = name
            proof = .init(repeating: 0)
        }

        /// Reads 128 bytes; `nil` if they are not a client's greeting.
        package init?(reading bytes: UnsafeRawPointer) {
            for index in 0..<8
            where bytes.load(fromByteOffset: index, as: UInt8.self) != Handshake.clientMagic[index]
            {
                return nil
            }
            version = bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self)
            channel = bytes.load(fromByteOffset: 10, as: UInt8.self)
            security = bytes.load(fromByteOffset: 11, as: UInt8.self)
            process = bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
            lease = .init(repeating: 0)
            for index in 0..<16 {
                lease[index] = bytes.load(fromByteOffset: 16 + index, as: UInt8.self)
            }
            nonce = Handshake.read32(bytes + 32)
            name = Handshake.read32(bytes + 64)
            proof = Handshake.read32(bytes + 96)
        }

        /// Writes 128 bytes.
        package func write(to bytes: UnsafeMutableRawPointer) {
            for index in 0..<8 {
                bytes.storeBytes(
                    of: Handshake.clientMagic[index],
                    toByteOffset: index,
                    as: UInt8.self
                )
            }
            bytes.storeBytes(of: version, toByteOffset: 8, as: UInt16.self)
            bytes.storeBytes(of: channel, toByteOffset: 10, as: UInt8.self)
            bytes.storeBytes(of: security, toByteOffset: 11, as: UInt8.self)
            bytes.storeBytes(of: process, toByteOffset: 12, as: UInt32.self)
            for index in 0..<16 {
                bytes.storeBytes(of: lease[index], toByteOffset: 16 + index, as: UInt8.self)
            }
            Handshake.write32(nonce, to: bytes + 32)
            Handshake.write32(name, to: bytes + 64)
            Handshake.write32(proof, to: bytes + 96)
        }
    }

    /// The client's proof: HMAC over both greetings, the client's without its proof.
    package static func clientProof(
        secret: InlineArray<32, UInt8>,
        server: ServerHello,
        client: ClientHello
    ) -> InlineArray<32, UInt8> {
        prove("ferry client proof 1", secret, server, client, clientBytes: 96)
    }

    /// The server's proof: HMAC over both greetings, whole.
    package static func serverProof(
        secret: InlineArray<32, UInt8>,
        server: ServerHello,
        client: ClientHello
    ) -> InlineArray<32, UInt8> {
        prove("ferry server proof 1", secret, server, client, clientBytes: 128)
    }

    /// The key of the connection's TLS, from both greetings, whole: no other connection has it, and
    /// who knows it does not know the lease's secret.
    package static func connectionKey(
        secret: InlineArray<32, UInt8>,
        server: ServerHello,
        client: ClientHello
    ) -> InlineArray<32, UInt8> {
        prove("ferry connection key 1", secret, server, client, clientBytes: 128)
    }

    private static func prove(
        _ label: StaticString,
        _ secret: InlineArray<32, UInt8>,
        _ server: ServerHello,
        _ client: ClientHello,
        clientBytes: Int
    ) -> InlineArray<32, UInt8> {
        var serverBytes: InlineArray<48, UInt8> = .init(repeating: 0)
        withUnsafeMutableBytes(of: &serverBytes) { bytes in
            if let base = bytes.baseAddress { server.write(to: base) }
        }
        var greeting: InlineArray<128, UInt8> = .init(repeating: 0)
        withUnsafeMutableBytes(of: &greeting) { bytes in
            if let base = bytes.baseAddress { client.write(to: base) }
        }
        return SHA256.authenticate(key: secret) { hash in
            hash.add(UnsafeRawBufferPointer(start: label.utf8Start, count: label.utf8CodeUnitCount))
            for index in 0..<serverHelloSize { hash.add(serverBytes[index]) }
            for index in 0..<clientBytes { hash.add(greeting[index]) }
        }
    }

    private static func read32(_ bytes: UnsafeRawPointer) -> InlineArray<32, UInt8> {
        var result: InlineArray<32, UInt8> = .init(repeating: 0)
        for index in 0..<32 { result[index] = bytes.load(fromByteOffset: index, as: UInt8.self) }
        return result
    }

    private static func write32(_ value: InlineArray<32, UInt8>, to bytes: UnsafeMutableRawPointer)
    {
        for index in 0..<32 {
            bytes.storeBytes(of: value[index], toByteOffset: index, as: UInt8.self)
        }
    }
}

extension Handshake {
    /// The fixed part of what a server answers to a `ClientHello`; its message follows.
    package struct Verdict: Sendable {
        /// Accepted, or why not.
        package var status: UInt32
        /// Bytes of the message that follows, at most `maxMessage`.
        package var messageSize: UInt32
        /// The server's proof; zeros when refused.
        package var proof: InlineArray<32, UInt8>

        /// A verdict with these parts.
        package init(status: Status, messageSize: Int, proof: InlineArray<32, UInt8>) {
            self.status = status.rawValue
            self.messageSize = UInt32(min(messageSize, Handshake.maxMessage))
            self.proof = proof
        }

        /// Reads 40 bytes; `nil` when the message is longer than allowed.
        package init?(reading bytes: UnsafeRawPointer) {
            status = bytes.loadUnaligned(as: UInt32.self)
            messageSize = bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
            proof = Handshake.read32(bytes + 8)
            if messageSize > UInt32(Handshake.maxMessage) { return nil }
        }

        /// Writes 40 bytes.
        package func write(to bytes: UnsafeMutableRawPointer) {
            bytes.storeBytes(of: status, as: UInt32.self)
            bytes.storeBytes(of: messageSize, toByteOffset: 4, as: UInt32.self)
            Handshake.write32(proof, to: bytes + 8)
        }
    }
}
