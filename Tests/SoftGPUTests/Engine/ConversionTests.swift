import Testing

/// `cvt` against Swift's conversions.
@Suite struct ConversionTests {
    private func check(
        _ text: String,
        _ result: Probe.Kind,
        _ source: Probe.Kind,
        _ a: [UInt64],
        _ f: (UInt64) -> UInt64
    ) throws {
        let found = try Probe(text, result, [source]).run(a)
        let wrong = difference(found, a.map(f), [a])
        #expect(wrong == nil, "\(text)")
    }

    private static let rounding: [(String, FloatingPointRoundingRule)] = [
        ("rni", .toNearestOrEven), ("rzi", .towardZero), ("rmi", .down), ("rpi", .up),
    ]

    private func saturated<I: FixedWidthInteger, F: BinaryFloatingPoint>(_ x: F, _: I.Type) -> I {
        if x
            >= F(
                sign: .plus,
                exponent: F.Exponent(I.bitWidth - (I.isSigned ? 1 : 0)),
                significand: 1
            )
        {
            return .max
        }
        if I.isSigned {
            let low = F(sign: .minus, exponent: F.Exponent(I.bitWidth - 1), significand: 1)
            return x < low ? .min : I(x)
        }
        return x < 0 ? 0 : I(x)
    }

    @Test func singlesToIntegers() throws {
        let a = Operands.singles(1)
        for (name, rule) in Self.rounding {
            func value(_ bits: UInt64) -> Float { Float(bitPattern: UInt32(bits)).rounded(rule) }
            try check("cvt.\(name).s32.f32 %d, %a;", .b32, .f32, a) { bits in
                let x = value(bits)
                return x.isNaN ? 0 : UInt64(UInt32(bitPattern: saturated(x, Int32.self)))
            }
            try check("cvt.\(name).u32.f32 %d, %a;", .b32, .f32, a) { bits in
                let x = value(bits)
                return x.isNaN ? 0 : UInt64(saturated(x, UInt32.self))
            }
            try check("cvt.\(name).s64.f32 %d, %a;", .b64, .f32, a) { bits in
                let x = value(bits)
                return x.isNaN ? 1 << 63 : UInt64(bitPattern: saturated(x, Int64.self))
            }
            try check("cvt.\(name).u64.f32 %d, %a;", .b64, .f32, a) { bits in
                let x = value(bits)
                return x.isNaN ? 1 << 63 : saturated(x, UInt64.self)
            }
            try check("cvt.\(name).s16.f32 %d, %a;", .b16, .f32, a) { bits in
                let x = value(bits)
                return x.isNaN ? 0 : UInt64(UInt16(bitPattern: saturated(x, Int16.self)))
            }
            try check("cvt.\(name).u8.f32 %d, %a;", .b32, .f32, a) { bits in
                let x = value(bits)
                return x.isNaN ? 0 : UInt64(saturated(x, UInt8.self))
            }
            try check("cvt.\(name).f32.f32 %d, %a;", .f32, .f32, a) { bits in
                let x = value(bits)
                return x.isNaN ? 0x7fff_ffff : UInt64(x.bitPattern)
            }
        }
    }

    @Test func doublesToIntegers() throws {
        let a = Operands.doubles(2)
        for (name, rule) in Self.rounding {
            func value(_ bits: UInt64) -> Double { Double(bitPattern: bits).rounded(rule) }
            try check("cvt.\(name).s32.f64 %d, %a;", .b32, .f64, a) { bits in
                let x = value(bits)
                let result = x.isNaN ? Int32.min : saturated(x, Int32.self)
                return UInt64(UInt32(bitPattern: result))
            }
            try check("cvt.\(name).u64.f64 %d, %a;", .b64, .f64, a) { bits in
                let x = value(bits)
                return x.isNaN ? 1 << 63 : saturated(x, UInt64.self)
            }
            try check("cvt.\(name).s64.f64 %d, %a;", .b64, .f64, a) { bits in
                let x = value(bits)
                return x.isNaN ? 1 << 63 : UInt64(bitPattern: saturated(x, Int64.self))
            }
        }
    }

