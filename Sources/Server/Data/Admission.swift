internal import Pool
package import Wire

/// The server's half of the handshake of one data connection, without its I/O.
package struct Admission: Sendable {
    /// Whether to let a client in.
    package enum Decision: Sendable {
        /// Send this and hang up.
        case refuse(Handshake.Status, String)
        /// Send an acceptance with this proof, then give the connection to a worker of the lease.
        case accept(LeaseEntry, Keys)
    }

    /// What comes of the lease's secret for one connection.
    package struct Keys: Sendable {
        /// That this server knows the secret.
        package var proof: InlineArray<32, UInt8>
        /// What the worker encrypts with.
        package var connection: InlineArray<32, UInt8>
    }

    /// What a client has sent so far; more than a greeting is never read, for what follows is the
    /// worker's.
    private var received: [UInt8] = []
    /// What the server said.
    package let hello: Handshake.ServerHello
    private let security: Security

    /// A handshake with this random number, of a port that wants this security.
    package init(nonce: InlineArray<32, UInt8>, security: Security) {
        hello = Handshake.ServerHello(nonce: nonce)
        self.security = security
    }

    /// How many bytes the client still owes.
    package var missing: Int { Handshake.clientHelloSize - received.count }

    /// The bytes of the server's greeting.
    package var greeting: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Handshake.serverHelloSize) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            hello.write(to: base)
            count = Handshake.serverHelloSize
        }
    }

    /// Takes bytes of the client's greeting, at most `missing`.
    package mutating func receive(_ bytes: some Collection<UInt8>) {
        precondition(bytes.count <= missing, "more than a greeting was read")
        received += bytes
    }

    /// The client's greeting once it is complete; nil when it is none.
    package func clientHello() -> Handshake.ClientHello? {
        guard missing == 0 else { return nil }
        return received.withUnsafeBytes { bytes in
            bytes.baseAddress.flatMap { Handshake.ClientHello(reading: $0) }
        }
    }

    /// Judges a greeting. Takes the same time for an unknown lease as for a wrong proof.
    ///
    /// - Parameters:
    ///   - client: the greeting, nil when the bytes were none.
    ///   - directory: the leases.
    ///   - decoy: 32 random bytes that stand in for the secret of an unknown lease.
    package func decide(
        _ client: Handshake.ClientHello?,
        directory: LeaseDirectory,
        decoy: InlineArray<32, UInt8>
    ) -> Decision {
        guard let client else { return .refuse(.badMagic, "this is not a Ferry client") }
        guard client.version >= hello.versions.min, client.version <= hello.versions.max else {
            return .refuse(
                .versionNotSupported,
                "the client speaks version \(client.version) and this server \(hello.versions.min)"
                    + " to \(hello.versions.max)"
            )
        }
        guard client.purpose == 0 || client.purpose == Handshake.bulkChannel else {
            return .refuse(.versionNotSupported, "channel \(client.purpose) is not supported")
        }
        let answer =
            LeaseID(bytes: (0..<16).map { client.lease[$0] })
            .map(directory.find) ?? .unknown
        let secret: InlineArray<32, UInt8>
        switch answer {
        case .living(let entry), .ended(let entry): secret = entry.secret
        case .unknown: secret = decoy
        }
        let proof = Handshake.clientProof(secret: secret, server: hello, client: client)
        let isProven = SHA256.areEqual(proof, client.proof)
        switch (answer, isProven) {
        case (.unknown, _): return .refuse(.unknownLease, "there is no such lease")
        case (_, false): return .refuse(.badProof, "the proof of the lease's secret is wrong")
        case (.ended, true): return .refuse(.leaseExpired, "the lease has ended")
        case (.living, true) where client.security != security.rawValue:
            return .refuse(.otherSecurity, otherSecurity)
        case (.living(let entry), true):
            let keys = Keys(
                proof: Handshake.serverProof(secret: secret, server: hello, client: client),
                connection: Handshake.connectionKey(secret: secret, server: hello, client: client)
            )
            return .accept(entry, keys)
        }
    }

    private var otherSecurity: String {
        switch security {
        case .tls: "this server wants data connections encrypted (tls), the client does not"
        case .clear: "this server does not encrypt data connections (clear), the client wants it"
        }
    }

    /// The bytes of a verdict with its message, which is cut to what fits.
    package static func verdict(
        _ status: Handshake.Status,
        message: String = "",
        proof: InlineArray<32, UInt8> = .init(repeating: 0)
    ) -> [UInt8] {
        var text = message
        while text.utf8.count > Handshake.maxMessage { text.removeLast() }
        let fixed = [UInt8](unsafeUninitializedCapacity: Handshake.verdictSize) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            Handshake.Verdict(status: status, messageSize: text.utf8.count, proof: proof)
                .write(to: base)
            count = Handshake.verdictSize
        }
        return fixed + text.utf8
    }

    /// The program's name that a greeting carries, made fit for a log.
    package static func programName(_ client: Handshake.ClientHello) -> String {
        let bytes = (0..<32).map { client.name[$0] }.prefix { $0 != 0 }
        return LogText.clean(String(decoding: bytes, as: UTF8.self))
    }
}
