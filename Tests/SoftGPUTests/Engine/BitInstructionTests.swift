import Testing

/// Logic, shifts and bit fields against a bit-by-bit reading of the PTX manual.
@Suite struct BitInstructionTests {
    private func check(
        _ text: String,
        _ result: Probe.Kind,
        _ kinds: [Probe.Kind],
        amounts: Bool = false,
        _ f: (UInt64, UInt64, UInt64) -> UInt64
    ) throws {
        func low(_ values: [UInt64], _ kind: Probe.Kind) -> [UInt64] {
            kind.bytes == 8 ? values : values.map { $0 & ((1 << UInt64(kind.bytes * 8)) - 1) }
        }
        let kinds3 = kinds + Array(repeating: .b32, count: 3 - kinds.count)
        let a = low(Operands.integers(4), kinds3[0])
        let b = low(amounts ? Operands.amounts(5) : Operands.integers(5), kinds3[1])
        let c = low(amounts ? Operands.amounts(6) : Operands.integers(6), kinds3[2])
        let found = try Probe(text, result, kinds).run(a, b, c)
        let expected = (0..<a.count).map { f(a[$0], b[$0], c[$0]) }
        let wrong = difference(found, low(expected, result), [a, b, c])
        #expect(wrong == nil, "\(text)")
    }

    private func bit(_ x: UInt64, _ k: UInt64) -> UInt64 { k > 63 ? 0 : (x >> k) & 1 }

    private func kind(_ bits: Int) -> Probe.Kind { bits == 16 ? .b16 : bits == 32 ? .b32 : .b64 }

    @Test(arguments: [16, 32, 64]) func logic(_ bits: Int) throws {
        let k = kind(bits)
        try check("and.b\(bits) %d, %a, %b;", k, [k, k]) { a, b, _ in a & b }
        try check("or.b\(bits) %d, %a, %b;", k, [k, k]) { a, b, _ in a | b }
        try check("xor.b\(bits) %d, %a, %b;", k, [k, k]) { a, b, _ in a ^ b }
        try check("not.b\(bits) %d, %a;", k, [k]) { a, _, _ in ~a }
        try check("cnot.b\(bits) %d, %a;", k, [k]) { a, _, _ in a == 0 ? 1 : 0 }
    }

    @Test(arguments: [16, 32, 64]) func shifts(_ bits: Int) throws {
        let k = kind(bits)
        let n = UInt64(bits)
        func signed(_ a: UInt64) -> Int64 { Int64(bitPattern: a << (64 - n)) >> Int64(64 - n) }
        try check("shl.b\(bits) %d, %a, %b;", k, [k, .b32], amounts: true) { a, b, _ in
            b >= n ? 0 : a << b
        }
        try check("shr.u\(bits) %d, %a, %b;", k, [k, .b32], amounts: true) { a, b, _ in
            b >= n ? 0 : a >> b
        }
        try check("shr.s\(bits) %d, %a, %b;", k, [k, .b32], amounts: true) { a, b, _ in
            UInt64(bitPattern: signed(a) >> Int64(min(b, 63)))
        }
    }

    @Test func funnelShifts() throws {
        let kinds: [Probe.Kind] = [.b32, .b32, .b32]
        func pair(_ a: UInt64, _ b: UInt64) -> UInt64 { b << 32 | a }
        try check("shf.l.wrap.b32 %d, %a, %b, %c;", .b32, kinds) { a, b, c in
            (pair(a, b) << (c & 31)) >> 32
        }
        try check("shf.r.wrap.b32 %d, %a, %b, %c;", .b32, kinds) { a, b, c in
            pair(a, b) >> (c & 31)
        }
        try check("shf.l.clamp.b32 %d, %a, %b, %c;", .b32, kinds) { a, b, c in
            (pair(a, b) << min(c, 32)) >> 32
        }
        try check("shf.r.clamp.b32 %d, %a, %b, %c;", .b32, kinds) { a, b, c in
            pair(a, b) >> min(c, 32)
        }
    }

    @Test(arguments: [32, 64]) func counting(_ bits: Int) throws {
        let k = kind(bits)
        let n = UInt64(bits)
        func zeros(_ a: UInt64) -> UInt64 { UInt64(a.leadingZeroBitCount) - (64 - n) }
        try check("popc.b\(bits) %d, %a;", .b32, [k]) { a, _, _ in UInt64(a.nonzeroBitCount) }
        try check("clz.b\(bits) %d, %a;", .b32, [k]) { a, _, _ in zeros(a) }
        try check("brev.b\(bits) %d, %a;", k, [k]) { a, _, _ in
            (0..<n).reduce(0) { $0 | bit(a, $1) << (n - 1 - $1) }
        }
        for (sign, shift) in [("u", ""), ("s", ""), ("u", ".shiftamt"), ("s", ".shiftamt")] {
            try check("bfind\(shift).\(sign)\(bits) %d, %a;", .b32, [k]) { a, _, _ in
                let x = sign == "s" && bit(a, n - 1) != 0 ? ~a & (n == 64 ? .max : 0xffff_ffff) : a
                guard x != 0 else { return 0xffff_ffff }
                return shift.isEmpty ? n - 1 - zeros(x) : zeros(x)
            }
        }
    }

