import CLanes

/// `mma.sync`, `mma.sp.sync` and `wmma.mma`: D = A · B + C over the fragments of a warp.
///
/// The registers of a fragment lie next to each other at a, b, c, d; see
/// `LaneInstruction.setForm` for the other fields. All operands are read before D is written.
///
/// Precision (the ISA leaves order and rounding of floating point sums open, and devices differ):
/// products of f16, bf16, tf32 and the formats of 8 bits are exact; they are added to C in double precision in ascending
/// order of k; the sum is rounded to D's format once, to nearest even. Devices add with fewer bits
/// and truncate, so that results differ from theirs in the last places. f64 is a chain of fused
/// multiply-adds in ascending order of k. NaNs are the canonical ones: 0x7fffffff, 0x7fff. The low
/// 13 bits of a tf32 operand are ignored.
package enum MatrixOps {
    /// The handler of a form; nil when its elements do not go together.
    package static func multiply(_ form: MatrixForm) -> Handler? {
        if form.isQuadPairs { return quadPairs(form) }
        switch (form.a, form.b, form.c, form.d) {
        case (.e4m3, .e4m3, _, _), (.e4m3, .e5m2, _, _), (.e5m2, .e4m3, _, _),
            (.e5m2, .e5m2, _, _):
            guard [.f16, .f32].contains(form.c), [.f16, .f32].contains(form.d) else { return nil }
            return { r, i, m, context in multiplyNarrow(r, i, m, context) }
        case (.f16, .f16, .f16, .f16), (.f16, .f16, .f32, .f32), (.f16, .f16, .f16, .f32),
            (.f16, .f16, .f32, .f16), (.bf16, .bf16, .f32, .f32), (.tf32, .tf32, .f32, .f32):
            return { r, i, m, context in multiplyNarrow(r, i, m, context) }
        case (.f64, .f64, .f64, .f64):
            return { r, i, m, context in multiplyDouble(r, i, m, context) }
        case (.b1, .b1, .s32, .s32), (.s8, .s8, .s32, .s32), (.s8, .u8, .s32, .s32),
            (.u8, .s8, .s32, .s32), (.u8, .u8, .s32, .s32), (.s4, .s4, .s32, .s32),
            (.s4, .u4, .s32, .s32), (.u4, .s4, .s32, .s32), (.u4, .u4, .s32, .s32):
            return { r, i, m, context in multiplyInteger(r, i, m, context) }
        default: return nil
        }
    }

    /// Bytes of `LaneContext.scratch` that a multiplication may need: the largest is m16n8k256 with
    /// 32 bits for each element.
    package static let scratchBytes = 4 * (16 * 256 + 256 * 8 + 16 * 8)
}

// MARK: - f16, bf16, tf32, e4m3, e5m2

private func multiplyNarrow(_ r: Registers, _ i: Instruction, _ m: UInt32, _ context: Context) {
    guard wholeWarp(context, i, m) else { return }
    let all = Matrices(i, context, Double.self)
    let sparsity = Sparsity(r, i)
    let ofA = sparsity == nil ? all : all.packed
    unpackNarrow(ofA, .a, matrixElement(i.pointee.e), lanes(r, i.pointee.a, UInt32.self))
    unpackNarrow(all, .b, matrixElement(i.pointee.f), lanes(r, i.pointee.b, UInt32.self))
    unpackNarrow(all, .accumulator, matrixElement(i.pointee.g), lanes(r, i.pointee.c, UInt32.self))
    if let sparsity {
        all.accumulate(sparsity) { a, b, sum in lane_fma_f64(SIMD8(repeating: a), b, sum) }
    } else {
        all.accumulate { a, b, sum in lane_fma_f64(SIMD8(repeating: a), b, sum) }
    }
    let d = lanes(r, i.pointee.d, UInt32.self)
    if matrixElement(Int32(i.pointee.count)) == .f16 {
        all.pack(.f16, to: d) { UInt32(halfBits($0[0])) | UInt32(halfBits($0[1])) << 16 }
    } else {
        all.pack(.f32, to: d) { place in
            let value = Float(place.pointee)
            return value.isNaN ? 0x7fff_ffff : value.bitPattern
        }
    }
}

@inline(never)
private func unpackNarrow(
    _ all: Matrices<Double>,
    _ role: MatrixRole,
    _ element: MatrixElement,
    _ from: UnsafeMutablePointer<UInt32>
) {
    switch element {
    case .f16:
        all.unpack(role, .f16, from: from) {
            Double(Float(Float16(bitPattern: UInt16(truncatingIfNeeded: $0))))
        }
    case .bf16: all.unpack(role, .bf16, from: from) { Double(Float(bitPattern: $0 << 16)) }
    case .tf32:
        all.unpack(role, .tf32, from: from) { Double(Float(bitPattern: $0 & 0xffff_e000)) }
    case .e4m3: all.unpack(role, .e4m3, from: from, fromE4M3)
    case .e5m2:
        // The upper byte of a half.
        all.unpack(role, .e5m2, from: from) {
            Double(Float(Float16(bitPattern: UInt16(truncatingIfNeeded: $0) << 8)))
        }
    default: all.unpack(role, .f32, from: from) { Double(Float(bitPattern: $0)) }
    }
}

