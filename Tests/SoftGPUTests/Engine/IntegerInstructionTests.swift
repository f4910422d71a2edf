import Testing

/// Integer instructions against Swift's integers.
@Suite struct IntegerInstructionTests {
    /// A width and signedness with its operations on raw bits.
    struct Width: Sendable, CustomTestStringConvertible {
        let bits: Int
        let isSigned: Bool

        var name: String { "\(isSigned ? "s" : "u")\(bits)" }
        var testDescription: String { name }
        var kind: Probe.Kind { bits == 16 ? .b16 : bits == 32 ? .b32 : .b64 }
        var mask: UInt64 { bits == 64 ? .max : (1 << UInt64(bits)) - 1 }

        /// As a mathematical integer.
        func value(_ x: UInt64) -> Int128 {
            let low = x & mask
            guard isSigned, low >> UInt64(bits - 1) != 0 else { return Int128(low) }
            return Int128(low) - (Int128(1) << Int128(bits))
        }

        func wrap(_ x: Int128) -> UInt64 { UInt64(truncatingIfNeeded: x) & mask }
    }

    static let widths = [16, 32, 64].flatMap { bits in
        [false, true].map { Width(bits: bits, isSigned: $0) }
    }

    private func check(
        _ text: String,
        _ width: Width,
        _ f: (Int128, Int128, Int128) -> Int128,
        result: Width? = nil,
        c wide: Width? = nil
    ) throws {
        let a = Operands.integers(1)
        let b = Operands.integers(2)
        let c = Operands.integers(3)
        let result = result ?? width
        let third = wide ?? width
        let probe = try Probe(text, result.kind, [width.kind, width.kind, third.kind])
        let found = try probe.run(a, b, c)
        let expected = (0..<a.count).map { k in
            result.wrap(f(width.value(a[k]), width.value(b[k]), third.value(c[k])))
        }
        let wrong = difference(found, expected, [a, b, c])
        #expect(wrong == nil, "\(text)")
    }

    @Test(arguments: widths) func sums(_ width: Width) throws {
        let t = width.name
        try check("add.\(t) %d, %a, %b;", width) { a, b, _ in a + b }
        try check("sub.\(t) %d, %a, %b;", width) { a, b, _ in a - b }
        try check("min.\(t) %d, %a, %b;", width) { a, b, _ in min(a, b) }
        try check("max.\(t) %d, %a, %b;", width) { a, b, _ in max(a, b) }
        try check("sad.\(t) %d, %a, %b, %c;", width) { a, b, c in c + max(a, b) - min(a, b) }
        guard width.isSigned else { return }
        try check("neg.\(t) %d, %a;", width) { a, _, _ in -a }
        try check("abs.\(t) %d, %a;", width) { a, _, _ in a.magnitude > 0 && a < 0 ? -a : a }
    }

    @Test(arguments: widths) func products(_ width: Width) throws {
        let t = width.name
        let n = Int128(width.bits)
        func product(_ a: Int128, _ b: Int128) -> Int128 {
            let (p, overflow) = a.multipliedReportingOverflow(by: b)
            return overflow ? Int128(truncatingIfNeeded: UInt128(a) &* UInt128(b)) : p
        }
        func high(_ a: Int128, _ b: Int128) -> Int128 {
            guard !width.isSigned else { return product(a, b) >> n }
            return Int128(truncatingIfNeeded: (UInt128(a) &* UInt128(b)) >> UInt128(n))
        }
        try check("mul.lo.\(t) %d, %a, %b;", width) { a, b, _ in product(a, b) }
        try check("mul.hi.\(t) %d, %a, %b;", width) { a, b, _ in high(a, b) }
        try check("mad.lo.\(t) %d, %a, %b, %c;", width) { a, b, c in product(a, b) &+ c }
        try check("mad.hi.\(t) %d, %a, %b, %c;", width) { a, b, c in high(a, b) + c }
        guard width.bits < 64 else { return }
        let wide = Width(bits: width.bits * 2, isSigned: width.isSigned)
        try check(
            "mul.wide.\(t) %d, %a, %b;",
            width,
            { a, b, _ in product(a, b) },
            result: wide,
            c: wide
        )
        try check(
            "mad.wide.\(t) %d, %a, %b, %c;",
            width,
            { a, b, c in product(a, b) + c },
            result: wide,
            c: wide
        )
    }

