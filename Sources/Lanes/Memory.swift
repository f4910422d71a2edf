import CLanes

/// Loads and stores. d, b, c, e, f, g, h, k are the registers of a vector's elements, a the
/// address, `immediate` the displacement, `mode` an `AddressMode`, `count` the elements.
package enum MemoryOps {
    /// A load of `type` into registers of `register` bits.
    package static func load(_ type: LaneType, register: Int, _ mode: AddressMode) -> Handler? {
        switch (type.bits, register, mode) {
        case (32, 32, .global):
            return { r, i, m, c in loadFast(r, i, m, c, .global, UInt32.self) }
        case (32, 32, .shared32):
            return { r, i, m, c in loadFast(r, i, m, c, .shared32, UInt32.self) }
        case (64, 64, .global):
            return { r, i, m, c in loadFast(r, i, m, c, .global, UInt64.self) }
        default: return loadAny(type, register)
        }
    }

    private static func loadAny(_ type: LaneType, _ register: Int) -> Handler? {
        switch (type.bits, type.isSigned, register) {
        case (8, false, 16): return { r, i, m, c in loadLanes(r, i, m, c, UInt8.self, UInt16.self) }
        case (8, false, 32): return { r, i, m, c in loadLanes(r, i, m, c, UInt8.self, UInt32.self) }
        case (8, false, 64): return { r, i, m, c in loadLanes(r, i, m, c, UInt8.self, UInt64.self) }
        case (8, true, 16): return { r, i, m, c in loadLanes(r, i, m, c, Int8.self, Int16.self) }
        case (8, true, 32): return { r, i, m, c in loadLanes(r, i, m, c, Int8.self, Int32.self) }
        case (8, true, 64): return { r, i, m, c in loadLanes(r, i, m, c, Int8.self, Int64.self) }
        case (16, _, 16): return { r, i, m, c in loadLanes(r, i, m, c, UInt16.self, UInt16.self) }
        case (16, false, 32):
            return { r, i, m, c in loadLanes(r, i, m, c, UInt16.self, UInt32.self) }
        case (16, false, 64):
            return { r, i, m, c in loadLanes(r, i, m, c, UInt16.self, UInt64.self) }
        case (16, true, 32): return { r, i, m, c in loadLanes(r, i, m, c, Int16.self, Int32.self) }
        case (16, true, 64): return { r, i, m, c in loadLanes(r, i, m, c, Int16.self, Int64.self) }
        case (32, _, 32): return { r, i, m, c in loadLanes(r, i, m, c, UInt32.self, UInt32.self) }
        case (32, false, 64):
            return { r, i, m, c in loadLanes(r, i, m, c, UInt32.self, UInt64.self) }
        case (32, true, 64): return { r, i, m, c in loadLanes(r, i, m, c, Int32.self, Int64.self) }
        case (64, _, 64): return { r, i, m, c in loadLanes(r, i, m, c, UInt64.self, UInt64.self) }
        default: return nil
        }
    }

    /// A store of `type` from registers of `register` bits.
    package static func store(_ type: LaneType, register: Int, _ mode: AddressMode) -> Handler? {
        switch (type.bits, register, mode) {
        case (32, 32, .global):
            return { r, i, m, c in storeFast(r, i, m, c, .global, UInt32.self) }
        case (32, 32, .shared32):
            return { r, i, m, c in storeFast(r, i, m, c, .shared32, UInt32.self) }
        case (64, 64, .global):
            return { r, i, m, c in storeFast(r, i, m, c, .global, UInt64.self) }
        case (8, 16, _): return { r, i, m, c in storeLanes(r, i, m, c, UInt8.self, UInt16.self) }
        case (8, 32, _): return { r, i, m, c in storeLanes(r, i, m, c, UInt8.self, UInt32.self) }
        case (8, 64, _): return { r, i, m, c in storeLanes(r, i, m, c, UInt8.self, UInt64.self) }
        case (16, 16, _): return { r, i, m, c in storeLanes(r, i, m, c, UInt16.self, UInt16.self) }
        case (16, 32, _): return { r, i, m, c in storeLanes(r, i, m, c, UInt16.self, UInt32.self) }
        case (16, 64, _): return { r, i, m, c in storeLanes(r, i, m, c, UInt16.self, UInt64.self) }
        case (32, 32, _): return { r, i, m, c in storeLanes(r, i, m, c, UInt32.self, UInt32.self) }
        case (32, 64, _): return { r, i, m, c in storeLanes(r, i, m, c, UInt32.self, UInt64.self) }
        case (64, 64, _): return { r, i, m, c in storeLanes(r, i, m, c, UInt64.self, UInt64.self) }
        default: return nil
        }
    }

    /// Counts as busy waiting, before an access that others may be waited for with.
    package static func spinning(_ inner: LaneType, register: Int) -> Handler? {
        switch (inner.bits, register) {
        case (32, 32):
            return { r, i, m, c in
                c.pointee.spin &+= 1
                loadLanes(r, i, m, c, UInt32.self, UInt32.self)
            }
        case (64, 64):
            return { r, i, m, c in
                c.pointee.spin &+= 1
                loadLanes(r, i, m, c, UInt64.self, UInt64.self)
            }
        default: return nil
        }
    }

    /// d = the kernel parameter bytes at `immediate`, the same in every lane; the lowering has
    /// checked that they are there.
    package static func loadParameter(_ type: LaneType, register: Int) -> Handler? {
        switch (type.bits, type.isSigned, register) {
        case (8, false, 16): return { r, i, m, c in splat(r, i, m, c, UInt8.self, UInt16.self) }
        case (8, false, 32): return { r, i, m, c in splat(r, i, m, c, UInt8.self, UInt32.self) }
        case (8, false, 64): return { r, i, m, c in splat(r, i, m, c, UInt8.self, UInt64.self) }
        case (8, true, 16): return { r, i, m, c in splat(r, i, m, c, Int8.self, Int16.self) }
        case (8, true, 32): return { r, i, m, c in splat(r, i, m, c, Int8.self, Int32.self) }
        case (8, true, 64): return { r, i, m, c in splat(r, i, m, c, Int8.self, Int64.self) }
        case (16, _, 16): return { r, i, m, c in splat(r, i, m, c, UInt16.self, UInt16.self) }
        case (16, false, 32): return { r, i, m, c in splat(r, i, m, c, UInt16.self, UInt32.self) }
        case (16, false, 64): return { r, i, m, c in splat(r, i, m, c, UInt16.self, UInt64.self) }
        case (16, true, 32): return { r, i, m, c in splat(r, i, m, c, Int16.self, Int32.self) }
        case (16, true, 64): return { r, i, m, c in splat(r, i, m, c, Int16.self, Int64.self) }
        case (32, _, 32): return { r, i, m, c in splat(r, i, m, c, UInt32.self, UInt32.self) }
        case (32, false, 64): return { r, i, m, c in splat(r, i, m, c, UInt32.self, UInt64.self) }
        case (32, true, 64): return { r, i, m, c in splat(r, i, m, c, Int32.self, Int64.self) }
        case (64, _, 64): return { r, i, m, c in splat(r, i, m, c, UInt64.self, UInt64.self) }
        default: return nil
        }
    }

    /// d = the argument bytes at a + lane · b + `immediate`: an argument object lies in the frame,
    /// lane after lane, each b bytes. The lowering has checked the bounds.
    package static func loadArgument(_ type: LaneType, register: Int) -> Handler? {
        switch (type.bits, type.isSigned, register) {
        case (8, false, 16):
            return { r, i, m, _ in argumentLanes(r, i, m, UInt8.self, UInt16.self) }
        case (8, false, 32):
            return { r, i, m, _ in argumentLanes(r, i, m, UInt8.self, UInt32.self) }
        case (8, false, 64):
            return { r, i, m, _ in argumentLanes(r, i, m, UInt8.self, UInt64.self) }
        case (8, true, 16): return { r, i, m, _ in argumentLanes(r, i, m, Int8.self, Int16.self) }
        case (8, true, 32): return { r, i, m, _ in argumentLanes(r, i, m, Int8.self, Int32.self) }
        case (8, true, 64): return { r, i, m, _ in argumentLanes(r, i, m, Int8.self, Int64.self) }
        case (16, _, 16): return { r, i, m, _ in argumentLanes(r, i, m, UInt16.self, UInt16.self) }
        case (16, false, 32):
            return { r, i, m, _ in argumentLanes(r, i, m, UInt16.self, UInt32.self) }
        case (16, false, 64):
            return { r, i, m, _ in argumentLanes(r, i, m, UInt16.self, UInt64.self) }
        case (16, true, 32): return { r, i, m, _ in argumentLanes(r, i, m, Int16.self, Int32.self) }
        case (16, true, 64): return { r, i, m, _ in argumentLanes(r, i, m, Int16.self, Int64.self) }
        case (32, _, 32): return { r, i, m, _ in argumentLanes(r, i, m, UInt32.self, UInt32.self) }
        case (32, false, 64):
            return { r, i, m, _ in argumentLanes(r, i, m, UInt32.self, UInt64.self) }
        case (32, true, 64): return { r, i, m, _ in argumentLanes(r, i, m, Int32.self, Int64.self) }
        case (64, _, 64): return { r, i, m, _ in argumentLanes(r, i, m, UInt64.self, UInt64.self) }
        default: return nil
        }
    }

    /// The argument bytes at a + lane · b + `immediate` = d.
    package static func storeArgument(_ type: LaneType, register: Int) -> Handler? {
        switch (type.bits, register) {
        case (8, 16): return { r, i, m, _ in putArgumentLanes(r, i, m, UInt8.self, UInt16.self) }
        case (8, 32): return { r, i, m, _ in putArgumentLanes(r, i, m, UInt8.self, UInt32.self) }
        case (8, 64): return { r, i, m, _ in putArgumentLanes(r, i, m, UInt8.self, UInt64.self) }
        case (16, 16): return { r, i, m, _ in putArgumentLanes(r, i, m, UInt16.self, UInt16.self) }
        case (16, 32): return { r, i, m, _ in putArgumentLanes(r, i, m, UInt16.self, UInt32.self) }
        case (16, 64): return { r, i, m, _ in putArgumentLanes(r, i, m, UInt16.self, UInt64.self) }
        case (32, 32): return { r, i, m, _ in putArgumentLanes(r, i, m, UInt32.self, UInt32.self) }
        case (32, 64): return { r, i, m, _ in putArgumentLanes(r, i, m, UInt32.self, UInt64.self) }
        case (64, 64): return { r, i, m, _ in putArgumentLanes(r, i, m, UInt64.self, UInt64.self) }
        default: return nil
        }
    }

    /// Copies `aux` bytes per lane from the address a (+ `immediate`, `mode`) to the address b
    /// (+ `h`, mode `count`); the bytes beyond c (when ≥ 0: a 32-bit register) are zero: `cp.async`.
    package static func copy() -> Handler {
        { r, i, m, c in copyBytes(r, i, m, c) }
    }
}

