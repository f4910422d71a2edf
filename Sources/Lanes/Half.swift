import CLanes

/// f16 and bf16, single and in pairs. `LaneInstruction.mode` bit 2 is `.ftz`, bit 3 `.sat`, bit 4
/// `.NaN`, bit 5 `.xorsign.abs`, bit 6 `.relu`.
///
/// Results are rounded once: sums and f16 products are exact or innocuous in single precision, the
/// rest is rounded to odd before the last step.
package enum HalfOps {
    /// Negative results become 0.
    package static let relu: UInt8 = 64

    /// What there is.
    package enum Operation: UInt8, Sendable {
        case add, subtract, multiply, fma, minimum, maximum
    }

    /// The handler of an operation.
    package static func handler(_ operation: Operation, _ type: LaneType) -> Handler? {
        switch (operation, type) {
        case (.add, .f16): return { r, i, m, _ in binary(r, i, m, F16.self) { $0 + $1 } }
        case (.subtract, .f16): return { r, i, m, _ in binary(r, i, m, F16.self) { $0 - $1 } }
        case (.multiply, .f16): return { r, i, m, _ in binary(r, i, m, F16.self) { $0 * $1 } }
        case (.fma, .f16): return { r, i, m, _ in ternary(r, i, m, F16.self) }
        case (.minimum, .f16): return { r, i, m, _ in extreme(r, i, m, F16.self, lane_min_f32) }
        case (.maximum, .f16): return { r, i, m, _ in extreme(r, i, m, F16.self, lane_max_f32) }
        case (.add, .bf16): return { r, i, m, _ in binary(r, i, m, BF16.self) { $0 + $1 } }
        case (.subtract, .bf16): return { r, i, m, _ in binary(r, i, m, BF16.self) { $0 - $1 } }
        case (.multiply, .bf16): return { r, i, m, _ in binary(r, i, m, BF16.self, oddProduct) }
        case (.fma, .bf16): return { r, i, m, _ in ternary(r, i, m, BF16.self) }
        case (.minimum, .bf16): return { r, i, m, _ in extreme(r, i, m, BF16.self, lane_min_f32) }
        case (.maximum, .bf16): return { r, i, m, _ in extreme(r, i, m, BF16.self, lane_max_f32) }
        default: return pair(operation, type)
        }
    }

    private static func pair(_ operation: Operation, _ type: LaneType) -> Handler? {
        switch (operation, type) {
        case (.add, .f16x2): return { r, i, m, _ in binary2(r, i, m, F16.self) { $0 + $1 } }
        case (.subtract, .f16x2): return { r, i, m, _ in binary2(r, i, m, F16.self) { $0 - $1 } }
        case (.multiply, .f16x2): return { r, i, m, _ in binary2(r, i, m, F16.self) { $0 * $1 } }
        case (.fma, .f16x2): return { r, i, m, _ in ternary2(r, i, m, F16.self) }
        case (.minimum, .f16x2): return { r, i, m, _ in extreme2(r, i, m, F16.self, lane_min_f32) }
        case (.maximum, .f16x2): return { r, i, m, _ in extreme2(r, i, m, F16.self, lane_max_f32) }
        case (.add, .bf16x2): return { r, i, m, _ in binary2(r, i, m, BF16.self) { $0 + $1 } }
        case (.subtract, .bf16x2): return { r, i, m, _ in binary2(r, i, m, BF16.self) { $0 - $1 } }
        case (.multiply, .bf16x2): return { r, i, m, _ in binary2(r, i, m, BF16.self, oddProduct) }
        case (.fma, .bf16x2): return { r, i, m, _ in ternary2(r, i, m, BF16.self) }
        case (.minimum, .bf16x2):
            return { r, i, m, _ in extreme2(r, i, m, BF16.self, lane_min_f32) }
        case (.maximum, .bf16x2):
            return { r, i, m, _ in extreme2(r, i, m, BF16.self, lane_max_f32) }
        default: return nil
        }
    }

    /// `ex2.approx`, `tanh.approx` of halves.
    package static func function(_ name: String, _ type: LaneType) -> Handler? {
        switch (name, type) {
        case ("ex2", .f16): return { r, i, m, c in mapped(r, i, m, c, F16.self, lanes_ex2_f32) }
        case ("ex2", .bf16): return { r, i, m, c in mapped(r, i, m, c, BF16.self, lanes_ex2_f32) }
        case ("tanh", .f16): return { r, i, m, c in mapped(r, i, m, c, F16.self, lanes_tanh_f32) }
        case ("tanh", .bf16): return { r, i, m, c in mapped(r, i, m, c, BF16.self, lanes_tanh_f32) }
        case ("ex2", .f16x2): return { r, i, m, c in mapped2(r, i, m, c, F16.self, lanes_ex2_f32) }
        case ("ex2", .bf16x2):
            return { r, i, m, c in mapped2(r, i, m, c, BF16.self, lanes_ex2_f32) }
        case ("tanh", .f16x2):
            return { r, i, m, c in mapped2(r, i, m, c, F16.self, lanes_tanh_f32) }
        case ("tanh", .bf16x2):
            return { r, i, m, c in mapped2(r, i, m, c, BF16.self, lanes_tanh_f32) }
        default: return nil
        }
    }
}

