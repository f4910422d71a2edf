import CLanes

/// Single and double precision. `LaneInstruction.mode` bits 0…1 are the rounding (`LaneRounding`),
/// bit 2 is `.ftz`, bit 3 `.sat`; the plain forms have their own handlers.
package enum FloatOps {
    /// Bits of `mode`.
    package static let flush: UInt8 = 4
    /// Clamp to [0, 1].
    package static let saturate: UInt8 = 8

    /// What there is with two or three operands.
    package enum Arithmetic: UInt8, Sendable {
        case add, subtract, multiply, divide, fma, squareRoot
    }

    /// The handler of an operation.
    package static func arithmetic(
        _ operation: Arithmetic,
        _ type: LaneType,
        mode: UInt8
    ) -> Handler? {
        switch (type, mode) {
        case (.f32, 0): return single(operation)
        case (.f64, 0): return double(operation)
        case (.f32, FloatOps.flush): return flushed(operation)
        case (.f32, _):
            switch operation {
            case .add: return { r, i, m, c in directed(r, i, m, c, LaneAdd) }
            case .subtract: return { r, i, m, c in directed(r, i, m, c, LaneSubtract) }
            case .multiply: return { r, i, m, c in directed(r, i, m, c, LaneMultiply) }
            case .divide: return { r, i, m, c in directed(r, i, m, c, LaneDivide) }
            case .fma: return { r, i, m, c in directed(r, i, m, c, LaneFMA) }
            case .squareRoot: return { r, i, m, c in directed(r, i, m, c, LaneSquareRoot) }
            }
        case (.f64, _):
            switch operation {
            case .add: return { r, i, m, c in directedDouble(r, i, m, c, LaneAdd) }
            case .subtract: return { r, i, m, c in directedDouble(r, i, m, c, LaneSubtract) }
            case .multiply: return { r, i, m, c in directedDouble(r, i, m, c, LaneMultiply) }
            case .divide: return { r, i, m, c in directedDouble(r, i, m, c, LaneDivide) }
            case .fma: return { r, i, m, c in directedDouble(r, i, m, c, LaneFMA) }
            case .squareRoot: return { r, i, m, c in directedDouble(r, i, m, c, LaneSquareRoot) }
            }
        default: return nil
        }
    }

    private static func single(_ operation: Arithmetic) -> Handler {
        switch operation {
        case .add: { r, i, m, _ in map2(r, i, m, lane_add_f32) }
        case .subtract: { r, i, m, _ in map2(r, i, m, lane_sub_f32) }
        case .multiply: { r, i, m, _ in map2(r, i, m, lane_mul_f32) }
        case .divide: { r, i, m, _ in map2(r, i, m, lane_div_f32) }
        case .fma: { r, i, m, _ in map3(r, i, m, lane_fma_f32) }
        case .squareRoot: { r, i, m, _ in map1(r, i, m, lane_sqrt_f32) }
        }
    }

    private static func double(_ operation: Arithmetic) -> Handler {
        switch operation {
        case .add: { r, i, m, _ in map2(r, i, m, lane_add_f64) }
        case .subtract: { r, i, m, _ in map2(r, i, m, lane_sub_f64) }
        case .multiply: { r, i, m, _ in map2(r, i, m, lane_mul_f64) }
        case .divide: { r, i, m, _ in map2(r, i, m, lane_div_f64) }
        case .fma: { r, i, m, _ in map3(r, i, m, lane_fma_f64) }
        case .squareRoot: { r, i, m, _ in map1(r, i, m, lane_sqrt_f64) }
        }
    }

    private static func flushed(_ operation: Arithmetic) -> Handler {
        switch operation {
        case .add:
            { r, i, m, _ in
                map2(r, i, m) { lane_ftz(lane_add_f32(lane_ftz($0), lane_ftz($1))) }
            }
        case .subtract:
            { r, i, m, _ in
                map2(r, i, m) { lane_ftz(lane_sub_f32(lane_ftz($0), lane_ftz($1))) }
            }
        case .multiply:
            { r, i, m, _ in
                map2(r, i, m) { lane_ftz(lane_mul_f32(lane_ftz($0), lane_ftz($1))) }
            }
        case .divide:
            { r, i, m, _ in
                map2(r, i, m) { lane_ftz(lane_div_f32(lane_ftz($0), lane_ftz($1))) }
            }
        case .fma:
            { r, i, m, _ in
                map3(r, i, m) {
                    lane_ftz(lane_fma_f32(lane_ftz($0), lane_ftz($1), lane_ftz($2)))
                }
            }
        case .squareRoot:
            { r, i, m, _ in map1(r, i, m) { lane_ftz(lane_sqrt_f32(lane_ftz($0))) } }
        }
    }

    /// −a, only the sign bit changes.
    package static func negate(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 16:
            return { r, i, m, _ in map1(r, i, m) { $0 ^ SIMD8<UInt16>(repeating: 1 << 15) } }
        case 32 where type == .f32:
            return { r, i, m, _ in map1(r, i, m) { $0 ^ SIMD8<UInt32>(repeating: 1 << 31) } }
        case 32:
            return { r, i, m, _ in map1(r, i, m) { $0 ^ SIMD8<UInt32>(repeating: 0x8000_8000) } }
        case 64:
            return { r, i, m, _ in map1(r, i, m) { $0 ^ SIMD8<UInt64>(repeating: 1 << 63) } }
        default: return nil
        }
    }

    /// |a|, only the sign bit changes.
    package static func absolute(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 16:
            return { r, i, m, _ in map1(r, i, m) { $0 & SIMD8<UInt16>(repeating: 0x7fff) } }
        case 32 where type == .f32:
            return { r, i, m, _ in map1(r, i, m) { $0 & SIMD8<UInt32>(repeating: 0x7fff_ffff) } }
        case 32:
            return { r, i, m, _ in map1(r, i, m) { $0 & SIMD8<UInt32>(repeating: 0x7fff_7fff) } }
        case 64:
            return { r, i, m, _ in
                map1(r, i, m) { $0 & SIMD8<UInt64>(repeating: ~0 >> 1) }
            }
        default: return nil
        }
    }

    /// d = a with its subnormals flushed: after an operation with `.ftz` that has no form of its
    /// own.
    package static func flushSubnormals() -> Handler {
        { r, i, m, _ in map1(r, i, m, lane_ftz) }
    }

    /// d = a clamped to [0, 1].
    package static func clamp(_ type: LaneType) -> Handler? {
        switch type {
        case .f32: return { r, i, m, _ in map1(r, i, m, lane_sat_f32) }
        case .f64: return { r, i, m, _ in map1(r, i, m, lane_sat_f64) }
        default: return nil
        }
    }

    /// The sign of a, the magnitude of b.
    package static func copySign(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 32:
            return { r, i, m, _ in
                map2(r, i, m) { (a: SIMD8<UInt32>, b: SIMD8<UInt32>) in
                    (a & SIMD8(repeating: 1 << 31)) | (b & SIMD8(repeating: 0x7fff_ffff))
                }
            }
        case 64:
            return { r, i, m, _ in
                map2(r, i, m) { (a: SIMD8<UInt64>, b: SIMD8<UInt64>) in
                    (a & SIMD8(repeating: 1 << 63)) | (b & SIMD8(repeating: ~0 >> 1))
                }
            }
        default: return nil
        }
    }

    /// `min` and `max`; `mode` bit 2 is `.ftz`, bit 4 `.NaN`, bit 5 `.xorsign.abs`.
    package static func extreme(_ type: LaneType, maximum: Bool, mode: UInt8) -> Handler? {
        switch (type, maximum, mode) {
        case (.f32, false, 0): return { r, i, m, _ in map2(r, i, m, lane_min_f32) }
        case (.f32, true, 0): return { r, i, m, _ in map2(r, i, m, lane_max_f32) }
        case (.f32, false, _): return { r, i, m, _ in extremeSingle(r, i, m, lane_min_f32) }
        case (.f32, true, _): return { r, i, m, _ in extremeSingle(r, i, m, lane_max_f32) }
        case (.f64, false, 0): return { r, i, m, _ in map2(r, i, m, lane_min_f64) }
        case (.f64, true, 0): return { r, i, m, _ in map2(r, i, m, lane_max_f64) }
        default: return nil
        }
    }

    /// 1 / a, rounded as `mode` says.
    package static func reciprocal(_ type: LaneType) -> Handler? {
        switch type {
        case .f32:
            return { r, i, m, c in
                let one = SIMD8<Float>(repeating: 1)
                let mode = i.pointee.mode
                if mode & 3 != 0 {
                    withOnes(r, i, m, c)
                } else if mode & FloatOps.flush != 0 {
                    map1(r, i, m) { lane_ftz(lane_div_f32(one, lane_ftz($0))) }
                } else {
                    map1(r, i, m) { lane_div_f32(one, $0) }
                }
            }
        case .f64:
            return { r, i, m, c in
                if i.pointee.mode & 3 != 0 {
                    withOnesDouble(r, i, m, c)
                } else {
                    map1(r, i, m) { SIMD8<Double>(repeating: 1) / $0 }
                }
            }
        default: return nil
        }
    }
}