/// The register of a vector's n-th element.
@inline(__always)
func element(_ i: Instruction, _ n: Int) -> Int32 {
    switch n {
    case 0: i.pointee.d
    case 1: i.pointee.b
    case 2: i.pointee.c
    case 3: i.pointee.e
    case 4: i.pointee.f
    case 5: i.pointee.g
    case 6: i.pointee.h
    default: i.pointee.k
    }
}

/// `shape` with the mode read from the instruction.
@inline(never)
func shapeAny(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _ bytes: Int,
    _ isWrite: Bool
) -> AccessShape {
    guard let mode = AddressMode(rawValue: i.pointee.mode) else { return .refused }
    return switch mode {
    case .generic: shape(r, i, m, context, .generic, bytes: bytes, isWrite: isWrite)
    case .global: shape(r, i, m, context, .global, bytes: bytes, isWrite: isWrite)
    case .shared32: shape(r, i, m, context, .shared32, bytes: bytes, isWrite: isWrite)
    case .shared64: shape(r, i, m, context, .shared64, bytes: bytes, isWrite: isWrite)
    default: scatter(r, i, m, context, mode, UInt64(truncatingIfNeeded: bytes), isWrite)
    }
}

@inline(__always)
private func loadFast<T: FixedWidthInteger & SIMDScalar>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _ mode: AddressMode,
    _: T.Type
) {
    if i.pointee.count > 1 {
        loadVector(r, i, m, context, T.self, T.self)
        return
    }
    let size = MemoryLayout<T>.size
    finishLoad(
        r,
        i,
        m,
        context,
        shape(r, i, m, context, mode, bytes: size, isWrite: false),
        T.self,
        T.self
    )
}

