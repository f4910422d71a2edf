import CLanes

/// How a `cvt` converts; packed into `LaneInstruction.immediate`.
package struct Conversion: Sendable {
    /// From what, to what.
    package var source: NumberFormat
    /// The result's format.
    package var result: NumberFormat
    /// The rounding of the result.
    package var rounding: Rounding
    /// Whether the value is rounded to an integer first (`.rni` and so on).
    package var isIntegral = false
    /// `.ftz`, `.sat`, `.satfinite`, `.relu`
    package var flushes = false
    /// Clamp: to [0, 1], or to the range of the integers.
    package var saturates = false
    /// Greatest number instead of infinity.
    package var satfinite = false
    /// Negative numbers become 0.
    package var relu = false

    /// A conversion.
    package init(_ source: NumberFormat, _ result: NumberFormat, _ rounding: Rounding) {
        self.source = source
        self.result = result
        self.rounding = rounding
    }

    /// As one integer.
    package var packed: Int64 {
        var bits = Int64(source.rawValue) | Int64(result.rawValue) << 8
        bits |= Int64(rounding.rawValue) << 16
        for (k, flag) in [isIntegral, flushes, saturates, satfinite, relu].enumerated() where flag {
            bits |= 1 << Int64(24 + k)
        }
        return bits
    }

    @inline(__always)
    init(packed: Int64) {
        func byte(_ n: Int64) -> UInt8 { UInt8(truncatingIfNeeded: packed >> n) }
        source = NumberFormat(rawValue: byte(0)) ?? .u32
        result = NumberFormat(rawValue: byte(8)) ?? .u32
        rounding = Rounding(rawValue: byte(16)) ?? .nearestEven
        let flags = byte(24)
        isIntegral = flags & 1 != 0
        flushes = flags & 2 != 0
        saturates = flags & 4 != 0
        satfinite = flags & 8 != 0
        relu = flags & 16 != 0
    }

    /// The converted bits; integers are not extended beyond their width.
    func apply(_ bits: UInt64) -> UInt64 {
        var number = Number(bits, source)
        if flushes, source == .f32, number.isSubnormal(.f32) { number.magnitude = 0 }
        if result.isInteger {
            if source.isInteger {
                return saturates ? number.integer(result, .zero, wideNaN: false) : bits
            }
            let wideNaN = source == .f64 || result.bits == 64
            return number.integer(result, rounding, wideNaN: wideNaN)
        }
        if number.kind == .notANumber {
            if saturates { return 0 }
            if let kept = keptNaN(bits) { return kept }
            return result.canonicalNaN
        }
        if isIntegral { number.roundToIntegral(rounding) }
        if relu, number.isNegative { return 0 }
        if saturates {
            if number.isNegative || (number.kind == .finite && number.magnitude == 0) { return 0 }
            if number.kind == .infinite { return result.one }
        }
        var value = number.floating(result, rounding, satfinite: satfinite)
        if saturates, value > result.one { value = result.one }
        if flushes, result == .f32, value & 0x7f80_0000 == 0 { value &= 0x8000_0000 }
        return value
    }

    /// Between single and double precision a NaN keeps sign and payload.
    private func keptNaN(_ bits: UInt64) -> UInt64? {
        switch (source, result) {
        case (.f32, .f64):
            let sign = (bits & 0x8000_0000) << 32
            return sign | 0x7ff8_0000_0000_0000 | (bits & 0x7f_ffff) << 29
        case (.f64, .f32):
            let sign = (bits >> 32) & 0x8000_0000
            return sign | 0x7fc0_0000 | (bits >> 29) & 0x7f_ffff
        case (.f64, .f64), (.f32, .f32): return isIntegral && source == .f32 ? nil : bits
        default: return nil
        }
    }
}