/// A half-precision format over vectors.
private protocol HalfFormat {
    static func widen(_ a: SIMD8<UInt16>) -> SIMD8<Float>
    static func narrow(_ a: SIMD8<Float>) -> SIMD8<UInt16>
    static func fma(_ a: SIMD8<Float>, _ b: SIMD8<Float>, _ c: SIMD8<Float>) -> SIMD8<Float>
    /// Subnormals to zero.
    static func flush(_ a: SIMD8<UInt16>) -> SIMD8<UInt16>
}

private enum F16: HalfFormat {
    @inline(__always)
    static func widen(_ a: SIMD8<UInt16>) -> SIMD8<Float> { lane_f32_from_f16(a) }
    @inline(__always)
    static func narrow(_ a: SIMD8<Float>) -> SIMD8<UInt16> { lane_f16_from_f32(a) }
    @inline(__always)
    static func fma(_ a: SIMD8<Float>, _ b: SIMD8<Float>, _ c: SIMD8<Float>) -> SIMD8<Float> {
        lane_fma_f16_exact(a, b, c)
    }
    @inline(__always)
    static func flush(_ a: SIMD8<UInt16>) -> SIMD8<UInt16> { flushed16(a) }
}

private enum BF16: HalfFormat {
    @inline(__always)
    static func widen(_ a: SIMD8<UInt16>) -> SIMD8<Float> { lane_f32_from_bf16(a) }
    @inline(__always)
    static func narrow(_ a: SIMD8<Float>) -> SIMD8<UInt16> { lane_bf16_from_f32(a) }
    @inline(__always)
    static func fma(_ a: SIMD8<Float>, _ b: SIMD8<Float>, _ c: SIMD8<Float>) -> SIMD8<Float> {
        lane_fma_bf16_exact(a, b, c)
    }
    @inline(__always)
    static func flush(_ a: SIMD8<UInt16>) -> SIMD8<UInt16> {
        let tiny = (a & SIMD8(repeating: 0x7f80)) .== SIMD8(repeating: 0)
        return a.replacing(with: a & SIMD8(repeating: 0x8000), where: tiny)
    }
}

@inline(__always)
private func oddProduct(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<Float> {
    lane_odd_f32_from_f64(lane_f64_from_f32(a) * lane_f64_from_f32(b))
}

/// The result in half precision, with `.ftz`, `.sat` and `.relu`.
@inline(__always)
private func finished<H: HalfFormat>(_ value: SIMD8<Float>, _ mode: UInt8, _: H.Type)
    -> SIMD8<UInt16>
{
    guard mode != 0 else { return H.narrow(value) }
    var v = value
    if mode & FloatOps.saturate != 0 { v = lane_sat_f32(v) }
    var d = H.narrow(v)
    if mode & FloatOps.flush != 0 { d = H.flush(d) }
    if mode & HalfOps.relu != 0 {
        // Negative numbers, not NaNs, become +0.
        let isNegative = d .>= SIMD8(repeating: 0x8000)
        d = d.replacing(with: 0, where: isNegative)
    }
    return d
}

@inline(__always)
private func opened<H: HalfFormat>(_ a: SIMD8<UInt16>, _ mode: UInt8, _: H.Type) -> SIMD8<Float> {
    H.widen(mode & FloatOps.flush != 0 ? H.flush(a) : a)
}

@inline(__always)
private func low(_ a: SIMD8<UInt32>) -> SIMD8<UInt16> { SIMD8(truncatingIfNeeded: a) }

@inline(__always)
private func upper(_ a: SIMD8<UInt32>) -> SIMD8<UInt16> {
    SIMD8(truncatingIfNeeded: a &>> SIMD8(repeating: 16))
}

@inline(__always)
private func joined(_ low: SIMD8<UInt16>, _ high: SIMD8<UInt16>) -> SIMD8<UInt32> {
    SIMD8<UInt32>(truncatingIfNeeded: low)
        | (SIMD8<UInt32>(truncatingIfNeeded: high) &<< SIMD8(repeating: 16))
}

@inline(__always)
private func binary<H: HalfFormat>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _: H.Type,
    _ f: (SIMD8<Float>, SIMD8<Float>) -> SIMD8<Float>
) {
    let mode = i.pointee.mode
    map2(r, i, m) { (a: SIMD8<UInt16>, b: SIMD8<UInt16>) -> SIMD8<UInt16> in
        finished(f(opened(a, mode, H.self), opened(b, mode, H.self)), mode, H.self)
    }
}

@inline(__always)
private func binary2<H: HalfFormat>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _: H.Type,
    _ f: (SIMD8<Float>, SIMD8<Float>) -> SIMD8<Float>
) {
    let mode = i.pointee.mode
    map2(r, i, m) { (a: SIMD8<UInt32>, b: SIMD8<UInt32>) -> SIMD8<UInt32> in
        let x = f(opened(low(a), mode, H.self), opened(low(b), mode, H.self))
        let y = f(opened(upper(a), mode, H.self), opened(upper(b), mode, H.self))
        return joined(finished(x, mode, H.self), finished(y, mode, H.self))
    }
}

