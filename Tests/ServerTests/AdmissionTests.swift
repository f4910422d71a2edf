import Pool
import Server
import Testing
import Wire

@Suite struct AdmissionTests {
    private let decoy = InlineArray<32, UInt8>(repeating: 9)
    private let secret = [UInt8](repeating: 1, count: 32)

    private func directory(_ id: LeaseID) throws -> LeaseDirectory {
        let lease = Lease(
            id: id,
            client: ClientDescription(host: "h", user: "u", pid: 1, command: "c"),
            grants: [],
            createdAt: 0,
            lastSeen: Moment(uptime: 0, wall: 0)
        )
        let directory = LeaseDirectory()
        directory.add(try #require(LeaseEntry(lease: lease, secret: secret)))
        return directory
    }

    private func decide(
        secret: [UInt8],
        directory: LeaseDirectory,
        id: LeaseID,
        change: (inout Handshake.ClientHello) -> Void = { _ in }
    ) throws -> Handshake.Status {
        var admission = Admission(nonce: InlineArray(repeating: 3), security: .tls)
        var client = Handshake.ClientHello(
            process: 1,
            lease: InlineArray(bytes: id.bytes),
            nonce: InlineArray(repeating: 4),
            name: InlineArray(repeating: 0)
        )
        change(&client)
        let key = InlineArray<32, UInt8>(bytes: secret)
        client.proof = Handshake.clientProof(secret: key, server: admission.hello, client: client)
        var bytes = [UInt8](repeating: 0, count: 128)
        bytes.withUnsafeMutableBytes { buffer in
            if let base = buffer.baseAddress { client.write(to: base) }
        }
        // In two pieces, as a network may bring it.
        admission.receive(bytes[..<50])
        #expect(admission.clientHello() == nil)
        admission.receive(bytes[50...])
        #expect(admission.missing == 0)
        let hello = admission.clientHello()
        switch admission.decide(hello, directory: directory, decoy: decoy) {
        case .refuse(let status, let reason):
            #expect(!reason.isEmpty)
            return status
        case .accept(let entry, let keys):
            #expect(entry.id == id)
            let expected = Handshake.serverProof(
                secret: key,
                server: admission.hello,
                client: client
            )
            #expect(keys.proof.bytes == expected.bytes)
            let connection = Handshake.connectionKey(
                secret: key,
                server: admission.hello,
                client: client
            )
            #expect(keys.connection.bytes == connection.bytes)
            return .accepted
        }
    }

    @Test func onlyTheRightSecretOfALivingLeaseIsLetIn() throws {
        let id = try #require(LeaseID(bytes: [UInt8](repeating: 5, count: 16)))
        let other = try #require(LeaseID(bytes: [UInt8](repeating: 6, count: 16)))
        let wrong = [UInt8](repeating: 2, count: 32)
        let directory = try directory(id)
        #expect(try decide(secret: secret, directory: directory, id: id) == .accepted)
        #expect(try decide(secret: wrong, directory: directory, id: id) == .badProof)
        #expect(try decide(secret: secret, directory: directory, id: other) == .unknownLease)
        // Whoever guesses the decoy still gets nowhere.
        let guess = [UInt8](repeating: 9, count: 32)
        #expect(try decide(secret: guess, directory: directory, id: other) == .unknownLease)
        directory.end(id)
        #expect(try decide(secret: secret, directory: directory, id: id) == .leaseExpired)
        #expect(try decide(secret: wrong, directory: directory, id: id) == .badProof)
    }

    @Test func foreignVersionsAndChannelsAreRefused() throws {
        let id = try #require(LeaseID(bytes: [UInt8](repeating: 5, count: 16)))
        let directory = try directory(id)
        for version in [UInt16(0), WireFormat.version + 1, .max] {
            let status = try decide(secret: secret, directory: directory, id: id) {
                $0.version = version
            }
            #expect(status == .versionNotSupported)
        }
        for (channel, expected) in [
            (UInt8(0), Handshake.Status.accepted), (1, .accepted), (0x81, .accepted),
            (2, .versionNotSupported), (0x82, .versionNotSupported), (127, .versionNotSupported),
        ] {
            let status = try decide(secret: secret, directory: directory, id: id) {
                $0.channel = channel
            }
            #expect(status == expected, "channel \(channel)")
        }
    }

    /// Only who knows the secret hears of it.
    @Test func theOtherSecurityIsRefused() throws {
        let id = try #require(LeaseID(bytes: [UInt8](repeating: 5, count: 16)))
        let wrong = [UInt8](repeating: 2, count: 32)
        let directory = try directory(id)
        for (secret, expected) in [(secret, Handshake.Status.otherSecurity), (wrong, .badProof)] {
            let status = try decide(secret: secret, directory: directory, id: id) {
                $0.security = Security.clear.rawValue
            }
            #expect(status == expected)
        }
    }

    @Test func whatIsNoGreetingIsRefused() throws {
        var admission = Admission(nonce: InlineArray(repeating: 3), security: .tls)
        admission.receive([UInt8](repeating: 0x47, count: 128))
        let decision = admission.decide(
            admission.clientHello(),
            directory: LeaseDirectory(),
            decoy: decoy
        )
        guard case .refuse(.badMagic, _) = decision else {
            Issue.record("\(decision)")
            return
        }
    }

    @Test func longMessagesAreCutBetweenCharacters() throws {
        let bytes = Admission.verdict(.badMagic, message: String(repeating: "é", count: 400))
        #expect(bytes.count == 40 + 512)
        #expect(Array(bytes[..<8]) == [1, 0, 0, 0, 0, 2, 0, 0])
        let odd = Admission.verdict(.badMagic, message: "x" + String(repeating: "é", count: 400))
        #expect(odd.count == 40 + 511)
    }
}