@inline(__always)
private func loadLanes<M, T>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _: M.Type,
    _: T.Type
)
where M: FixedWidthInteger & SIMDScalar, T: FixedWidthInteger & SIMDScalar {
    if i.pointee.count > 1 {
        loadVector(r, i, m, context, M.self, T.self)
    } else {
        let found = shapeAny(r, i, m, context, MemoryLayout<M>.size, false)
        finishLoad(r, i, m, context, found, M.self, T.self)
    }
}

@inline(__always)
private func finishLoad<M, T>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _ shape: AccessShape,
    _: M.Type,
    _: T.Type
)
where M: FixedWidthInteger & SIMDScalar, T: FixedWidthInteger & SIMDScalar {
    switch shape {
    case .contiguous(let base):
        let d = vectors(r, i.pointee.d, T.self)
        for j in 0..<4 {
            let offset = j &* 8 &* MemoryLayout<M>.size
            let v = base.loadUnaligned(fromByteOffset: offset, as: SIMD8<M>.self)
            d[j] = SIMD8<T>(truncatingIfNeeded: v)
        }
    case .broadcast(let base):
        let v = SIMD8<T>(repeating: T(truncatingIfNeeded: base.load(as: M.self)))
        let d = vectors(r, i.pointee.d, T.self)
        for j in 0..<4 { d[j] = v }
    case .halves(let low, let high, let flags):
        loadHalf(vectors(r, i.pointee.d, T.self), low, flags & 1 != 0, M.self)
        loadHalf(vectors(r, i.pointee.d, T.self) + 2, high, flags & 2 != 0, M.self)
    case .scattered:
        let d = lanes(r, i.pointee.d, T.self)
        let pointers = context.pointee.pointers
        eachLane(m) { l in
            d[l] = T(truncatingIfNeeded: UnsafeRawPointer(pointers[l]).load(as: M.self))
        }
    case .refused: break
    }
}