    @Test func integersToFloats() throws {
        let a = Operands.integers(3)
        try check("cvt.rn.f32.s64 %d, %a;", .f32, .b64, a) {
            UInt64(Float(Int64(bitPattern: $0)).bitPattern)
        }
        try check("cvt.rn.f32.u64 %d, %a;", .f32, .b64, a) { UInt64(Float($0).bitPattern) }
        try check("cvt.rn.f64.s64 %d, %a;", .f64, .b64, a) {
            Double(Int64(bitPattern: $0)).bitPattern
        }
        try check("cvt.rn.f64.u64 %d, %a;", .f64, .b64, a) { Double($0).bitPattern }
        let low = a.map { $0 & 0xffff_ffff }
        try check("cvt.rn.f32.s32 %d, %a;", .f32, .b32, low) {
            UInt64(Float(Int32(truncatingIfNeeded: $0)).bitPattern)
        }
        try check("cvt.rn.f32.u32 %d, %a;", .f32, .b32, low) { UInt64(Float($0).bitPattern) }
        try check("cvt.rz.f32.u32 %d, %a;", .f32, .b32, low) { bits in
            let x = Float(bits)
            return UInt64(UInt64(x) > bits ? x.nextDown.bitPattern : x.bitPattern)
        }
        try check("cvt.rp.f32.u64 %d, %a;", .f32, .b64, a) { bits in
            let x = Float(bits)
            let isBelow = x < 0x1p64 && UInt64(x) < bits
            return UInt64(isBelow ? x.nextUp.bitPattern : x.bitPattern)
        }
        try check("cvt.rn.f64.s32 %d, %a;", .f64, .b32, low) {
            Double(Int32(truncatingIfNeeded: $0)).bitPattern
        }
        try check("cvt.rn.f32.u8 %d, %a;", .f32, .b32, low) {
            UInt64(Float($0 & 255).bitPattern)
        }
        try check("cvt.rn.f16.s32 %d, %a;", .b16, .b32, low) { bits in
            let x = Double(Int32(truncatingIfNeeded: bits))
            return UInt64(Float16(x).bitPattern)
        }
    }