/// The value of an e4m3 in the low 8 bits: put where a half has its exponent and fraction it is
/// 2^8 times too small, as the exponents' biases are 7 and 15; subnormals as well. 0x7f is NaN.
@inline(__always)
private func fromE4M3(_ bits: UInt32) -> Double {
    let body = UInt16(truncatingIfNeeded: bits & 0x7f)
    if body == 0x7f { return .nan }
    let sign = UInt16(truncatingIfNeeded: bits & 0x80) << 8
    return Double(Float(Float16(bitPattern: sign | body << 7))) * 256
}

/// To f16 in one rounding: over f32, rounded to odd, so that the second rounding decides alone.
@inline(__always)
func halfBits(_ value: Double) -> UInt16 {
    if value.isNaN { return 0x7fff }
    var single = Float(value)
    let back = Double(single)
    if back != value, single.bitPattern & 1 == 0 {
        let towardsZero = back.magnitude > value.magnitude
        single = Float(bitPattern: towardsZero ? single.bitPattern &- 1 : single.bitPattern &+ 1)
    }
    return Float16(single).bitPattern
}

// MARK: - f64

private func multiplyDouble(_ r: Registers, _ i: Instruction, _ m: UInt32, _ context: Context) {
    guard wholeWarp(context, i, m) else { return }
    let all = Matrices(i, context, Double.self)
    func value(_ bits: UInt64) -> Double { Double(bitPattern: bits) }
    all.unpack(.a, .f64, from: lanes(r, i.pointee.a, UInt64.self), value)
    all.unpack(.b, .f64, from: lanes(r, i.pointee.b, UInt64.self), value)
    all.unpack(.accumulator, .f64, from: lanes(r, i.pointee.c, UInt64.self), value)
    all.accumulate { a, b, sum in lane_fma_f64(SIMD8(repeating: a), b, sum) }
    all.pack(.f64, to: lanes(r, i.pointee.d, UInt64.self)) { $0.pointee.bitPattern }
}

// MARK: - Integers

private func multiplyInteger(_ r: Registers, _ i: Instruction, _ m: UInt32, _ context: Context) {
    guard wholeWarp(context, i, m) else { return }
    let all = Matrices(i, context, Int32.self)
    let sparsity = Sparsity(r, i)
    let ofA = sparsity == nil ? all : all.packed
    unpackInteger(ofA, .a, matrixElement(i.pointee.e), lanes(r, i.pointee.a, UInt32.self))
    unpackInteger(all, .b, matrixElement(i.pointee.f), lanes(r, i.pointee.b, UInt32.self))
    // The sum of the products fits 32 bits (at most 256 terms); C is added last, so that only that
    // can overflow.
    let count = all.shape.m &* all.shape.n
    for k in 0..<count { all.c[k] = 0 }
    if let sparsity {
        all.accumulate(sparsity) { a, b, sum in sum &+ SIMD8(repeating: a) &* b }
    } else if i.pointee.mode & 2 != 0 {
        all.accumulate { a, b, sum in sum &+ (SIMD8(repeating: a) ^ b) }
    } else {
        all.accumulate { a, b, sum in sum &+ SIMD8(repeating: a) &* b }
    }
    addAccumulators(all, i.pointee.mode & 1 != 0, from: lanes(r, i.pointee.c, Int32.self))
    all.pack(.s32, to: lanes(r, i.pointee.d, Int32.self)) { $0.pointee }
}

/// The sums of products += C.
private func addAccumulators(
    _ all: Matrices<Int32>,
    _ isSaturating: Bool,
    from registers: UnsafeMutablePointer<Int32>
) {
    let shape = all.shape
    for j in 0..<shape.registers(.accumulator, .s32) {
        for lane in 0..<32 {
            let (row, column) = shape.origin(.accumulator, 1, lane: lane, register: j)
            let place = all.c + (row &* shape.n &+ column)
            let addend = registers[j &* 32 &+ lane]
            let (sum, overflows) = place.pointee.addingReportingOverflow(addend)
            place.pointee = overflows && isSaturating ? (addend < 0 ? .min : .max) : sum
        }
    }
}

@inline(never)
private func unpackInteger(
    _ all: Matrices<Int32>,
    _ role: MatrixRole,
    _ element: MatrixElement,
    _ from: UnsafeMutablePointer<UInt32>
) {
    switch element {
    case .s8: all.unpack(role, .s8, from: from) { Int32(Int8(truncatingIfNeeded: $0)) }
    case .u8: all.unpack(role, .u8, from: from) { Int32($0 & 0xff) }
    case .s4: all.unpack(role, .s4, from: from) { Int32(bitPattern: $0 << 28) >> 28 }
    case .u4: all.unpack(role, .u4, from: from) { Int32($0 & 0xf) }
    default: all.unpack(role, .b1, from: from) { Int32($0 & 1) }
    }
}
