import Testing
import Wire

@Suite struct HandshakeTests {
    private let secret: InlineArray<32, UInt8> = inline((0..<32).map { UInt8($0 &* 7 + 3) })
    private let server = Handshake.ServerHello(nonce: inline((0..<32).map { UInt8($0 + 100) }))

    private func client() -> Handshake.ClientHello {
        var hello = Handshake.ClientHello(
            process: 4711,
            lease: inline(Array(50..<66)),
            nonce: inline((0..<32).map { UInt8($0 + 10) }),
            name: inline(Array("python3".utf8))
        )
        hello.proof = Handshake.clientProof(secret: secret, server: server, client: hello)
        return hello
    }

    private func serverBytes() -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: Handshake.serverHelloSize)
        bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { server.write(to: base) } }
        return bytes
    }

    private func clientBytes() -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: Handshake.clientHelloSize)
        let hello = client()
        bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { hello.write(to: base) } }
        return bytes
    }

    private func read(_ bytes: [UInt8]) -> Handshake.ClientHello? {
        bytes.withUnsafeBytes { raw in
            raw.baseAddress.flatMap { Handshake.ClientHello(reading: $0) }
        }
    }

    private func readServer(_ bytes: [UInt8]) -> Handshake.ServerHello? {
        bytes.withUnsafeBytes { raw in
            raw.baseAddress.flatMap { Handshake.ServerHello(reading: $0) }
        }
    }

    /// What a server does with 128 bytes.
    private func accepts(_ bytes: [UInt8], _ greeting: Handshake.ServerHello) -> Bool {
        guard let hello = read(bytes), hello.version == WireFormat.version else { return false }
        let expected = Handshake.clientProof(secret: secret, server: greeting, client: hello)
        return SHA256.areEqual(expected, hello.proof)
    }

    @Test func `greetings survive writing and reading`() throws {
        let hello = try #require(read(clientBytes()))
        #expect(hello.version == WireFormat.version)
        #expect(hello.channel == 0)
        #expect(hello.security == Security.tls.rawValue)
        #expect(hello.process == 4711)
        #expect(array(hello.lease) == Array(50..<66))
        #expect(Array(array(hello.name).prefix(8)) == Array("python3".utf8) + [UInt8(0)])
        #expect(accepts(clientBytes(), server))
        let greeting = try #require(readServer(serverBytes()))
        #expect(greeting.versions.min == WireFormat.version)
        #expect(greeting.versions.max == WireFormat.version)
        #expect(array(greeting.nonce) == array(server.nonce))
        #expect(Array(serverBytes().prefix(8)) == Array("FERRYSRV".utf8))
        #expect(Array(clientBytes().prefix(8)) == Array("FERRYCLI".utf8))
    }

    @Test(arguments: 0..<Handshake.clientHelloSize)
    func `a server refuses any changed byte of the client's greeting`(_ index: Int) {
        for bit in 0..<8 {
            var bytes = clientBytes()
            bytes[index] ^= 1 << UInt8(bit)
            #expect(!accepts(bytes, server))
        }
    }

    @Test(arguments: 0..<Handshake.serverHelloSize)
    func `a changed byte of the server's greeting is noticed`(_ index: Int) throws {
        var bytes = serverBytes()
        bytes[index] ^= 0x10
        guard let greeting = readServer(bytes) else { return #expect(index < 8) }
        // Bytes 12–15 are reserved: they are read as zeros.
        let isReserved = (12..<16).contains(index)
        #expect(accepts(clientBytes(), greeting) == isReserved)
    }

    @Test func `another secret, the other label, an old greeting`() {
        var other = secret
        other[31] ^= 1
        let hello = client()
        let own = Handshake.clientProof(secret: secret, server: server, client: hello)
        let stranger = Handshake.clientProof(secret: other, server: server, client: hello)
        #expect(!SHA256.areEqual(own, stranger))
        let answer = Handshake.serverProof(secret: secret, server: server, client: hello)
        #expect(!SHA256.areEqual(own, answer))
        let later = Handshake.ServerHello(nonce: inline((0..<32).map { UInt8($0 + 101) }))
        #expect(!accepts(clientBytes(), later))
    }

    @Test func `each connection has a key of its own`() {
        let hello = client()
        let key = Handshake.connectionKey(secret: secret, server: server, client: hello)
        for proof in [Handshake.clientProof, Handshake.serverProof] {
            #expect(!SHA256.areEqual(key, proof(secret, server, hello)))
        }
        var other = hello
        other.nonce[0] ^= 1
        let later = Handshake.ServerHello(nonce: inline((0..<32).map { UInt8($0 + 101) }))
        for (server, client) in [(server, other), (later, hello)] {
            let another = Handshake.connectionKey(secret: secret, server: server, client: client)
            #expect(!SHA256.areEqual(key, another))
        }
    }

    @Test func `the server's proof covers the client's`() {
        var hello = client()
        let proof = Handshake.serverProof(secret: secret, server: server, client: hello)
        hello.proof[0] ^= 1
        let other = Handshake.serverProof(secret: secret, server: server, client: hello)
        #expect(!SHA256.areEqual(proof, other))
    }

    /// Put together by hand from docs/formats/wire.md, so that a second implementation agrees.
    @Test func `the proof is the HMAC of label and greetings`() {
        let message =
            Array("ferry client proof 1".utf8) + serverBytes() + clientBytes().prefix(96)
        let expected = SHA256.authenticate(key: secret) { hash in
            message.withUnsafeBytes { hash.add($0) }
        }
        #expect(array(expected) == array(client().proof))
    }

    @Test func `a verdict survives, and is bounded`() throws {
        let proof = client().proof
        let verdict = Handshake.Verdict(status: .leaseExpired, messageSize: 512, proof: proof)
        var bytes = [UInt8](repeating: 0, count: Handshake.verdictSize)
        bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { verdict.write(to: base) } }
        func parse() -> Handshake.Verdict? {
            bytes.withUnsafeBytes { raw in
                raw.baseAddress.flatMap { Handshake.Verdict(reading: $0) }
            }
        }
        let found = try #require(parse())
        #expect(found.status == 5)
        #expect(found.messageSize == 512)
        #expect(array(found.proof) == array(proof))
        bytes[4] = 1  // 513
        #expect(parse() == nil)
        let long = Handshake.Verdict(status: .accepted, messageSize: 4000, proof: proof)
        #expect(long.messageSize == 512)
    }
}