/// 16 lanes, contiguous or all the same.
@inline(__always)
private func loadHalf<M, T>(
    _ d: UnsafeMutablePointer<SIMD8<T>>,
    _ base: UnsafeMutableRawPointer,
    _ isContiguous: Bool,
    _: M.Type
)
where M: FixedWidthInteger & SIMDScalar, T: FixedWidthInteger & SIMDScalar {
    if isContiguous {
        let offset = 8 &* MemoryLayout<M>.size
        let a = base.loadUnaligned(as: SIMD8<M>.self)
        let b = base.loadUnaligned(fromByteOffset: offset, as: SIMD8<M>.self)
        d[0] = SIMD8<T>(truncatingIfNeeded: a)
        d[1] = SIMD8<T>(truncatingIfNeeded: b)
    } else {
        let v = SIMD8<T>(repeating: T(truncatingIfNeeded: base.load(as: M.self)))
        d[0] = v
        d[1] = v
    }
}

@inline(never)
private func loadVector<M, T>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _: M.Type,
    _: T.Type
)
where M: FixedWidthInteger & SIMDScalar, T: FixedWidthInteger & SIMDScalar {
    let count = Int(i.pointee.count)
    let size = MemoryLayout<M>.size
    switch shapeAny(r, i, m, context, size &* count, false) {
    case .contiguous(let base):
        let from = base.assumingMemoryBound(to: M.self)
        for n in 0..<count {
            let d = lanes(r, element(i, n), T.self)
            for l in 0..<32 { d[l] = T(truncatingIfNeeded: from[l &* count &+ n]) }
        }
    case .broadcast(let base):
        let from = base.assumingMemoryBound(to: M.self)
        for n in 0..<count {
            let d = vectors(r, element(i, n), T.self)
            let v = SIMD8<T>(repeating: T(truncatingIfNeeded: from[n]))
            for j in 0..<4 { d[j] = v }
        }
    case .halves(let low, let high, let flags):
        for n in 0..<count {
            let d = lanes(r, element(i, n), T.self)
            for l in 0..<32 {
                let isLow = l < 16
                let base = (isLow ? low : high).assumingMemoryBound(to: M.self)
                let isContiguous = flags & (isLow ? 1 : 2) != 0
                let k = isContiguous ? (l & 15) &* count : 0
                d[l] = T(truncatingIfNeeded: base[k &+ n])
            }
        }
    case .scattered:
        let pointers = context.pointee.pointers
        for n in 0..<count {
            let d = lanes(r, element(i, n), T.self)
            eachLane(m) { l in
                let from = UnsafeRawPointer(pointers[l]).assumingMemoryBound(to: M.self)
                d[l] = T(truncatingIfNeeded: from[n])
            }
        }
    case .refused: break
    }
}