@inline(__always)
private func ternary<H: HalfFormat>(_ r: Registers, _ i: Instruction, _ m: UInt32, _: H.Type) {
    let mode = i.pointee.mode
    map3(r, i, m) { (a: SIMD8<UInt16>, b: SIMD8<UInt16>, c: SIMD8<UInt16>) -> SIMD8<UInt16> in
        let d = H.fma(opened(a, mode, H.self), opened(b, mode, H.self), opened(c, mode, H.self))
        return finished(d, mode, H.self)
    }
}

@inline(__always)
private func ternary2<H: HalfFormat>(_ r: Registers, _ i: Instruction, _ m: UInt32, _: H.Type) {
    let mode = i.pointee.mode
    map3(r, i, m) { (a: SIMD8<UInt32>, b: SIMD8<UInt32>, c: SIMD8<UInt32>) -> SIMD8<UInt32> in
        let x = H.fma(
            opened(low(a), mode, H.self),
            opened(low(b), mode, H.self),
            opened(low(c), mode, H.self)
        )
        let y = H.fma(
            opened(upper(a), mode, H.self),
            opened(upper(b), mode, H.self),
            opened(upper(c), mode, H.self)
        )
        return joined(finished(x, mode, H.self), finished(y, mode, H.self))
    }
}

/// One pair of `min` or `max`, NaN and `.xorsign.abs` as the mode says.
@inline(__always)
private func chosen<H: HalfFormat>(
    _ p: SIMD8<UInt16>,
    _ q: SIMD8<UInt16>,
    _ mode: UInt8,
    _: H.Type,
    _ f: (SIMD8<Float>, SIMD8<Float>) -> SIMD8<Float>
) -> SIMD8<UInt16> {
    let magnitude = SIMD8<UInt16>(repeating: 0x7fff)
    let isSigned = mode & 32 != 0
    let a = opened(isSigned ? p & magnitude : p, mode, H.self)
    let b = opened(isSigned ? q & magnitude : q, mode, H.self)
    var d = f(a, b)
    if mode & 16 != 0 { d = lane_nan_if_any(d, a, b) }
    let bits = H.narrow(d)
    guard isSigned else { return bits }
    let isNumber = bits .!= SIMD8(repeating: 0x7fff)
    let signed = bits | ((p ^ q) & SIMD8(repeating: 0x8000))
    return bits.replacing(with: signed, where: isNumber)
}

@inline(__always)
private func extreme<H: HalfFormat>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _: H.Type,
    _ f: (SIMD8<Float>, SIMD8<Float>) -> SIMD8<Float>
) {
    let mode = i.pointee.mode
    map2(r, i, m) { (a: SIMD8<UInt16>, b: SIMD8<UInt16>) -> SIMD8<UInt16> in
        chosen(a, b, mode, H.self, f)
    }
}

@inline(__always)
private func extreme2<H: HalfFormat>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _: H.Type,
    _ f: (SIMD8<Float>, SIMD8<Float>) -> SIMD8<Float>
) {
    let mode = i.pointee.mode
    map2(r, i, m) { (a: SIMD8<UInt32>, b: SIMD8<UInt32>) -> SIMD8<UInt32> in
        joined(
            chosen(low(a), low(b), mode, H.self, f),
            chosen(upper(a), upper(b), mode, H.self, f)
        )
    }
}

private typealias ArrayFunction = (UnsafeMutablePointer<Float>, UnsafePointer<Float>) -> Void

@inline(__always)
private func mapped<H: HalfFormat>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _: H.Type,
    _ f: ArrayFunction
) {
    let mode = i.pointee.mode
    let scratch = Scratch<Float>(context)
    let a = vectors(r, i.pointee.a, UInt16.self)
    for j in 0..<4 { scratch.vectors(0)[j] = opened(a[j], mode, H.self) }
    f(scratch.lanes(1), scratch.lanes(0))
    put(r, i.pointee.d, m) { finished(scratch.vectors(1)[$0], mode, H.self) }
}

@inline(__always)
private func mapped2<H: HalfFormat>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _: H.Type,
    _ f: ArrayFunction
) {
    let mode = i.pointee.mode
    let scratch = Scratch<Float>(context)
    let a = vectors(r, i.pointee.a, UInt32.self)
    for j in 0..<4 {
        scratch.vectors(0)[j] = opened(low(a[j]), mode, H.self)
        scratch.vectors(1)[j] = opened(upper(a[j]), mode, H.self)
    }
    f(scratch.lanes(2), scratch.lanes(0))
    f(scratch.lanes(3), scratch.lanes(1))
    put(r, i.pointee.d, m) {
        joined(
            finished(scratch.vectors(2)[$0], mode, H.self),
            finished(scratch.vectors(3)[$0], mode, H.self)
        )
    }
}
