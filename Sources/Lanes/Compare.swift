import CLanes

/// Comparisons that the others are made of, by swapping operands and inverting the result.
package enum Comparison: UInt8, Sendable {
    case equal, less
    /// Floating point only: less or equal; different and ordered; both are numbers.
    case lessOrEqual, different, numbers
}

/// `setp` and `set`.
///
/// `LaneInstruction.mode` bit 0 inverts the comparison, bit 1 flushes subnormal operands, bits 4…5
/// are the operation with predicate c (0 none, 1 and, 2 or, 3 xor), bit 6 negates c. d receives
/// the result, e (if not negative) the same of the inverted comparison.
package enum CompareOps {
    /// The handler of a comparison.
    package static func compare(_ comparison: Comparison, _ type: LaneType) -> Handler? {
        switch (comparison, type) {
        case (.equal, .u16), (.equal, .s16):
            return { r, i, m, _ in compared(r, i, m, lane_eq_u16) }
        case (.equal, .u32), (.equal, .s32):
            return { r, i, m, _ in compared(r, i, m, lane_eq_u32) }
        case (.equal, .u64), (.equal, .s64):
            return { r, i, m, _ in compared(r, i, m, lane_eq_u64) }
        case (.less, .u16): return { r, i, m, _ in compared(r, i, m, lane_lt_u16) }
        case (.less, .s16): return { r, i, m, _ in compared(r, i, m, lane_lt_s16) }
        case (.less, .u32): return { r, i, m, _ in compared(r, i, m, lane_lt_u32) }
        case (.less, .s32): return { r, i, m, _ in compared(r, i, m, lane_lt_s32) }
        case (.less, .u64): return { r, i, m, _ in compared(r, i, m, lane_lt_u64) }
        case (.less, .s64): return { r, i, m, _ in compared(r, i, m, lane_lt_s64) }
        case (_, .f32): return single(comparison)
        case (_, .f64): return double(comparison)
        case (_, .f16): return half(comparison)
        case (_, .bf16): return brainHalf(comparison)
        default: return nil
        }
    }

    private static func single(_ comparison: Comparison) -> Handler {
        switch comparison {
        case .equal: { r, i, m, _ in comparedFloat(r, i, m, lane_eq_f32) }
        case .less: { r, i, m, _ in comparedFloat(r, i, m, lane_lt_f32) }
        case .lessOrEqual: { r, i, m, _ in comparedFloat(r, i, m, lane_le_f32) }
        case .different: { r, i, m, _ in comparedFloat(r, i, m, lane_ne_f32) }
        case .numbers: { r, i, m, _ in comparedFloat(r, i, m, lane_num_f32) }
        }
    }

    private static func double(_ comparison: Comparison) -> Handler {
        switch comparison {
        case .equal: { r, i, m, _ in compared(r, i, m, lane_eq_f64) }
        case .less: { r, i, m, _ in compared(r, i, m, lane_lt_f64) }
        case .lessOrEqual: { r, i, m, _ in compared(r, i, m, lane_le_f64) }
        case .different: { r, i, m, _ in compared(r, i, m, lane_ne_f64) }
        case .numbers: { r, i, m, _ in compared(r, i, m, lane_num_f64) }
        }
    }

    private static func half(_ comparison: Comparison) -> Handler {
        switch comparison {
        case .equal: { r, i, m, _ in comparedHalf(r, i, m, lane_f32_from_f16, lane_eq_f32) }
        case .less: { r, i, m, _ in comparedHalf(r, i, m, lane_f32_from_f16, lane_lt_f32) }
        case .lessOrEqual: { r, i, m, _ in comparedHalf(r, i, m, lane_f32_from_f16, lane_le_f32) }
        case .different: { r, i, m, _ in comparedHalf(r, i, m, lane_f32_from_f16, lane_ne_f32) }
        case .numbers: { r, i, m, _ in comparedHalf(r, i, m, lane_f32_from_f16, lane_num_f32) }
        }
    }

    private static func brainHalf(_ comparison: Comparison) -> Handler {
        switch comparison {
        case .equal: { r, i, m, _ in comparedHalf(r, i, m, lane_f32_from_bf16, lane_eq_f32) }
        case .less: { r, i, m, _ in comparedHalf(r, i, m, lane_f32_from_bf16, lane_lt_f32) }
        case .lessOrEqual: { r, i, m, _ in comparedHalf(r, i, m, lane_f32_from_bf16, lane_le_f32) }
        case .different: { r, i, m, _ in comparedHalf(r, i, m, lane_f32_from_bf16, lane_ne_f32) }
        case .numbers: { r, i, m, _ in comparedHalf(r, i, m, lane_f32_from_bf16, lane_num_f32) }
        }
    }

    /// `testp`: what is asked is in `mode`: 0 finite, 1 infinite, 2 number, 3 not a number,
    /// 4 normal, 5 subnormal.
    package static func test(_ type: LaneType) -> Handler? {
        switch type {
        case .f32:
            return { r, i, m, _ in
                let a = lanes(r, i.pointee.a, Float.self)
                putPredicate(r, i.pointee.d, m, tested(i.pointee.mode) { a[$0] })
            }
        case .f64:
            return { r, i, m, _ in
                let a = lanes(r, i.pointee.a, Double.self)
                putPredicate(r, i.pointee.d, m, tested(i.pointee.mode) { a[$0] })
            }
        default: return nil
        }
    }
}

