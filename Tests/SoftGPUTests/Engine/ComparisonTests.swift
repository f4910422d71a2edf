import Testing

/// `setp`, `set`, `selp`, `slct`, `testp`.
@Suite struct ComparisonTests {
    @Test(arguments: ["eq", "ne", "lt", "le", "gt", "ge"]) func integers(_ name: String) throws {
        let a = Operands.integers(1)
        let b = zip(a, Operands.integers(2)).enumerated().map { $0 % 3 == 0 ? $1.0 : $1.1 }
        func compare<T: Comparable>(_ x: T, _ y: T) -> Bool {
            switch name {
            case "eq": x == y
            case "ne": x != y
            case "lt": x < y
            case "le": x <= y
            case "gt": x > y
            default: x >= y
            }
        }
        func run(_ type: String, _ kind: Probe.Kind, _ f: (UInt64, UInt64) -> Bool) throws {
            let text = "setp.\(name).\(type) %d, %a, %b;"
            let found = try Probe(text, .pred, [kind, kind]).run(a, b)
            let wrong = difference(found, zip(a, b).map { f($0, $1) ? 1 : 0 }, [a, b])
            #expect(wrong == nil, "\(text)")
        }
        try run("u16", .b16) {
            compare(UInt16(truncatingIfNeeded: $0), UInt16(truncatingIfNeeded: $1))
        }
        try run("s16", .b16) {
            compare(Int16(truncatingIfNeeded: $0), Int16(truncatingIfNeeded: $1))
        }
        try run("u32", .b32) {
            compare(UInt32(truncatingIfNeeded: $0), UInt32(truncatingIfNeeded: $1))
        }
        try run("s32", .b32) {
            compare(Int32(truncatingIfNeeded: $0), Int32(truncatingIfNeeded: $1))
        }
        try run("u64", .b64) { compare($0, $1) }
        try run("s64", .b64) { compare(Int64(bitPattern: $0), Int64(bitPattern: $1)) }
    }

    static let floating = [
        "eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan",
    ]

    private func compare<T: BinaryFloatingPoint>(_ name: String, _ x: T, _ y: T) -> Bool {
        let isUnordered = x.isNaN || y.isNaN
        switch name {
        case "eq": return x == y
        case "ne": return !isUnordered && x != y
        case "lt": return x < y
        case "le": return x <= y
        case "gt": return x > y
        case "ge": return x >= y
        case "equ": return isUnordered || x == y
        case "neu": return x != y
        case "ltu": return isUnordered || x < y
        case "leu": return isUnordered || x <= y
        case "gtu": return isUnordered || x > y
        case "geu": return isUnordered || x >= y
        case "num": return !isUnordered
        default: return isUnordered
        }
    }

    @Test(arguments: floating) func floats(_ name: String) throws {
        let a = Operands.singles(1)
        let b = zip(a, Operands.singles(2)).enumerated().map { $0 % 3 == 0 ? $1.0 : $1.1 }
        let single = "setp.\(name).f32 %d, %a, %b;"
        let found = try Probe(single, .pred, [.f32, .f32]).run(a, b)
        let expected = zip(a, b).map { x, y -> UInt64 in
            compare(name, Float(bitPattern: UInt32(x)), Float(bitPattern: UInt32(y))) ? 1 : 0
        }
        let wrong = difference(found, expected, [a, b])
        #expect(wrong == nil, "\(single)")
        let c = Operands.doubles(3)
        let e = zip(c, Operands.doubles(4)).enumerated().map { $0 % 3 == 0 ? $1.0 : $1.1 }
        let double = "setp.\(name).f64 %d, %a, %b;"
        let second = try Probe(double, .pred, [.f64, .f64]).run(c, e)
        let doubles = zip(c, e).map { x, y -> UInt64 in
            compare(name, Double(bitPattern: x), Double(bitPattern: y)) ? 1 : 0
        }
        #expect(difference(second, doubles, [c, e]) == nil, "\(double)")
    }

    @Test func combinations() throws {
        let a = Operands.integers(5).map { $0 & 0xffff_ffff }
        let b = Operands.integers(6).map { $0 & 0xffff_ffff }
        let c = Operands.integers(7).map { $0 & 1 }
        let operations: [(String, (Bool, Bool) -> Bool)] = [
            ("and", { $0 && $1 }), ("or", { $0 || $1 }), ("xor", { $0 != $1 }),
        ]
        for (name, f) in operations {
            let text = """
                setp.lt.\(name).s32 %p0|%p1, %a, %b, !%c;
                selp.u32 %t0, 1, 0, %p0;
                selp.u32 %t1, 2, 0, %p1;
                or.b32 %d, %t0, %t1;
                """
            let found = try Probe(text, .b32, [.b32, .b32, .pred]).run(a, b, c)
            let expected = (0..<a.count).map { k -> UInt64 in
                let less = Int32(truncatingIfNeeded: a[k]) < Int32(truncatingIfNeeded: b[k])
                let q = c[k] == 0
                return (f(less, q) ? 1 : 0) + (f(!less, q) ? 2 : 0)
            }
            #expect(difference(found, expected, [a, b, c]) == nil, "\(text)")
        }
    }

    @Test func setsAndSelections() throws {
        let a = Operands.singles(8)
        let b = Operands.singles(9)
        let isLess = zip(a, b).map { x, y in
            Float(bitPattern: UInt32(x)) < Float(bitPattern: UInt32(y))
        }
        let bits = try Probe("set.lt.u32.f32 %d, %a, %b;", .b32, [.f32, .f32]).run(a, b)
        #expect(bits == isLess.map { $0 ? 0xffff_ffff : 0 })
        let ones = try Probe("set.lt.f32.f32 %d, %a, %b;", .f32, [.f32, .f32]).run(a, b)
        #expect(ones == isLess.map { $0 ? 0x3f80_0000 : 0 })
        let sign = try Probe("slct.b32.f32 %d, 7, 9, %a;", .b32, [.f32]).run(a)
        #expect(sign == a.map { Float(bitPattern: UInt32($0)) >= 0 ? 7 : 9 })
        let whole = try Probe("slct.b32.s32 %d, 7, 9, %a;", .b32, [.b32]).run(a)
        #expect(whole == a.map { $0 & 0x8000_0000 == 0 ? 7 : 9 })
    }

    @Test func classes() throws {
        let a = Operands.singles(10)
        let tests: [(String, (Float) -> Bool)] = [
            ("finite", { $0.isFinite }), ("infinite", { $0.isInfinite }),
            ("number", { !$0.isNaN }), ("notanumber", { $0.isNaN }), ("normal", { $0.isNormal }),
            ("subnormal", { $0.isSubnormal }),
        ]
        for (name, f) in tests {
            let found = try Probe("testp.\(name).f32 %d, %a;", .pred, [.f32]).run(a)
            #expect(found == a.map { f(Float(bitPattern: UInt32($0))) ? 1 : 0 }, "\(name)")
        }
    }
}
