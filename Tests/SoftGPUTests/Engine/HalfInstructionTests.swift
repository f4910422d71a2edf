import Testing

/// f16 and bf16 arithmetic: exact in double precision or wider, then rounded once.
@Suite struct HalfInstructionTests {
    private let a = Operands.halves(1)
    private let b = Operands.halves(2)
    private let c = Operands.halves(3)

    private func check(
        _ text: String,
        _ f: (UInt64, UInt64, UInt64) -> UInt64
    ) throws {
        let found = try Probe(text, .b16, [.b16, .b16, .b16]).run(a, b, c)
        let expected = (0..<a.count).map { f(a[$0], b[$0], c[$0]) }
        let wrong = difference(found, expected, [a, b, c])
        #expect(wrong == nil, "\(text)")
    }

    private func half(_ bits: UInt64) -> Float16 { Float16(bitPattern: UInt16(bits)) }

    private func bits(_ x: Float16) -> UInt64 { x.isNaN ? 0x7fff : UInt64(x.bitPattern) }

    private func brain(_ bits: UInt64) -> Double {
        Double(Float(bitPattern: UInt32(bits) << 16))
    }

    /// A double that holds the exact value, to bf16.
    private func brainBits(_ x: Double) -> UInt64 {
        if x.isNaN { return 0x7fff }
        let single = Float(x)
        var odd = single.bitPattern
        if Double(single) != x, odd & 1 == 0 {
            odd = abs(Double(single)) < abs(x) ? odd + 1 : odd - 1
        }
        let high = UInt64(odd >> 16)
        let low = odd & 0xffff
        return high + (low > 0x8000 || (low == 0x8000 && high & 1 != 0) ? 1 : 0)
    }

    @Test func halves() throws {
        try check("add.f16 %d, %a, %b;") { a, b, _ in bits(half(a) + half(b)) }
        try check("sub.f16 %d, %a, %b;") { a, b, _ in bits(half(a) - half(b)) }
        try check("mul.f16 %d, %a, %b;") { a, b, _ in bits(half(a) * half(b)) }
        try check("neg.f16 %d, %a;") { a, _, _ in a ^ 0x8000 }
        try check("abs.f16 %d, %a;") { a, _, _ in a & 0x7fff }
        try check("fma.rn.relu.f16 %d, %a, %b, %c;") { a, b, c in
            let d = exactFMA(half(a), half(b), half(c))
            return d.isNaN ? 0x7fff : d.sign == .minus ? 0 : UInt64(d.bitPattern)
        }
        try check("fma.rn.f16 %d, %a, %b, %c;") { a, b, c in
            bits(exactFMA(half(a), half(b), half(c)))
        }
        try check("add.sat.f16 %d, %a, %b;") { a, b, _ in
            let d = half(a) + half(b)
            return UInt64((d.isNaN || d <= 0 ? 0 : min(d, 1)).bitPattern)
        }
        try check("max.f16 %d, %a, %b;") { a, b, _ in
            let (x, y) = (half(a), half(b))
            if x.isNaN { return bits(y) }
            if y.isNaN { return bits(x) }
            if x == y { return x.sign == .plus ? a : b }
            return x > y ? a : b
        }
    }

    /// The product is exact in a double; the sum is when the exponents are near, else the smaller
    /// operand only breaks ties: rounding to odd by comparing with the exact error.
    private func exactFMA(_ a: Float16, _ b: Float16, _ c: Float16) -> Float16 {
        let product = Double(a) * Double(b)
        let sum = product + Double(c)
        guard sum.isFinite else { return Float16(sum) }
        let t = sum - product
        let error = (product - (sum - t)) + (Double(c) - t)
        var odd = sum.bitPattern
        if error != 0, odd & 1 == 0 {
            odd = (error > 0) == (sum > 0) ? odd + 1 : odd - 1
        }
        return roundedOnce(Double(bitPattern: odd))
    }

    /// To half precision without a step over single precision.
    private func roundedOnce(_ x: Double) -> Float16 {
        var single = Float(x)
        if Double(single) != x, single.isFinite, single.bitPattern & 1 == 0 {
            let isBelow = abs(Double(single)) < abs(x)
            single = Float(bitPattern: isBelow ? single.bitPattern + 1 : single.bitPattern - 1)
        }
        return Float16(single)
    }

    @Test func brains() throws {
        try check("add.bf16 %d, %a, %b;") { a, b, _ in brainBits(brain(a) + brain(b)) }
        try check("mul.bf16 %d, %a, %b;") { a, b, _ in brainBits(brain(a) * brain(b)) }
        try check("fma.rn.bf16 %d, %a, %b, %c;") { a, b, c in
            let product = brain(a) * brain(b)
            let sum = product + brain(c)
            guard sum.isFinite else { return brainBits(sum) }
            let t = sum - product
            let error = (product - (sum - t)) + (brain(c) - t)
            var odd = sum.bitPattern
            if error != 0, odd & 1 == 0 { odd = (error > 0) == (sum > 0) ? odd + 1 : odd - 1 }
            return brainBits(Double(bitPattern: odd))
        }
    }

    @Test func pairs() throws {
        let x = Operands.integers(4).map { $0 & 0xffff_ffff }
        let y = Operands.integers(5).map { ($0 &* 0x9e37_79b9) & 0xffff_ffff }
        let found = try Probe("add.f16x2 %d, %a, %b;", .b32, [.b32, .b32]).run(x, y)
        let expected = zip(x, y).map { p, q -> UInt64 in
            let low = bits(half(p & 0xffff) + half(q & 0xffff))
            let high = bits(half(p >> 16) + half(q >> 16))
            return high << 16 | low
        }
        let wrong = difference(found, expected, [x, y])
        #expect(wrong == nil)
    }
}
