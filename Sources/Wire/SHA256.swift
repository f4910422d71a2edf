internal import CHash

/// SHA-256 (FIPS 180-4) and HMAC over it (RFC 2104).
///
/// Ours, because the client library is Embedded Swift, where no Swift cryptography package builds
/// (docs/adr/0004). For the proof of a lease's secret and the names of images (docs/adr/0009). Uses
/// the processor's SHA instructions where it has them.
package struct SHA256 {
    private var state: InlineArray<8, UInt32> = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
        0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    private var block: InlineArray<64, UInt8> = .init(repeating: 0)
    private var length: UInt64 = 0
    private let hasInstructions: Bool

    /// The hash of nothing so far.
    package init() { hasInstructions = ferry_sha256_has_instructions() != 0 }

    /// The same, computed without the processor's SHA instructions; for tests.
    package init(portable: Void) { hasInstructions = false }

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
        if hasInstructions {
            withUnsafeMutableBytes(of: &state) {
                ferry_sha256_compress($0.baseAddress, blocks, count)
            }
            return
        }
        for index in 0..<count { compressPortably(blocks + 64 * index) }
    }

    private mutating func compressPortably(_ block: UnsafeRawPointer) {
        var words: InlineArray<64, UInt32> = .init(repeating: 0)
        for index in 0..<16 {
            let word = block.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
            words[index] = UInt32(bigEndian: word)
        }
        for index in 16..<64 {
            let a = words[index - 15]
            let b = words[index - 2]
            let low = Self.rotate(a, 7) ^ Self.rotate(a, 18) ^ (a >> 3)
            let high = Self.rotate(b, 17) ^ Self.rotate(b, 19) ^ (b >> 10)
            words[index] = words[index - 16] &+ low &+ words[index - 7] &+ high
        }
        var v = state
        for index in 0..<64 {
            let s1 = Self.rotate(v[4], 6) ^ Self.rotate(v[4], 11) ^ Self.rotate(v[4], 25)
            let choice = (v[4] & v[5]) ^ (~v[4] & v[6])
            let first = v[7] &+ s1 &+ choice &+ Self.constants[index] &+ words[index]
            let s0 = Self.rotate(v[0], 2) ^ Self.rotate(v[0], 13) ^ Self.rotate(v[0], 22)
            let majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2])
            let second = s0 &+ majority
            for slot in stride(from: 7, to: 0, by: -1) { v[slot] = v[slot - 1] }
            v[4] = v[4] &+ first
            v[0] = first &+ second
        }
        for index in 0..<8 { state[index] = state[index] &+ v[index] }
    }

    @inline(__always)
    private static func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 {
        value >> count | value << (32 - count)
    }

    private static let constants: InlineArray<64, UInt32> = [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4,
        0xab1c_5ed5, 0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe,
        0x9bdc_06a7, 0xc19b_f174, 0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f,
        0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da, 0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7,
        0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967, 0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc,
        0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85, 0xa2bf_e8a1, 0xa81a_664b,
        0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070, 0x19a4_c116,
        0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7,
        0xc671_78f2,
    ]

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
