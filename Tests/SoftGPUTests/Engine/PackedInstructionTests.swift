import Testing

/// Several numbers in one register.
@Suite struct PackedInstructionTests {
    private let a = Operands.integers(11).map { ($0 &* 0x9e37_79b9_7f4a_7c15) & 0xffff_ffff }
    private let b = Operands.integers(12).map { ($0 &* 0xc2b2_ae3d_27d4_eb4f) & 0xffff_ffff }
    private let c = Operands.integers(13).map { $0 & 0xffff_ffff }

    private func parts(_ x: UInt64, _ bits: Int, signed: Bool) -> [Int64] {
        (0..<32 / bits).map { k in
            let raw = (x >> UInt64(k * bits)) & ((1 << UInt64(bits)) - 1)
            let shift = Int64(64 - bits)
            return signed ? (Int64(bitPattern: raw) << shift) >> shift : Int64(raw)
        }
    }

    private func check(
        _ text: String,
        _ bits: Int,
        signed: Bool,
        _ f: (Int64, Int64) -> Int64
    ) throws {
        let adds = text.contains(".add ")
        let found = try Probe(text, .b32, [.b32, .b32, .b32]).run(a, b, c)
        let expected = (0..<a.count).map { k -> UInt64 in
            let values = zip(
                parts(a[k], bits, signed: signed),
                parts(b[k], bits, signed: signed)
            ).map(f)
            if adds { return values.reduce(c[k]) { $0 &+ UInt64(bitPattern: $1) } & 0xffff_ffff }
            var packed: UInt64 = 0
            for (n, value) in values.enumerated() {
                let low = UInt64(bitPattern: value) & ((1 << UInt64(bits)) - 1)
                packed |= low << UInt64(n * bits)
            }
            return packed
        }
        let wrong = difference(found, expected, [a, b, c])
        #expect(wrong == nil, "\(text)")
    }

    @Test func video() throws {
        try check("vabsdiff4.u32.u32.u32.add %d, %a, %b, %c;", 8, signed: false) { abs($0 - $1) }
        try check("vabsdiff4.u32.s32.s32 %d, %a, %b, %c;", 8, signed: true) { abs($0 - $1) }
        try check("vadd4.u32.u32.u32 %d, %a, %b, %c;", 8, signed: false) { $0 + $1 }
        try check("vmax2.s32.s32.s32 %d, %a, %b, %c;", 16, signed: true) { max($0, $1) }
        try check("vavrg4.u32.u32.u32 %d, %a, %b, %c;", 8, signed: false) { ($0 + $1 + 1) / 2 }
        try check("vabsdiff.u32.u32.u32.add %d, %a, %b, %c;", 32, signed: false) { abs($0 - $1) }
    }

    @Test func halfWords() throws {
        try check("add.u16x2 %d, %a, %b;", 16, signed: false) { $0 + $1 }
        try check("min.s16x2 %d, %a, %b;", 16, signed: true) { min($0, $1) }
        try check("max.u16x2 %d, %a, %b;", 16, signed: false) { max($0, $1) }
    }

    @Test func singlePairs() throws {
        let x = zip(Operands.singles(1), Operands.singles(2)).map { $0 | $1 << 32 }
        let y = zip(Operands.singles(3), Operands.singles(4)).map { $0 | $1 << 32 }
        func number(_ bits: UInt64) -> Float { Float(bitPattern: UInt32(truncatingIfNeeded: bits)) }
        func bits(_ x: Float) -> UInt64 { x.isNaN ? 0x7fff_ffff : UInt64(x.bitPattern) }
        let kinds: [Probe.Kind] = [.b64, .b64]
        let sums = try Probe("add.rn.f32x2 %d, %a, %b;", .b64, kinds).run(x, y)
        let expected = zip(x, y).map { p, q -> UInt64 in
            let low = bits(number(p) + number(q))
            return low | bits(number(p >> 32) + number(q >> 32)) << 32
        }
        #expect(difference(sums, expected, [x, y]) == nil)
        let products = try Probe("fma.rn.f32x2 %d, %a, %b, %a;", .b64, kinds).run(x, y)
        let fused = zip(x, y).map { p, q -> UInt64 in
            let low = bits(number(p).addingProduct(number(p), number(q)))
            let high = number(p >> 32)
            return low | bits(high.addingProduct(high, number(q >> 32))) << 32
        }
        #expect(difference(products, fused, [x, y]) == nil)
    }
}
