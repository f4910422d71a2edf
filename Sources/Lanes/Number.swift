/// A format of numbers that `cvt` knows.
package enum NumberFormat: UInt8, Sendable {
    case u8, s8, u16, s16, u32, s32, u64, s64
    case f16, bf16, f32, f64, tf32, e4m3, e5m2

    /// Whether it is an integer.
    package var isInteger: Bool { rawValue <= NumberFormat.s64.rawValue }

    /// Bits of a value.
    package var bits: Int {
        switch self {
        case .u8, .s8, .e4m3, .e5m2: 8
        case .u16, .s16, .f16, .bf16: 16
        case .u32, .s32, .f32, .tf32: 32
        case .u64, .s64, .f64: 64
        }
    }

    var isSigned: Bool {
        switch self {
        case .s8, .s16, .s32, .s64: true
        default: false
        }
    }

    /// Significant bits with the hidden one, and the exponent of the least normal number.
    var precision: Int {
        switch self {
        case .f16: 11
        case .bf16: 8
        case .f32: 24
        case .f64: 53
        case .tf32: 11
        case .e4m3: 4
        case .e5m2: 3
        default: 0
        }
    }

    var leastExponent: Int {
        switch self {
        case .f16, .e5m2: -14
        case .bf16, .f32, .tf32: -126
        case .f64: -1022
        case .e4m3: -6
        default: 0
        }
    }

    /// Bits below those that are kept: `tf32` lies in the upper 19 bits of 32.
    var padding: Int { self == .tf32 ? 13 : 0 }

    /// The bits of +infinity; of `e4m3`, which has none, of its NaN.
    var infinity: UInt64 {
        switch self {
        case .f16: 0x7c00
        case .bf16: 0x7f80
        case .f32, .tf32: 0x7f80_0000
        case .f64: 0x7ff0_0000_0000_0000
        case .e4m3: 0x7f
        case .e5m2: 0x7c
        default: 0
        }
    }

    /// The bits of the one NaN that operations make.
    var canonicalNaN: UInt64 {
        switch self {
        case .f16, .bf16: 0x7fff
        case .f32, .tf32: 0x7fff_ffff
        case .f64: 0x7ff8_0000_0000_0000
        default: 0x7f
        }
    }

    /// The bits of the greatest finite number.
    var greatest: UInt64 { self == .e4m3 ? 0x7e : infinity - (1 << UInt64(padding)) }

    var one: UInt64 {
        switch self {
        case .f16: 0x3c00
        case .bf16: 0x3f80
        case .f32, .tf32: 0x3f80_0000
        case .f64: 0x3ff0_0000_0000_0000
        case .e4m3: 0x38
        case .e5m2: 0x3c
        default: 1
        }
    }
}

/// How a result that does not fit is rounded.
package enum Rounding: UInt8, Sendable {
    case nearestEven, zero, down, up, nearestAway
}

/// A number taken apart: magnitude · 2^exponent.
struct Number {
    enum Class { case finite, infinite, notANumber }
    var kind = Class.finite
    var isNegative = false
    var magnitude: UInt64 = 0
    var exponent = 0
    /// Of a NaN: its bits in the format it came from.
    var bits: UInt64 = 0

    /// The number behind a format's bits.
    init(_ bits: UInt64, _ format: NumberFormat) {
        if format.isInteger {
            let shift = UInt64(64 - format.bits)
            if format.isSigned {
                let value = Int64(bitPattern: bits << shift) >> Int64(shift)
                isNegative = value < 0
                magnitude = value.magnitude
            } else {
                magnitude = (bits << shift) >> shift
            }
            return
        }
        self.bits = bits
        let fraction = UInt64(format.precision - 1 + format.padding)
        let width = UInt64(format.bits)
        isNegative = (bits >> (width - 1)) & 1 != 0
        let body = bits & ((1 << (width - 1)) - 1)
        if format == .e4m3 {
            if body == 0x7f { kind = .notANumber }
        } else if body >= format.infinity {
            kind = body == format.infinity ? .infinite : .notANumber
        }
        let biased = Int(body >> fraction)
        magnitude = body & ((1 << fraction) - 1)
        if biased != 0 { magnitude |= 1 << fraction }
        exponent = format.leastExponent + max(biased, 1) - 1 - Int(fraction)
    }

    /// Whether it is a subnormal of a format whose hidden bit is at `precision` − 1.
    func isSubnormal(_ format: NumberFormat) -> Bool {
        kind == .finite && magnitude != 0 && magnitude >> UInt64(format.precision - 1) == 0
    }