@inline(__always)
private func storeFast<T: FixedWidthInteger & SIMDScalar>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _ mode: AddressMode,
    _: T.Type
) {
    if i.pointee.count > 1 {
        storeVector(r, i, m, context, T.self, T.self)
        return
    }
    let size = MemoryLayout<T>.size
    finishStore(
        r,
        i,
        m,
        context,
        shape(r, i, m, context, mode, bytes: size, isWrite: true),
        T.self,
        T.self
    )
}

@inline(__always)
private func storeLanes<M, T>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _: M.Type,
    _: T.Type
)
where M: FixedWidthInteger & SIMDScalar, T: FixedWidthInteger & SIMDScalar {
    if i.pointee.count > 1 {
        storeVector(r, i, m, context, M.self, T.self)
    } else {
        let found = shapeAny(r, i, m, context, MemoryLayout<M>.size, true)
        finishStore(r, i, m, context, found, M.self, T.self)
    }
}

/// Of lanes that store to the same place the highest wins.
@inline(__always)
private func finishStore<M, T>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _ shape: AccessShape,
    _: M.Type,
    _: T.Type
)
where M: FixedWidthInteger & SIMDScalar, T: FixedWidthInteger & SIMDScalar {
    switch shape {
    case .contiguous(let base):
        let d = vectors(r, i.pointee.d, T.self)
        for j in 0..<4 {
            let offset = j &* 8 &* MemoryLayout<M>.size
            let v = SIMD8<M>(truncatingIfNeeded: d[j])
            (base + offset).storeBytes(of: v, as: SIMD8<M>.self)
        }
    case .broadcast(let base):
        let d = lanes(r, i.pointee.d, T.self)
        base.assumingMemoryBound(to: M.self).pointee = M(truncatingIfNeeded: d[31])
    case .halves(let low, let high, let flags):
        storeHalf(vectors(r, i.pointee.d, T.self), low, flags & 1 != 0, M.self)
        storeHalf(vectors(r, i.pointee.d, T.self) + 2, high, flags & 2 != 0, M.self)
    case .scattered:
        let d = lanes(r, i.pointee.d, T.self)
        let pointers = context.pointee.pointers
        eachLane(m) { l in
            let to = UnsafeMutableRawPointer(pointers[l]).assumingMemoryBound(to: M.self)
            to.pointee = M(truncatingIfNeeded: d[l])
        }
    case .refused: break
    }
}

/// 16 lanes, contiguous or all to the same place.
@inline(__always)
private func storeHalf<M, T>(
    _ d: UnsafeMutablePointer<SIMD8<T>>,
    _ base: UnsafeMutableRawPointer,
    _ isContiguous: Bool,
    _: M.Type
)
where M: FixedWidthInteger & SIMDScalar, T: FixedWidthInteger & SIMDScalar {
    if isContiguous {
        let offset = 8 &* MemoryLayout<M>.size
        base.storeBytes(of: SIMD8<M>(truncatingIfNeeded: d[0]), as: SIMD8<M>.self)
        base.storeBytes(
            of: SIMD8<M>(truncatingIfNeeded: d[1]),
            toByteOffset: offset,
            as: SIMD8<M>.self
        )
    } else {
        base.storeBytes(of: M(truncatingIfNeeded: d[1][7]), as: M.self)
    }
}

