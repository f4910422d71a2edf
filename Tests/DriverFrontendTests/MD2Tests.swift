import DriverFrontend
import Testing

/// Lower-case hexadecimal of 16 bytes.
func hex(_ digest: InlineArray<16, UInt8>) -> String {
    var text = ""
    for index in 0..<16 {
        let digits = String(digest[index], radix: 16)
        text += digits.count == 1 ? "0" + digits : digits
    }
    return text
}

@Suite struct MD2Tests {
    static let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

    /// RFC 1319, appendix A.5.
    static let vectors: [(String, String)] = [
        ("", "8350e5a3e24c153df2275c9f80692773"),
        ("a", "32ec01ec4a6dac72c0ab96fb34c0b5d1"),
        ("abc", "da853b0d3f88d99b30283a69e6ded6bb"),
        ("message digest", "ab4f496bfb2a530b219ff33031fe06b0"),
        ("abcdefghijklmnopqrstuvwxyz", "4e8ddff3650292ab5a4108c3aa47940b"),
        (letters, "da33def2a42df13975352846c30338cd"),
        (String(repeating: "1234567890", count: 8), "d5976f79d83d3a0dc9806c3c66f3efd8"),
    ]

    @Test(arguments: vectors)
    func `the vectors of RFC 1319`(_ vector: (text: String, digest: String)) {
        var hash = MD2()
        for byte in vector.text.utf8 { hash.add(byte) }
        #expect(hex(hash.digest()) == vector.digest)
    }

    /// Keys and messages of RFC 2104 and RFC 2202 that fit a key of 16 bytes; the digests come from
    /// another implementation, whose table was made from the digits of pi.
    static let keyed: [([UInt8], [UInt8], String)] = [
        (
            Array(repeating: 0x0b, count: 16), Array("Hi There".utf8),
            "b524be0196e491ed44823746cd8923af"
        ),
        (
            Array("Jefe".utf8) + Array(repeating: 0, count: 12),
            Array("what do ya want for nothing?".utf8), "292f9d34f9e311846de86c495d7adfa2"
        ),
        (Array(0..<16), [], "d39ad9dde006587a8be949b11b9288f8"),
        (
            Array(repeating: 0xaa, count: 16), Array(repeating: 0xdd, count: 50),
            "ff09238e4bded84b5490bc42cfd5c265"
        ),
    ]

    @Test(arguments: keyed)
    func `HMAC over it`(_ vector: (key: [UInt8], message: [UInt8], digest: String)) {
        var key: InlineArray<16, UInt8> = .init(repeating: 0)
        for index in 0..<16 { key[index] = vector.key[index] }
        let digest = MD2.authenticate(key: key) { hash in
            for byte in vector.message { hash.add(byte) }
        }
        #expect(hex(digest) == vector.digest)
    }
}
