import Crypto
import Foundation
import Server
import Testing
import X509

@Suite struct IdentityTests {
    private let now = Date(timeIntervalSince1970: 1_800_000_000)
    private let names = ServerNames(["localhost", "127.0.0.1", "::1", "gpu1.example"])

    @Test func theAuthorityAndTheCertificateAreMadeOnceAndKept() async throws {
        try await Scratch.with { scratch in
            let files = IdentityFiles(folder: scratch.path)
            let authority = try files.authority(now: now)
            #expect(try files.authority(now: now).certificate == authority.certificate)
            let (first, reason) = try files.server(authority: authority, names: names, now: now)
            #expect(reason != nil)
            let (second, again) = try files.server(authority: authority, names: names, now: now)
            #expect(again == nil)
            #expect(second.certificate == first.certificate)
        }
    }

    @Test func aCertificateIsRenewedBeforeItEnds() throws {
        let authority = try CertificateAuthority(now: now)
        let identity = try ServerIdentity(authority: authority, names: names, now: now)
        func reason(days: Double) -> String? {
            let then = now.addingTimeInterval(days * 86400)
            return identity.reasonToRenew(authority: authority, names: names, now: then)
        }
        #expect(reason(days: 0) == nil)
        #expect(reason(days: 300) == nil)
        #expect(reason(days: 308) != nil)
        #expect(reason(days: 400) != nil)
        #expect(reason(days: -1) != nil)
    }

    @Test func aNewNameOrAnotherAuthorityNeedsANewCertificate() throws {
        let authority = try CertificateAuthority(now: now)
        let identity = try ServerIdentity(authority: authority, names: names, now: now)
        let more = ServerNames(names.names + ["10.0.0.1"])
        #expect(identity.reasonToRenew(authority: authority, names: more, now: now) != nil)
        let fewer = ServerNames(["localhost"])
        #expect(identity.reasonToRenew(authority: authority, names: fewer, now: now) == nil)
        let other = try CertificateAuthority(now: now)
        #expect(identity.reasonToRenew(authority: other, names: names, now: now) != nil)
    }

    @Test func keyAndCertificateMustBelongTogether() throws {
        let authority = try CertificateAuthority(now: now)
        let other = try CertificateAuthority(now: now)
        #expect(throws: IdentityError.self) {
            try CertificateAuthority(
                certificatePEM: try authority.certificatePEM(),
                keyPEM: other.keyPEM
            )
        }
    }

    @Test func anAuthorityWithoutItsKeyIsNotReplacedInSilence() async throws {
        try await Scratch.with { scratch in
            let files = IdentityFiles(folder: scratch.path)
            _ = try files.authority(now: now)
            try FileManager.default.removeItem(atPath: scratch.path + "/ca.key")
            #expect(throws: IdentityError.self) { try files.authority(now: now) }
        }
    }

    @Test func aWildcardMeansEveryAddress() {
        let names = ServerNames.ofThisMachine(host: "0.0.0.0", more: ["x.example"]).names
        #expect(names.contains("127.0.0.1"))
        #expect(names.contains("x.example"))
        #expect(!names.contains("0.0.0.0"))
        let one = ServerNames.ofThisMachine(host: "192.0.2.1", more: []).names
        #expect(one.contains("192.0.2.1"))
    }

    @Test func tokensAreKnownByTheirHash() {
        let token = Token()
        let set = TokenSet(hashes: [Token().hash, token.hash])
        #expect(set.contains(token))
        #expect(!set.contains(Token()))
        #expect(!set.contains(Token(text: "")))
        #expect(!TokenSet(hashes: []).contains(token))
        #expect(token.text.utf8.count == 6 + 64)
    }
}