    @Test func betweenIntegers() throws {
        let a = Operands.integers(4)
        try check("cvt.s64.s32 %d, %a;", .b64, .b32, a.map { $0 & 0xffff_ffff }) {
            UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: $0)))
        }
        try check("cvt.u32.u64 %d, %a;", .b32, .b64, a) { $0 & 0xffff_ffff }
        try check("cvt.s32.s8 %d, %a;", .b32, .b32, a.map { $0 & 0xffff_ffff }) {
            UInt64(UInt32(bitPattern: Int32(Int8(truncatingIfNeeded: $0))))
        }
        try check("cvt.u16.u32 %d, %a;", .b16, .b32, a.map { $0 & 0xffff_ffff }) { $0 & 0xffff }
        try check("cvt.s64.u16 %d, %a;", .b64, .b16, a.map { $0 & 0xffff }) { $0 }
        try check("cvt.sat.u8.s32 %d, %a;", .b32, .b32, a.map { $0 & 0xffff_ffff }) {
            UInt64(UInt8(clamping: Int32(truncatingIfNeeded: $0)))
        }
        try check("cvt.sat.s16.s64 %d, %a;", .b16, .b64, a) {
            UInt64(UInt16(bitPattern: Int16(clamping: Int64(bitPattern: $0))))
        }
        try check("cvt.sat.s32.u64 %d, %a;", .b32, .b64, a) { UInt64(Int32(clamping: $0)) }
        // Registers wider than the types.
        try check("cvt.s64.s32 %d, %a;", .b64, .b64, a) {
            UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: $0)))
        }
        try check("cvt.s8.s32 %d, %a;", .b32, .b32, a.map { $0 & 0xffff_ffff }) {
            UInt64(UInt32(bitPattern: Int32(Int8(truncatingIfNeeded: $0))))
        }
    }

    @Test func betweenFloats() throws {
        let singles = Operands.singles(5)
        let doubles = Operands.doubles(6)
        try check("cvt.rn.f32.f64 %d, %a;", .f32, .f64, doubles) { bits in
            let x = Double(bitPattern: bits)
            if x.isNaN {
                return (bits >> 32) & 0x8000_0000 | 0x7fc0_0000 | (bits >> 29) & 0x7f_ffff
            }
            return UInt64(Float(x).bitPattern)
        }
        for (name, up) in [("rz", 0), ("rm", -1), ("rp", 1)] {
            try check("cvt.\(name).f32.f64 %d, %a;", .f32, .f64, doubles) { bits in
                let x = Double(bitPattern: bits)
                if x.isNaN {
                    return (bits >> 32) & 0x8000_0000 | 0x7fc0_0000 | (bits >> 29) & 0x7f_ffff
                }
                var y = Float(x)
                let wantsUp = up > 0 || (up == 0 && x < 0)
                if wantsUp, Double(y) < x { y = y.nextUp }
                if !wantsUp, Double(y) > x { y = y.nextDown }
                return UInt64(y.bitPattern)
            }
        }
        try check("cvt.f64.f32 %d, %a;", .f64, .f32, singles) { bits in
            let x = Float(bitPattern: UInt32(bits))
            guard x.isNaN else { return Double(x).bitPattern }
            return (bits & 0x8000_0000) << 32 | 0x7ff8_0000_0000_0000 | (bits & 0x7f_ffff) << 29
        }
        try check("cvt.sat.f32.f32 %d, %a;", .f32, .f32, singles) { bits in
            let x = Float(bitPattern: UInt32(bits))
            return UInt64((x.isNaN || x <= 0 ? 0 : min(x, 1)).bitPattern)
        }
    }

    @Test func halves() throws {
        let singles = Operands.singles(7)
        let halves = Operands.halves(8)
        try check("cvt.f32.f16 %d, %a;", .f32, .b16, halves) { bits in
            let x = Float16(bitPattern: UInt16(bits))
            return x.isNaN ? 0x7fff_ffff : UInt64(Float(x).bitPattern)
        }
        try check("cvt.rn.f16.f32 %d, %a;", .b16, .f32, singles) { bits in
            let x = Float(bitPattern: UInt32(bits))
            return x.isNaN ? 0x7fff : UInt64(Float16(x).bitPattern)
        }
        try check("cvt.rz.f16.f32 %d, %a;", .b16, .f32, singles) { bits in
            let x = Float(bitPattern: UInt32(bits))
            if x.isNaN { return 0x7fff }
            if x.isInfinite { return UInt64(Float16(x).bitPattern) }
            var y = Float16(x)
            if abs(Float(y)) > abs(x) { y = y.sign == .minus ? y.nextUp : y.nextDown }
            return UInt64(y.bitPattern)
        }
        try check("cvt.rn.bf16.f32 %d, %a;", .b16, .f32, singles) { bits in
            let x = Float(bitPattern: UInt32(bits))
            if x.isNaN { return 0x7fff }
            let low = bits & 0xffff
            let high = bits >> 16
            let isUp = low > 0x8000 || (low == 0x8000 && high & 1 != 0)
            return high + (isUp ? 1 : 0)
        }
        try check("cvt.f32.bf16 %d, %a;", .f32, .b16, halves) { bits in
            let x = Float(bitPattern: UInt32(bits) << 16)
            return x.isNaN ? 0x7fff_ffff : bits << 16
        }
        try check("cvt.rzi.s32.f16 %d, %a;", .b32, .b16, halves) { bits in
            let x = Float(Float16(bitPattern: UInt16(bits))).rounded(.towardZero)
            return x.isNaN ? 0 : UInt64(UInt32(bitPattern: saturated(x, Int32.self)))
        }
        try check("cvt.rni.f16.f16 %d, %a;", .b16, .b16, halves) { bits in
            let x = Float16(bitPattern: UInt16(bits)).rounded(.toNearestOrEven)
            return x.isNaN ? 0x7fff : UInt64(x.bitPattern)
        }
    }

    @Test func packs() throws {
        let singles = Operands.singles(9)
        let text = "cvt.rn.f16x2.f32 %d, %a, 0f3F800000;"
        try check(text, .b32, .f32, singles) { bits in
            let x = Float(bitPattern: UInt32(bits))
            let high = x.isNaN ? 0x7fff : UInt64(Float16(x).bitPattern)
            return high << 16 | 0x3c00
        }
    }
}