    @Test(arguments: [32, 64]) func fields(_ bits: Int) throws {
        let k = kind(bits)
        let n = UInt64(bits)
        for sign in ["u", "s"] {
            let text = "bfe.\(sign)\(bits) %d, %a, %b, %c;"
            try check(text, k, [k, .b32, .b32], amounts: true) { a, b, c in
                let (pos, len) = (b & 255, c & 255)
                let last = min(pos + len == 0 ? 0 : pos + len - 1, n - 1)
                let fill = sign == "u" || len == 0 ? 0 : bit(a, last)
                return (0..<n).reduce(0) { d, i in
                    let inside = i < len && pos + i < n
                    return d | (inside ? bit(a, pos + i) : fill) << i
                }
            }
        }
        let text = "bfi.b\(bits) %d, %a, %a, %b, %c; bfi.b\(bits) %d, %d, %a, %b, %c;"
        try check(text, k, [k, .b32, .b32], amounts: true) { a, b, c in
            func insert(_ x: UInt64, _ y: UInt64) -> UInt64 {
                let (pos, len) = (b & 255, c & 255)
                return (0..<n).reduce(0) { d, i in
                    let inside = i >= pos && i < pos + len
                    return d | (inside ? bit(x, i - pos) : bit(y, i)) << i
                }
            }
            return insert(insert(a, a), a)
        }
    }

    @Test func permutations() throws {
        let kinds: [Probe.Kind] = [.b32, .b32, .b32]
        func byte(_ a: UInt64, _ b: UInt64, _ s: UInt64) -> UInt64 {
            let value = ((b << 32 | a) >> (8 * (s & 7))) & 255
            return s & 8 == 0 ? value : value & 128 != 0 ? 255 : 0
        }
        func permute(_ a: UInt64, _ b: UInt64, _ selectors: [UInt64]) -> UInt64 {
            (0..<4).reduce(UInt64(0)) { (sum: UInt64, k: Int) -> UInt64 in
                sum | byte(a, b, selectors[k]) << UInt64(8 * k)
            }
        }
        try check("prmt.b32 %d, %a, %b, %c;", .b32, kinds) { a, b, c in
            permute(a, b, (0..<4).map { (k: UInt64) in (c >> (4 * k)) & 15 })
        }
        let modes: [(String, [[UInt64]])] = [
            ("f4e", [[0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6]]),
            ("b4e", [[0, 7, 6, 5], [1, 0, 7, 6], [2, 1, 0, 7], [3, 2, 1, 0]]),
            ("rc8", [[0, 0, 0, 0], [1, 1, 1, 1], [2, 2, 2, 2], [3, 3, 3, 3]]),
            ("ecl", [[0, 1, 2, 3], [1, 1, 2, 3], [2, 2, 2, 3], [3, 3, 3, 3]]),
            ("ecr", [[0, 0, 0, 0], [0, 1, 1, 1], [0, 1, 2, 2], [0, 1, 2, 3]]),
            ("rc16", [[0, 1, 0, 1], [2, 3, 2, 3], [0, 1, 0, 1], [2, 3, 2, 3]]),
        ]
        for (mode, table) in modes {
            try check("prmt.b32.\(mode) %d, %a, %b, %c;", .b32, kinds) { a, b, c in
                permute(a, b, table[Int(c & 3)])
            }
        }
    }

    @Test func lookups() throws {
        let tables: [UInt64] = [0x00, 0x1d, 0x80, 0x96, 0xe8, 0xfe, 0xff]
        for table in tables {
            let text = "lop3.b32 %d, %a, %b, %c, \(table);"
            try check(text, .b32, [.b32, .b32, .b32]) { a, b, c in
                (0..<32).reduce(UInt64(0)) { (d: UInt64, k: UInt64) -> UInt64 in
                    let index = bit(a, k) << 2 | bit(b, k) << 1 | bit(c, k)
                    return d | bit(table, index) << k
                }
            }
        }
    }

    @Test func masks() throws {
        let kinds: [Probe.Kind] = [.b32, .b32]
        func ones(_ a: UInt64, _ b: UInt64) -> UInt64 {
            (0..<32).reduce(0) { $1 >= a && $1 < a + b ? $0 | 1 << $1 : $0 }
        }
        try check("rem.u32 %t0, %a, 40; bmsk.clamp.b32 %d, %t0, %b;", .b32, kinds, amounts: true) {
            a,
            b,
            _ in ones(a % 40, b)
        }
        try check("bmsk.wrap.b32 %d, %a, %b;", .b32, kinds, amounts: true) { a, b, _ in
            ones(a & 31, b & 31)
        }
        try check("szext.clamp.u32 %d, %a, %b;", .b32, kinds, amounts: true) { a, b, _ in
            b > 31 ? a : a & ((1 << b) - 1)
        }
        try check("szext.wrap.s32 %d, %a, %b;", .b32, kinds, amounts: true) { a, b, _ in
            let n = b & 31
            guard n > 0 else { return 0 }
            return bit(a, n - 1) == 0 ? a & ((1 << n) - 1) : a | ~((1 << n) - 1)
        }
        try check("and.b32 %t0, %b, 31; fns.b32 %d, %a, %t0, %c;", .b32, [.b32, .b32, .b32]) {
            a,
            b,
            c in
            let offset = Int64(Int32(truncatingIfNeeded: c))
            let base = Int64(b & 31)
            if offset == 0 { return bit(a, UInt64(base)) != 0 ? UInt64(base) : 0xffff_ffff }
            let step: Int64 = offset > 0 ? 1 : -1
            var left = offset.magnitude
            var position = base
            while position >= 0, position < 32 {
                if bit(a, UInt64(position)) != 0 {
                    left -= 1
                    if left == 0 { return UInt64(position) }
                }
                position += step
            }
            return 0xffff_ffff
        }
    }
}