@inline(__always)
private func extremeSingle(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ f: (SIMD8<Float>, SIMD8<Float>) -> SIMD8<Float>
) {
    let mode = i.pointee.mode
    map2(r, i, m) { (x: SIMD8<Float>, y: SIMD8<Float>) -> SIMD8<Float> in
        let flush = mode & FloatOps.flush != 0
        let a = flush ? lane_ftz(x) : x
        let b = flush ? lane_ftz(y) : y
        let signBit = SIMD8<UInt32>(repeating: 1 << 31)
        let aBits = unsafeBitCast(a, to: SIMD8<UInt32>.self)
        let bBits = unsafeBitCast(b, to: SIMD8<UInt32>.self)
        guard mode & 32 != 0 else {
            let d = f(a, b)
            return mode & 16 != 0 ? lane_nan_if_any(d, a, b) : d
        }
        let p = unsafeBitCast(aBits & ~signBit, to: SIMD8<Float>.self)
        let q = unsafeBitCast(bBits & ~signBit, to: SIMD8<Float>.self)
        let d = unsafeBitCast(f(p, q), to: SIMD8<UInt32>.self) | ((aBits ^ bBits) & signBit)
        let result = unsafeBitCast(d, to: SIMD8<Float>.self)
        let isNumber = lane_num_f32(f(p, q), f(p, q))
        let canonical = lane_select_f32(isNumber, result, lane_canonical(f(p, q)))
        return mode & 16 != 0 ? lane_nan_if_any(canonical, a, b) : canonical
    }
}

