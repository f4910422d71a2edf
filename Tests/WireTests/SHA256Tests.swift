import Testing
import Wire

@Suite struct SHA256Tests {
    private static let million = [UInt8](repeating: 0x61, count: 1_000_000)

    /// FIPS 180-4 examples and NIST's short messages.
    static let vectors: [([UInt8], String)] = [
        ([], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (Array("abc".utf8), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            Array(
                ("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                    + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu").utf8
            ), "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        ),
        (million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ]

    @Test(arguments: 0..<vectors.count)
    func `the vectors of FIPS 180-4`(_ index: Int) {
        let (message, digest) = Self.vectors[index]
        var hash = SHA256()
        message.withUnsafeBytes { hash.add($0) }
        #expect(array(hash.digest()) == bytes(digest))
    }

    /// Random bytes in random pieces, so that blocks begin at every offset of a piece.
    @Test(arguments: 0..<200)
    func `in pieces and at once`(_ seed: Int) {
        var random = SystemRandomNumberGenerator()
        let message = (0..<Int.random(in: 0...5000, using: &random)).map { _ in
            UInt8.random(in: 0...255, using: &random)
        }
        var hash = SHA256()
        message.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let end = min(bytes.count, done + Int.random(in: 1...300, using: &random))
                hash.add(UnsafeRawBufferPointer(rebasing: bytes[done..<end]))
                done = end
            }
            #expect(array(SHA256.digest(of: bytes)) == array(hash.digest()))
        }
    }

    @Test func `single bytes and whole buffers are the same`() {
        let message = (0..<300).map { UInt8(truncatingIfNeeded: $0) }
        for count in [1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 300] {
            var whole = SHA256()
            message[..<count].withUnsafeBytes { whole.add($0) }
            var single = SHA256()
            for byte in message[..<count] { single.add(byte) }
            #expect(array(whole.digest()) == array(single.digest()), "\(count) bytes")
        }
    }

    /// RFC 4231, the cases whose keys are at most 32 bytes long. HMAC fills a key up with zeros, so
    /// these are the digests of the keys filled up to 32.
    static let keyed: [([UInt8], [UInt8], String)] = [
        (
            Array(repeating: 0x0b, count: 20), Array("Hi There".utf8),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            Array(repeating: 0xaa, count: 20), Array(repeating: 0xdd, count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            Array(1...25), Array(repeating: 0xcd, count: 50),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
        ),
    ]

    @Test(arguments: 0..<keyed.count)
    func `the vectors of RFC 4231`(_ index: Int) {
        let (key, message, digest) = Self.keyed[index]
        let found = SHA256.authenticate(key: inline(key)) { hash in
            message.withUnsafeBytes { hash.add($0) }
        }
        #expect(array(found) == bytes(digest))
    }

    @Test func `comparing digests`() {
        let digest: InlineArray<32, UInt8> = inline(Array(1...32))
        #expect(SHA256.areEqual(digest, digest))
        for index in 0..<32 {
            for bit in 0..<8 {
                var other = digest
                other[index] ^= 1 << UInt8(bit)
                #expect(!SHA256.areEqual(digest, other))
            }
        }
    }
}