@inline(__always)
private func tested<T: BinaryFloatingPoint>(_ what: UInt8, _ a: (Int) -> T) -> UInt32 {
    var bits: UInt32 = 0
    for l in 0..<32 {
        let x = a(l)
        let holds: Bool
        switch what {
        case 0: holds = x.isFinite
        case 1: holds = x.isInfinite
        case 2: holds = !x.isNaN
        case 3: holds = x.isNaN
        case 4: holds = x.isNormal
        default: holds = x.isSubnormal
        }
        if holds { bits |= 1 << UInt32(l) }
    }
    return bits
}

@inline(__always)
private func compared<T: SIMDScalar>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ f: (SIMD8<T>, SIMD8<T>) -> SIMD8<Int32>
) {
    let a = vectors(r, i.pointee.a, T.self)
    let b = vectors(r, i.pointee.b, T.self)
    finish(r, i, m, lane_bits32(f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])))
}

@inline(__always)
private func comparedFloat(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ f: (SIMD8<Float>, SIMD8<Float>) -> SIMD8<Int32>
) {
    if i.pointee.mode & 2 == 0 {
        compared(r, i, m, f)
    } else {
        compared(r, i, m) { f(lane_ftz($0), lane_ftz($1)) }
    }
}

@inline(__always)
private func comparedHalf(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ widen: (SIMD8<UInt16>) -> SIMD8<Float>,
    _ f: (SIMD8<Float>, SIMD8<Float>) -> SIMD8<Int32>
) {
    if i.pointee.mode & 2 == 0 {
        compared(r, i, m) { (a: SIMD8<UInt16>, b: SIMD8<UInt16>) in f(widen(a), widen(b)) }
    } else {
        compared(r, i, m) { (a: SIMD8<UInt16>, b: SIMD8<UInt16>) in
            f(widen(flushed16(a)), widen(flushed16(b)))
        }
    }
}

/// Subnormal halves to zero (`.ftz` of f16).
@inline(__always)
func flushed16(_ a: SIMD8<UInt16>) -> SIMD8<UInt16> {
    let tiny = (a & SIMD8(repeating: 0x7c00)) .== SIMD8(repeating: 0)
    return a.replacing(with: a & SIMD8(repeating: 0x8000), where: tiny)
}

@inline(__always)
private func finish(_ r: Registers, _ i: Instruction, _ m: UInt32, _ bits: UInt32) {
    let mode = i.pointee.mode
    let result = mode & 1 == 0 ? bits : ~bits
    if mode & 0x30 == 0 {
        putPredicate(r, i.pointee.d, m, result)
        if i.pointee.e >= 0 { putPredicate(r, i.pointee.e, m, ~result) }
    } else {
        combine(r, i, m, result)
    }
}

@inline(never)
private func combine(_ r: Registers, _ i: Instruction, _ m: UInt32, _ result: UInt32) {
    let mode = i.pointee.mode
    let c = predicate(r, i.pointee.c) ^ (mode & 0x40 == 0 ? 0 : UInt32.max)
    let operation = (mode >> 4) & 3
    func with(_ x: UInt32) -> UInt32 { operation == 1 ? x & c : operation == 2 ? x | c : x ^ c }
    putPredicate(r, i.pointee.d, m, with(result))
    if i.pointee.e >= 0 { putPredicate(r, i.pointee.e, m, with(~result)) }
}