/// `cvt` with a floating-point side, or saturating.
package enum ConvertOps {
    /// Any conversion between registers of these widths in bits, lane by lane. The result is
    /// sign- or zero-extended to the register.
    package static func general(from: Int, to: Int) -> Handler? {
        switch (from, to) {
        case (16, 16): return { r, i, m, _ in slow(r, i, m, UInt16.self, UInt16.self) }
        case (16, 32): return { r, i, m, _ in slow(r, i, m, UInt16.self, UInt32.self) }
        case (16, 64): return { r, i, m, _ in slow(r, i, m, UInt16.self, UInt64.self) }
        case (32, 16): return { r, i, m, _ in slow(r, i, m, UInt32.self, UInt16.self) }
        case (32, 32): return { r, i, m, _ in slow(r, i, m, UInt32.self, UInt32.self) }
        case (32, 64): return { r, i, m, _ in slow(r, i, m, UInt32.self, UInt64.self) }
        case (64, 16): return { r, i, m, _ in slow(r, i, m, UInt64.self, UInt16.self) }
        case (64, 32): return { r, i, m, _ in slow(r, i, m, UInt64.self, UInt32.self) }
        case (64, 64): return { r, i, m, _ in slow(r, i, m, UInt64.self, UInt64.self) }
        default: return nil
        }
    }

    /// Two conversions packed side by side: a into the upper half, b into the lower (`cvt.….f16x2`
    /// of two singles).
    package static func packed(to: Int) -> Handler? {
        switch to {
        case 16: return { r, i, m, _ in slowPair(r, i, m, UInt16.self, 8) }
        case 32: return { r, i, m, _ in slowPair(r, i, m, UInt32.self, 16) }
        default: return nil
        }
    }

    /// Two conversions of the halves of a 16- or 32-bit register, packed the same way.
    package static func unpacked() -> Handler {
        { r, i, m, _ in
            let conversion = Conversion(packed: i.pointee.immediate)
            each1(r, i, m) { (a: UInt16) -> UInt32 in
                let low = conversion.apply(UInt64(a & 255))
                let high = conversion.apply(UInt64(a >> 8))
                return UInt32(truncatingIfNeeded: low | high << 16)
            }
        }
    }

    /// The vector form of a conversion between registers of their natural width; nil when there
    /// is none.
    package static func fast(_ conversion: Conversion) -> Handler? {
        guard !conversion.saturates || conversion.result.isInteger, !conversion.relu,
            !conversion.satfinite
        else { return nil }
        if conversion.flushes { return nil }
        let nearest = conversion.rounding == .nearestEven && !conversion.isIntegral
        switch (conversion.source, conversion.result) {
        case (.s32, .f32) where nearest: return { r, i, m, _ in map1(r, i, m, lane_f32_from_s32) }
        case (.u32, .f32) where nearest: return { r, i, m, _ in map1(r, i, m, lane_f32_from_u32) }
        case (.s32, .f64): return { r, i, m, _ in map1(r, i, m, lane_f64_from_s32) }
        case (.u32, .f64): return { r, i, m, _ in map1(r, i, m, lane_f64_from_u32) }
        case (.s64, .f64) where nearest: return { r, i, m, _ in map1(r, i, m, lane_f64_from_s64) }
        case (.u64, .f64) where nearest: return { r, i, m, _ in map1(r, i, m, lane_f64_from_u64) }
        case (.f32, .f64) where !conversion.isIntegral:
            return { r, i, m, _ in map1(r, i, m, lane_f64_from_f32) }
        case (.f64, .f32) where nearest: return { r, i, m, _ in map1(r, i, m, lane_f32_from_f64) }
        case (.f16, .f32): return { r, i, m, _ in map1(r, i, m, lane_f32_from_f16) }
        case (.bf16, .f32): return { r, i, m, _ in map1(r, i, m, lane_f32_from_bf16) }
        case (.f32, .f16) where nearest: return { r, i, m, _ in map1(r, i, m, lane_f16_from_f32) }
        case (.f32, .bf16) where nearest: return { r, i, m, _ in map1(r, i, m, lane_bf16_from_f32) }
        case (.f32, .s32): return toInteger(conversion.rounding)
        case (.f32, .f32) where conversion.isIntegral: return toIntegral(conversion.rounding)
        case (.f64, .f64) where conversion.isIntegral: return toIntegralDouble(conversion.rounding)
        default: return nil
        }
    }

    private static func toInteger(_ rounding: Rounding) -> Handler? {
        switch rounding {
        case .nearestEven:
            return { r, i, m, _ in map1(r, i, m) { lane_s32_from_f32(lane_even_f32($0)) } }
        case .zero:
            return { r, i, m, _ in map1(r, i, m) { lane_s32_from_f32(lane_trunc_f32($0)) } }
        case .down:
            return { r, i, m, _ in map1(r, i, m) { lane_s32_from_f32(lane_floor_f32($0)) } }
        case .up:
            return { r, i, m, _ in map1(r, i, m) { lane_s32_from_f32(lane_ceil_f32($0)) } }
        case .nearestAway: return nil
        }
    }

    private static func toIntegral(_ rounding: Rounding) -> Handler? {
        switch rounding {
        case .nearestEven:
            return { r, i, m, _ in map1(r, i, m) { lane_canonical(lane_even_f32($0)) } }
        case .zero:
            return { r, i, m, _ in map1(r, i, m) { lane_canonical(lane_trunc_f32($0)) } }
        case .down:
            return { r, i, m, _ in map1(r, i, m) { lane_canonical(lane_floor_f32($0)) } }
        case .up:
            return { r, i, m, _ in map1(r, i, m) { lane_canonical(lane_ceil_f32($0)) } }
        case .nearestAway: return nil
        }
    }

    private static func toIntegralDouble(_ rounding: Rounding) -> Handler? {
        switch rounding {
        case .nearestEven: return { r, i, m, _ in map1(r, i, m, lane_even_f64) }
        case .zero: return { r, i, m, _ in map1(r, i, m, lane_trunc_f64) }
        case .down: return { r, i, m, _ in map1(r, i, m, lane_floor_f64) }
        case .up: return { r, i, m, _ in map1(r, i, m, lane_ceil_f64) }
        case .nearestAway: return nil
        }
    }
}

@inline(__always)
private func slow<A: FixedWidthInteger, D: FixedWidthInteger>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _: A.Type,
    _: D.Type
) {
    let conversion = Conversion(packed: i.pointee.immediate)
    let shift = Int64(64 &- conversion.result.bits)
    let isSigned = conversion.result.isSigned
    each1(r, i, m) { (a: A) -> D in
        let bits = conversion.apply(UInt64(truncatingIfNeeded: a))
        guard isSigned else {
            return D(truncatingIfNeeded: (bits << UInt64(shift)) >> UInt64(shift))
        }
        return D(truncatingIfNeeded: (Int64(bitPattern: bits) << shift) >> shift)
    }
}

@inline(__always)
private func slowPair<D: FixedWidthInteger>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _: D.Type,
    _ half: UInt64
) {
    let conversion = Conversion(packed: i.pointee.immediate)
    each2(r, i, m) { (a: UInt32, b: UInt32) -> D in
        let high = conversion.apply(UInt64(a))
        let low = conversion.apply(UInt64(b))
        return D(truncatingIfNeeded: high << half | low)
    }
}