@inline(never)
private func storeVector<M, T>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _: M.Type,
    _: T.Type
)
where M: FixedWidthInteger & SIMDScalar, T: FixedWidthInteger & SIMDScalar {
    let count = Int(i.pointee.count)
    let size = MemoryLayout<M>.size
    switch shapeAny(r, i, m, context, size &* count, true) {
    case .contiguous(let base):
        let to = base.assumingMemoryBound(to: M.self)
        for n in 0..<count {
            let d = lanes(r, element(i, n), T.self)
            for l in 0..<32 { to[l &* count &+ n] = M(truncatingIfNeeded: d[l]) }
        }
    case .broadcast(let base):
        let to = base.assumingMemoryBound(to: M.self)
        for n in 0..<count {
            to[n] = M(truncatingIfNeeded: lanes(r, element(i, n), T.self)[31])
        }
    case .halves(let low, let high, let flags):
        for n in 0..<count {
            let d = lanes(r, element(i, n), T.self)
            for l in 0..<32 {
                let isLow = l < 16
                let base = (isLow ? low : high).assumingMemoryBound(to: M.self)
                let isContiguous = flags & (isLow ? 1 : 2) != 0
                let k = isContiguous ? (l & 15) &* count : 0
                base[k &+ n] = M(truncatingIfNeeded: d[l])
            }
        }
    case .scattered:
        let pointers = context.pointee.pointers
        for n in 0..<count {
            let d = lanes(r, element(i, n), T.self)
            eachLane(m) { l in
                let to = UnsafeMutableRawPointer(pointers[l]).assumingMemoryBound(to: M.self)
                to[n] = M(truncatingIfNeeded: d[l])
            }
        }
    case .refused: break
    }
}

@inline(__always)
private func splat<M, T>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _: M.Type,
    _: T.Type
)
where M: FixedWidthInteger & SIMDScalar, T: FixedWidthInteger & SIMDScalar {
    let from = context.pointee.parameters + Int(truncatingIfNeeded: i.pointee.immediate)
    let size = MemoryLayout<M>.size
    for n in 0..<Int(i.pointee.count) {
        let value = UnsafeRawPointer(from + n &* size).loadUnaligned(as: M.self)
        let v = SIMD8<T>(repeating: T(truncatingIfNeeded: value))
        put(r, element(i, n), m) { _ in v }
    }
}

@inline(__always)
private func argumentLanes<M, T>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _: M.Type,
    _: T.Type
)
where M: FixedWidthInteger, T: FixedWidthInteger {
    let from = UnsafeRawPointer(r) + Int(i.pointee.a) + Int(truncatingIfNeeded: i.pointee.immediate)
    let stride = Int(i.pointee.aux)
    for n in 0..<Int(i.pointee.count) {
        let d = lanes(r, element(i, n), T.self)
        let start = from + n &* MemoryLayout<M>.size
        eachLane(m) { l in
            d[l] = T(truncatingIfNeeded: (start + l &* stride).loadUnaligned(as: M.self))
        }
    }
}

@inline(__always)
private func putArgumentLanes<M, T>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _: M.Type,
    _: T.Type
)
where M: FixedWidthInteger, T: FixedWidthInteger {
    let to = r + Int(i.pointee.a) + Int(truncatingIfNeeded: i.pointee.immediate)
    let stride = Int(i.pointee.aux)
    for n in 0..<Int(i.pointee.count) {
        let d = lanes(r, element(i, n), T.self)
        let start = to + n &* MemoryLayout<M>.size
        eachLane(m) { l in
            (start + l &* stride).storeBytes(of: M(truncatingIfNeeded: d[l]), as: M.self)
        }
    }
}

@inline(never)
private func copyBytes(_ r: Registers, _ i: Instruction, _ m: UInt32, _ context: Context) {
    let bytes = Int(i.pointee.aux)
    let size = UInt64(truncatingIfNeeded: bytes)
    guard let from = AddressMode(rawValue: i.pointee.mode),
        let to = AddressMode(rawValue: i.pointee.count)
    else { return }
    eachLane(m) { lane in
        var wanted = bytes
        if i.pointee.c >= 0 {
            wanted = min(bytes, Int(lanes(r, i.pointee.c, UInt32.self)[lane]))
        }
        let destination = laneAddress(r, i.pointee.b, Int64(i.pointee.h), to, lane)
        guard
            let target = hostAddress(context, i, to, destination, lane, size, size, true)
        else { return }
        if wanted > 0 {
            let address = laneAddress(r, i, from, lane)
            let n = UInt64(truncatingIfNeeded: wanted)
            guard let source = hostAddress(context, i, from, address, lane, n, size, false) else {
                return
            }
            target.copyMemory(from: source, byteCount: wanted)
        }
        for k in wanted..<bytes { (target + k).storeBytes(of: 0, as: UInt8.self) }
    }
}