@inline(__always)
private func directed(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _ operation: LaneArithmetic
) {
    let scratch = Scratch<Float>(context)
    let mode = i.pointee.mode
    let flush = mode & FloatOps.flush != 0
    func operand(_ offset: Int32, _ k: Int) -> UnsafeMutablePointer<Float> {
        let from = vectors(r, offset, Float.self)
        guard flush else { return lanes(r, offset, Float.self) }
        let to = scratch.vectors(k)
        for j in 0..<4 { to[j] = lane_ftz(from[j]) }
        return scratch.lanes(k)
    }
    let a = operand(i.pointee.a, 0)
    let b = operation == LaneSquareRoot ? a : operand(i.pointee.b, 1)
    let c = operation == LaneFMA ? operand(i.pointee.c, 2) : a
    let d = scratch.lanes(3)
    lanes_directed_f32(Int32(operation.rawValue), Int32(mode & 3), d, a, b, c)
    let result = scratch.vectors(3)
    put(r, i.pointee.d, m) { j in
        var v = lane_canonical(result[j])
        if flush { v = lane_ftz(v) }
        return mode & FloatOps.saturate != 0 ? lane_sat_f32(v) : v
    }
}

@inline(__always)
private func directedDouble(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _ operation: LaneArithmetic
) {
    let scratch = Scratch<Double>(context)
    let mode = i.pointee.mode
    let a = lanes(r, i.pointee.a, Double.self)
    let b = operation == LaneSquareRoot ? a : lanes(r, i.pointee.b, Double.self)
    let c = operation == LaneFMA ? lanes(r, i.pointee.c, Double.self) : a
    lanes_directed_f64(Int32(operation.rawValue), Int32(mode & 3), scratch.lanes(0), a, b, c)
    let result = scratch.vectors(0)
    put(r, i.pointee.d, m) { j in
        mode & FloatOps.saturate != 0 ? lane_sat_f64(result[j]) : result[j]
    }
}

private func withOnes(_ r: Registers, _ i: Instruction, _ m: UInt32, _ context: Context) {
    let scratch = Scratch<Float>(context)
    let mode = i.pointee.mode
    let flush = mode & FloatOps.flush != 0
    let from = vectors(r, i.pointee.a, Float.self)
    for j in 0..<4 {
        scratch.vectors(0)[j] = SIMD8(repeating: 1)
        scratch.vectors(1)[j] = flush ? lane_ftz(from[j]) : from[j]
    }
    let one = scratch.lanes(0)
    let divide = Int32(LaneDivide.rawValue)
    lanes_directed_f32(divide, Int32(mode & 3), scratch.lanes(3), one, scratch.lanes(1), one)
    let result = scratch.vectors(3)
    put(r, i.pointee.d, m) { j in
        let v = lane_canonical(result[j])
        return flush ? lane_ftz(v) : v
    }
}

private func withOnesDouble(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context
) {
    let scratch = Scratch<Double>(context)
    for j in 0..<4 { scratch.vectors(0)[j] = SIMD8(repeating: 1) }
    let one = scratch.lanes(0)
    let a = lanes(r, i.pointee.a, Double.self)
    let rounding = Int32(i.pointee.mode & 3)
    lanes_directed_f64(Int32(LaneDivide.rawValue), rounding, scratch.lanes(1), one, a, one)
    let result = scratch.vectors(1)
    put(r, i.pointee.d, m) { result[$0] }
}

/// Four registers' worth of memory for operations that work on arrays.
struct Scratch<T: SIMDScalar> {
    private let memory: UnsafeMutableRawPointer

    @inline(__always)
    init(_ context: Context) { memory = context.pointee.scratch }

    @inline(__always)
    func lanes(_ k: Int) -> UnsafeMutablePointer<T> {
        (memory + k &* 256).assumingMemoryBound(to: T.self)
    }

    @inline(__always)
    func vectors(_ k: Int) -> UnsafeMutablePointer<SIMD8<T>> {
        (memory + k &* 256).assumingMemoryBound(to: SIMD8<T>.self)
    }
}