    @Test(arguments: widths) func quotients(_ width: Width) throws {
        let t = width.name
        try check("div.\(t) %d, %a, %b;", width) { a, b, _ in b == 0 ? -1 : a / b }
        try check("rem.\(t) %d, %a, %b;", width) { a, b, _ in b == 0 ? -1 : a % b }
    }

    @Test func saturation() throws {
        let width = Width(bits: 32, isSigned: true)
        func clamp(_ x: Int128) -> Int128 { min(max(x, -(1 << 31)), (1 << 31) - 1) }
        try check("add.sat.s32 %d, %a, %b;", width) { a, b, _ in clamp(a + b) }
        try check("sub.sat.s32 %d, %a, %b;", width) { a, b, _ in clamp(a - b) }
        try check("mad.hi.sat.s32 %d, %a, %b, %c;", width) { a, b, c in
            clamp(((a * b) >> 32) + c)
        }
    }

    @Test func products24() throws {
        for isSigned in [false, true] {
            let width = Width(bits: 32, isSigned: isSigned)
            let narrow = Width(bits: 24, isSigned: isSigned)
            func low(_ a: Int128) -> Int128 {
                narrow.value(UInt64(truncatingIfNeeded: a))
            }
            try check("mul24.lo.\(width.name) %d, %a, %b;", width) { a, b, _ in low(a) * low(b) }
            try check("mul24.hi.\(width.name) %d, %a, %b;", width) { a, b, _ in
                (low(a) * low(b)) >> 16
            }
            try check("mad24.lo.\(width.name) %d, %a, %b, %c;", width) { a, b, c in
                low(a) * low(b) + c
            }
        }
    }

    @Test(arguments: [32, 64]) func carries(_ bits: Int) throws {
        let width = Width(bits: bits, isSigned: false)
        let t = width.name
        let n = Int128(bits)
        try check(
            "add.cc.\(t) %d, %a, %b; addc.cc.\(t) %d, %d, %c; addc.\(t) %d, %d, 0;",
            width
        ) { a, b, c in
            let first = a + b
            let second = (first & Int128(width.mask)) + c + (first >> n)
            return second + (second >> n)
        }
        try check(
            "sub.cc.\(t) %d, %a, %b; subc.cc.\(t) %d, %d, %c; subc.\(t) %d, %d, 0;",
            width
        ) { a, b, c in
            let first = a - b
            let second = Int128(width.wrap(first)) - c - (first < 0 ? 1 : 0)
            return second - (second < 0 ? 1 : 0)
        }
        try check("mad.lo.cc.\(t) %d, %a, %b, %c; madc.hi.\(t) %d, %a, %b, %d;", width) {
            a,
            b,
            c in
            let product = UInt128(a) &* UInt128(b)
            let low = Int128(width.wrap(Int128(truncatingIfNeeded: product)))
            let sum = low + c
            let high = Int128(truncatingIfNeeded: product >> UInt128(bits))
            return high + Int128(width.wrap(sum)) + (sum >> n)
        }
    }

    @Test(arguments: widths.filter { $0.bits == 32 }) func dotProducts(_ width: Width) throws {
        let t = width.name
        func part(_ x: Int128, _ bits: Int, _ k: Int) -> Int128 {
            let lane = Width(bits: bits, isSigned: width.isSigned)
            return lane.value(UInt64(truncatingIfNeeded: x >> Int128(bits * k)))
        }
        try check("dp4a.\(t).\(t) %d, %a, %b, %c;", width) { a, b, c in
            (0..<4).reduce(c) { $0 + part(a, 8, $1) * part(b, 8, $1) }
        }
        try check("dp2a.lo.\(t).\(t) %d, %a, %b, %c;", width) { a, b, c in
            (0..<2).reduce(c) { $0 + part(a, 16, $1) * part(b, 8, $1) }
        }
        try check("dp2a.hi.\(t).\(t) %d, %a, %b, %c;", width) { a, b, c in
            (0..<2).reduce(c) { $0 + part(a, 16, $1) * part(b, 8, $1 + 2) }
        }
    }
}