    /// The magnitude divided by 2^shift, rounded.
    static func shifted(
        _ magnitude: UInt64,
        _ shift: Int,
        isNegative: Bool,
        _ rounding: Rounding
    ) -> UInt64 {
        if shift <= 0 { return magnitude << UInt64(-shift) }
        if magnitude == 0 { return 0 }
        let quotient = shift < 64 ? magnitude >> UInt64(shift) : 0
        let rest = shift < 64 ? magnitude & ((1 << UInt64(shift)) - 1) : magnitude
        if rest == 0 { return quotient }
        // Compared with one half: −1, 0, 1.
        let half: Int
        if shift > 64 {
            half = -1
        } else {
            let middle: UInt64 = 1 << UInt64(shift - 1)
            half = rest == middle ? 0 : rest > middle ? 1 : -1
        }
        let isUp: Bool
        switch rounding {
        case .nearestEven: isUp = half > 0 || (half == 0 && quotient & 1 != 0)
        case .nearestAway: isUp = half >= 0
        case .zero: isUp = false
        case .down: isUp = isNegative
        case .up: isUp = !isNegative
        }
        return isUp ? quotient + 1 : quotient
    }

    /// The number rounded to an integer, in the same form.
    mutating func roundToIntegral(_ rounding: Rounding) {
        guard kind == .finite, exponent < 0 else { return }
        magnitude = Self.shifted(magnitude, -exponent, isNegative: isNegative, rounding)
        exponent = 0
    }

    /// The bits in an integer format, saturated. NaN is 0, or the sign bit when `wideNaN`.
    func integer(_ format: NumberFormat, _ rounding: Rounding, wideNaN: Bool) -> UInt64 {
        let width = UInt64(format.bits)
        let mask: UInt64 = width == 64 ? ~0 : (1 << width) - 1
        let signBit: UInt64 = 1 << (width - 1)
        switch kind {
        case .notANumber: return wideNaN ? signBit : 0
        case .infinite: return bound(format, mask, signBit)
        case .finite: break
        }
        var value = magnitude
        if exponent < 0 {
            value = Self.shifted(magnitude, -exponent, isNegative: isNegative, rounding)
        } else if exponent > 0, magnitude != 0 {
            guard exponent < magnitude.leadingZeroBitCount + 1, exponent < 64 else {
                return bound(format, mask, signBit)
            }
            value = magnitude << UInt64(exponent)
        }
        if isNegative {
            guard format.isSigned else { return 0 }
            return value > signBit ? signBit : (0 &- value) & mask
        }
        let most = format.isSigned ? signBit - 1 : mask
        return min(value, most)
    }

    private func bound(_ format: NumberFormat, _ mask: UInt64, _ signBit: UInt64) -> UInt64 {
        if isNegative { return format.isSigned ? signBit : 0 }
        return format.isSigned ? signBit - 1 : mask
    }

    /// The bits in a floating-point format; `satfinite` gives the greatest number for what is
    /// beyond.
    func floating(_ format: NumberFormat, _ rounding: Rounding, satfinite: Bool) -> UInt64 {
        let sign: UInt64 = isNegative ? 1 << UInt64(format.bits - 1) : 0
        switch kind {
        case .notANumber: return format.canonicalNaN
        case .infinite:
            return sign | (satfinite || format == .e4m3 ? format.greatest : format.infinity)
        case .finite: break
        }
        guard magnitude != 0 else { return sign }
        let top = 63 - magnitude.leadingZeroBitCount + exponent
        let last = max(top, format.leastExponent) - (format.precision - 1)
        let m = Self.shifted(magnitude, last - exponent, isNegative: isNegative, rounding)
        let hidden: UInt64 = 1 << UInt64(format.precision - 1)
        guard m >= hidden else { return sign | m << UInt64(format.padding) }
        let biased = UInt64(last + format.precision - 1 - format.leastExponent + 1)
        let body =
            ((biased << UInt64(format.precision - 1)) + (m - hidden))
            << UInt64(format.padding)
        guard body > format.greatest else { return sign | body }
        if satfinite || format == .e4m3 { return sign | format.greatest }
        let isInfinite: Bool
        switch rounding {
        case .nearestEven, .nearestAway: isInfinite = true
        case .zero: isInfinite = false
        case .down: isInfinite = isNegative
        case .up: isInfinite = !isNegative
        }
        return sign | (isInfinite ? format.infinity : format.greatest)
    }
}
