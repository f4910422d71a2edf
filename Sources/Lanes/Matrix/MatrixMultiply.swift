import CLanes

/// `mma.sync` and `wmma.mma`: D = A · B + C over the fragments of a warp.
///
/// The registers of a fragment lie next to each other at a, b, c, d; see
/// `LaneInstruction.setForm` for the other fields. All operands are read before D is written.
///
/// Precision (the ISA leaves order and rounding of floating point sums open, and devices differ):
/// products of f16, bf16 and tf32 are exact; they are added to C in double precision in ascending
/// order of k; the sum is rounded to D's format once, to nearest even. Devices add with fewer bits
/// and truncate, so that results differ from theirs in the last places. f64 is a chain of fused
/// multiply-adds in ascending order of k. NaNs are the canonical ones: 0x7fffffff, 0x7fff. The low
/// 13 bits of a tf32 operand are ignored.
package enum MatrixOps {
    /// The handler of a form; nil when its elements do not go together.
    package static func multiply(_ form: MatrixForm) -> Handler? {
        switch (form.a, form.b, form.c, form.d) {
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

/// The matrices of a multiplication, unpacked into the scratch memory, row after row.
private struct Matrices<T> {
    let shape: MatrixShape
    let a, b, c: UnsafeMutablePointer<T>

    @inline(__always)
    init(_ i: Instruction, _ context: Context, _: T.Type) {
        shape = MatrixShape(packed: i.pointee.h)
        a = context.pointee.scratch.assumingMemoryBound(to: T.self)
        b = a + shape.m &* shape.k
        c = b + shape.k &* shape.n
    }

    /// Elements in a row of a matrix.
    @inline(__always)
    func width(_ role: MatrixRole) -> Int { role == .a ? shape.k : shape.n }

    /// Fills a matrix from its registers: `value` takes an element's bits, right-aligned, with
    /// those of later elements above them.
    @inline(__always)
    func unpack<Bits: FixedWidthInteger>(
        _ role: MatrixRole,
        _ element: MatrixElement,
        from registers: UnsafeMutablePointer<Bits>,
        _ value: (Bits) -> T
    ) {
        let to = role == .a ? a : role == .b ? b : c
        let width = width(role)
        let perRegister = element.perRegister
        let shift = Bits(truncatingIfNeeded: element.bits)
        let step = role == .b ? width : 1
        for j in 0..<shape.registers(role, element) {
            for lane in 0..<32 {
                let (row, column) = shape.origin(role, perRegister, lane: lane, register: j)
                var bits = registers[j &* 32 &+ lane]
                var place = to + (row &* width &+ column)
                for _ in 0..<perRegister {
                    place.pointee = value(bits)
                    bits = bits &>> shift
                    place += step
                }
            }
        }
    }

    /// Writes D's registers from the accumulators: `bits` gives the register with the element at a
    /// place in it.
    @inline(__always)
    func pack<Bits: FixedWidthInteger>(
        _ element: MatrixElement,
        to registers: UnsafeMutablePointer<Bits>,
        _ bits: (UnsafeMutablePointer<T>) -> Bits
    ) {
        let perRegister = element.perRegister
        for j in 0..<shape.registers(.accumulator, element) {
            for lane in 0..<32 {
                let (row, column) = shape.origin(
                    .accumulator,
                    perRegister,
                    lane: lane,
                    register: j
                )
                registers[j &* 32 &+ lane] = bits(c + (row &* shape.n &+ column))
            }
        }
    }

    /// C += A · B, eight columns at a time, in ascending order of k.
    @inline(__always)
    func accumulate(_ step: (T, SIMD8<T>, SIMD8<T>) -> SIMD8<T>) where T: SIMDScalar {
        for row in 0..<shape.m {
            for block in 0..<shape.n >> 3 {
                let sum = UnsafeMutableRawPointer(c + (row &* shape.n &+ block &* 8))
                    .assumingMemoryBound(to: SIMD8<T>.self)
                var total = sum.pointee
                for k in 0..<shape.k {
                    let from = UnsafeMutableRawPointer(b + (k &* shape.n &+ block &* 8))
                        .assumingMemoryBound(to: SIMD8<T>.self)
                    total = step(a[row &* shape.k &+ k], from.pointee, total)
                }
                sum.pointee = total
            }
        }
    }
}

// MARK: - f16, bf16, tf32

private func multiplyNarrow(_ r: Registers, _ i: Instruction, _ m: UInt32, _ context: Context) {
    guard wholeWarp(context, i, m) else { return }
    let all = Matrices(i, context, Double.self)
    unpackNarrow(all, .a, matrixElement(i.pointee.e), lanes(r, i.pointee.a, UInt32.self))
    unpackNarrow(all, .b, matrixElement(i.pointee.f), lanes(r, i.pointee.b, UInt32.self))
    unpackNarrow(all, .accumulator, matrixElement(i.pointee.g), lanes(r, i.pointee.c, UInt32.self))
    all.accumulate { a, b, sum in lane_fma_f64(SIMD8(repeating: a), b, sum) }
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
    default: all.unpack(role, .f32, from: from) { Double(Float(bitPattern: $0)) }
    }
}

/// To f16 in one rounding: over f32, rounded to odd, so that the second rounding decides alone.
@inline(__always)
private func halfBits(_ value: Double) -> UInt16 {
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
    unpackInteger(all, .a, matrixElement(i.pointee.e), lanes(r, i.pointee.a, UInt32.self))
    unpackInteger(all, .b, matrixElement(i.pointee.f), lanes(r, i.pointee.b, UInt32.self))
    // The sum of the products fits 32 bits (at most 256 terms); C is added last, so that only that
    // can overflow.
    let count = all.shape.m &* all.shape.n
    for k in 0..<count { all.c[k] = 0 }
    if i.pointee.mode & 2 != 0 {
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
