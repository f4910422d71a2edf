internal import CHash

/// SHA-256 (FIPS 180-4) and HMAC over it (RFC 2104).
///
/// The inner function is OpenSSL's; around it ours, because the client library is Embedded Swift, where no
/// Swift cryptography package builds (docs/adr/0004). For the proof of a lease's secret and the names
/// of images (docs/adr/0009).
package struct SHA256 {
    private var state: InlineArray<8, UInt32> = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
        0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    private var block: InlineArray<64, UInt8> = .init(repeating: 0)
    private var length: UInt64 = 0

    /// The hash of nothing so far.
    package init() {}

    /// Adds one byte.
    package mutating func add(_ byte: UInt8) {
        block[Int(length % 64)] = byte
        length += 1
        if length % 64 == 0 { compressBlock() }
    }

    /// Adds bytes.
    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        var done = 0
        while length % 64 != 0, done < bytes.count {
            add(bytes[done])
            done += 1
        }
        let blocks = (bytes.count - done) / 64
        compress(base + done, blocks)
        length += UInt64(64 * blocks)
        done += 64 * blocks
        while done < bytes.count {
            add(bytes[done])
            done += 1
        }
    }

    /// The digest of everything added, 32 bytes.
    package consuming func digest() -> InlineArray<32, UInt8> {
        let bits = length * 8
        add(0x80)
        while length % 64 != 56 { add(0) }
        for shift in 0..<8 { add(UInt8(truncatingIfNeeded: bits >> UInt64(56 - 8 * shift))) }
        var result: InlineArray<32, UInt8> = .init(repeating: 0)
        for index in 0..<32 {
            let shift = UInt32(24 - 8 * (index % 4))
            result[index] = UInt8(truncatingIfNeeded: state[index / 4] >> shift)
        }
        return result
    }

    /// The digest of some bytes.
    package static func digest(of bytes: UnsafeRawBufferPointer) -> InlineArray<32, UInt8> {
        var hash = SHA256()
        hash.add(bytes)
        return hash.digest()
    }

    private mutating func compressBlock() {
        let block = block
        withUnsafeBytes(of: block) { if let base = $0.baseAddress { compress(base, 1) } }
    }

    private mutating func compress(_ blocks: UnsafeRawPointer, _ count: Int) {
        withUnsafeMutableBytes(of: &state) {
            ferry_sha256_compress($0.baseAddress, blocks, count)
        }
    }

    /// HMAC-SHA256 of the bytes that `message` adds, under a key of 32 bytes.
    package static func authenticate(
        key: InlineArray<32, UInt8>,
        _ message: (inout SHA256) -> Void
    ) -> InlineArray<32, UInt8> {
        var inner = SHA256()
        for index in 0..<64 { inner.add((index < 32 ? key[index] : 0) ^ 0x36) }
        message(&inner)
        let innerDigest = inner.digest()
        var outer = SHA256()
        for index in 0..<64 { outer.add((index < 32 ? key[index] : 0) ^ 0x5C) }
        for index in 0..<32 { outer.add(innerDigest[index]) }
        return outer.digest()
    }

    /// Compares two digests in a time that does not depend on where they differ.
    package static func areEqual(
        _ left: InlineArray<32, UInt8>,
        _ right: InlineArray<32, UInt8>
    ) -> Bool {
        var difference: UInt8 = 0
        for index in 0..<32 { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}
