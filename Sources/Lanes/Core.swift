package import CLanes

/// An instruction's code: see `LaneHandler` in CLanes.
package typealias Handler = LaneHandler

typealias Registers = UnsafeMutableRawPointer
typealias Instruction = UnsafePointer<LaneInstruction>
typealias Context = UnsafeMutablePointer<LaneContext>

/// All lanes take part.
let everyLane = UInt32.max

/// The 32 lanes of a register.
@inline(__always)
func lanes<T>(_ r: Registers, _ offset: Int32, _: T.Type) -> UnsafeMutablePointer<T> {
    (r + Int(offset)).assumingMemoryBound(to: T.self)
}

/// The same as four vectors of eight.
@inline(__always)
func vectors<T: SIMDScalar>(
    _ r: Registers,
    _ offset: Int32,
    _: T.Type
) -> UnsafeMutablePointer<SIMD8<T>> {
    (r + Int(offset)).assumingMemoryBound(to: SIMD8<T>.self)
}

/// Calls `body` for each set bit, lowest first.
@inline(__always)
func eachLane(_ m: UInt32, _ body: (Int) -> Void) {
    var rest = m
    while rest != 0 {
        body(rest.trailingZeroBitCount)
        rest &= rest &- 1
    }
}

/// `new` in the lanes of `m`, `old` in the others.
@inline(__always)
func blend<T: SIMDScalar>(_ old: SIMD8<T>, _ new: SIMD8<T>, _ m: UInt32, _ j: Int) -> SIMD8<T> {
    switch MemoryLayout<T>.size {
    case 2:
        let mask = lane_mask16(m, Int32(truncatingIfNeeded: j))
        let a = unsafeBitCast(old, to: SIMD8<Int16>.self)
        let b = unsafeBitCast(new, to: SIMD8<Int16>.self)
        return unsafeBitCast(a ^ ((a ^ b) & mask), to: SIMD8<T>.self)
    case 4:
        let mask = lane_mask32(m, Int32(truncatingIfNeeded: j))
        let a = unsafeBitCast(old, to: SIMD8<Int32>.self)
        let b = unsafeBitCast(new, to: SIMD8<Int32>.self)
        return unsafeBitCast(a ^ ((a ^ b) & mask), to: SIMD8<T>.self)
    default:
        let mask = lane_mask64(m, Int32(truncatingIfNeeded: j))
        let a = unsafeBitCast(old, to: SIMD8<Int64>.self)
        let b = unsafeBitCast(new, to: SIMD8<Int64>.self)
        return unsafeBitCast(a ^ ((a ^ b) & mask), to: SIMD8<T>.self)
    }
}

/// Writes a register: `f(j)` gives lanes 8j…8j+7.
@inline(__always)
func put<T: SIMDScalar>(
    _ r: Registers,
    _ offset: Int32,
    _ m: UInt32,
    _ f: (Int) -> SIMD8<T>
) {
    let d = vectors(r, offset, T.self)
    if m == everyLane {
        for j in 0..<4 { d[j] = f(j) }
    } else {
        for j in 0..<4 { d[j] = blend(d[j], f(j), m, j) }
    }
}

/// d = f(a)
@inline(__always)
func map1<A: SIMDScalar, D: SIMDScalar>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ f: (SIMD8<A>) -> SIMD8<D>
) {
    let a = vectors(r, i.pointee.a, A.self)
    put(r, i.pointee.d, m) { f(a[$0]) }
}

/// d = f(a, b)
@inline(__always)
func map2<A: SIMDScalar, B: SIMDScalar, D: SIMDScalar>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ f: (SIMD8<A>, SIMD8<B>) -> SIMD8<D>
) {
    let a = vectors(r, i.pointee.a, A.self)
    let b = vectors(r, i.pointee.b, B.self)
    put(r, i.pointee.d, m) { f(a[$0], b[$0]) }
}

/// d = f(a, b, c)
@inline(__always)
func map3<A: SIMDScalar, B: SIMDScalar, C: SIMDScalar, D: SIMDScalar>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ f: (SIMD8<A>, SIMD8<B>, SIMD8<C>) -> SIMD8<D>
) {
    let a = vectors(r, i.pointee.a, A.self)
    let b = vectors(r, i.pointee.b, B.self)
    let c = vectors(r, i.pointee.c, C.self)
    put(r, i.pointee.d, m) { f(a[$0], b[$0], c[$0]) }
}

/// d = f(a), lane by lane, for what has no vector form.
@inline(__always)
func each1<A, D>(_ r: Registers, _ i: Instruction, _ m: UInt32, _ f: (A) -> D) {
    let a = lanes(r, i.pointee.a, A.self)
    let d = lanes(r, i.pointee.d, D.self)
    eachLane(m) { d[$0] = f(a[$0]) }
}

/// d = f(a, b), lane by lane.
@inline(__always)
func each2<A, B, D>(_ r: Registers, _ i: Instruction, _ m: UInt32, _ f: (A, B) -> D) {
    let a = lanes(r, i.pointee.a, A.self)
    let b = lanes(r, i.pointee.b, B.self)
    let d = lanes(r, i.pointee.d, D.self)
    eachLane(m) { d[$0] = f(a[$0], b[$0]) }
}

/// d = f(a, b, c), lane by lane.
@inline(__always)
func each3<A, B, C, D>(_ r: Registers, _ i: Instruction, _ m: UInt32, _ f: (A, B, C) -> D) {
    let a = lanes(r, i.pointee.a, A.self)
    let b = lanes(r, i.pointee.b, B.self)
    let c = lanes(r, i.pointee.c, C.self)
    let d = lanes(r, i.pointee.d, D.self)
    eachLane(m) { d[$0] = f(a[$0], b[$0], c[$0]) }
}

/// Writes a predicate.
@inline(__always)
func putPredicate(_ r: Registers, _ offset: Int32, _ m: UInt32, _ value: UInt32) {
    let d = lanes(r, offset, UInt32.self)
    d.pointee = (d.pointee & ~m) | (value & m)
}

/// Reads a predicate.
@inline(__always)
func predicate(_ r: Registers, _ offset: Int32) -> UInt32 {
    lanes(r, offset, UInt32.self).pointee
}

/// Records the first fault of a warp; the machine looks at every control instruction.
@inline(never)
func fault(
    _ context: Context,
    _ i: Instruction,
    code: Int32,
    lane: Int,
    address: UInt64,
    bytes: Int,
    isWrite: Bool
) {
    guard context.pointee.faultCode == 0 else { return }
    context.pointee.faultCode = code
    context.pointee.faultLane = UInt32(truncatingIfNeeded: lane)
    context.pointee.faultAddress = address
    context.pointee.faultBytes = UInt32(truncatingIfNeeded: bytes)
    context.pointee.faultIsWrite = isWrite ? 1 : 0
    context.pointee.faultInstruction = i
}
