internal import CLinux

/// The MD2 hash (RFC 1319) and HMAC over it (RFC 2104).
///
/// Obsolete as cryptography; here only because the CUDA runtime's integrity check is defined by
/// it (docs/legal.md).
package struct MD2 {
    private var state: InlineArray<48, UInt8> = .init(repeating: 0)
    private var checksum: InlineArray<16, UInt8> = .init(repeating: 0)
    private var block: InlineArray<16, UInt8> = .init(repeating: 0)
    private var filled = 0

    /// The hash of nothing so far.
    package init() {}

    /// Adds one byte.
    package mutating func add(_ byte: UInt8) {
        block[filled] = byte
        filled += 1
        if filled == 16 { compress() }
    }

    /// The digest of everything added, 16 bytes.
    package consuming func digest() -> InlineArray<16, UInt8> {
        let padding = 16 - filled
        for _ in 0..<padding { add(UInt8(padding)) }
        let sum = checksum
        for index in 0..<16 { add(sum[index]) }
        var result: InlineArray<16, UInt8> = .init(repeating: 0)
        for index in 0..<16 { result[index] = state[index] }
        return result
    }

    private mutating func compress() {
        filled = 0
        var last = checksum[15]
        for index in 0..<16 {
            checksum[index] ^= Self.table(block[index] ^ last)
            last = checksum[index]
            state[16 + index] = block[index]
            state[32 + index] = block[index] ^ state[index]
        }
        var carry: UInt8 = 0
        for round in 0..<18 {
            for index in 0..<48 {
                state[index] ^= Self.table(carry)
                carry = state[index]
            }
            carry &+= UInt8(round)
        }
    }

    private static func table(_ index: UInt8) -> UInt8 {
        ferry_md2_substitute(index)
    }

    /// HMAC-MD2 of the bytes that `message` adds.
    package static func authenticate(
        key: InlineArray<16, UInt8>,
        _ message: (inout MD2) -> Void
    ) -> InlineArray<16, UInt8> {
        var inner = MD2()
        for index in 0..<16 { inner.add(key[index] ^ 0x36) }
        message(&inner)
        let innerDigest = inner.digest()
        var outer = MD2()
        for index in 0..<16 { outer.add(key[index] ^ 0x5C) }
        for index in 0..<16 { outer.add(innerDigest[index]) }
        return outer.digest()
    }
}
