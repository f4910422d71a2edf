import CLanes

/// Copies, selections, packing, and integers of one width from another.
package enum MoveOps {
    /// d = a
    package static func copy(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 1:
            return { r, i, m, _ in putPredicate(r, i.pointee.d, m, predicate(r, i.pointee.a)) }
        case 16: return { r, i, m, _ in map1(r, i, m) { (a: SIMD8<UInt16>) in a } }
        case 32: return { r, i, m, _ in map1(r, i, m) { (a: SIMD8<UInt32>) in a } }
        case 64: return { r, i, m, _ in map1(r, i, m) { (a: SIMD8<UInt64>) in a } }
        default: return nil
        }
    }

    /// Predicate d = `immediate` in every lane (all ones or zero).
    package static func setPredicate() -> Handler {
        { r, i, m, _ in
            putPredicate(r, i.pointee.d, m, UInt32(truncatingIfNeeded: i.pointee.immediate))
        }
    }

    /// d = c ? a : b, with the predicate c, negated when `mode` is 1.
    package static func select(_ bits: Int) -> Handler? {
        switch bits {
        case 16: return { r, i, m, _ in choose(r, i, m, UInt16.self) }
        case 32: return { r, i, m, _ in choose(r, i, m, UInt32.self) }
        case 64: return { r, i, m, _ in choose(r, i, m, UInt64.self) }
        default: return nil
        }
    }

    /// d = the integer in the low `immediate` bits of a, sign- or zero-extended, truncated to d.
    package static func convert(from: Int, to: Int, signed: Bool) -> Handler? {
        switch (from, to, signed) {
        case (16, 16, false): return { r, i, m, _ in extend(r, i, m, UInt16.self, UInt16.self) }
        case (16, 32, false): return { r, i, m, _ in extend(r, i, m, UInt16.self, UInt32.self) }
        case (16, 64, false): return { r, i, m, _ in extend(r, i, m, UInt16.self, UInt64.self) }
        case (32, 16, false): return { r, i, m, _ in extend(r, i, m, UInt32.self, UInt16.self) }
        case (32, 32, false): return { r, i, m, _ in extend(r, i, m, UInt32.self, UInt32.self) }
        case (32, 64, false): return { r, i, m, _ in extend(r, i, m, UInt32.self, UInt64.self) }
        case (64, 16, false): return { r, i, m, _ in extend(r, i, m, UInt64.self, UInt16.self) }
        case (64, 32, false): return { r, i, m, _ in extend(r, i, m, UInt64.self, UInt32.self) }
        case (64, 64, false): return { r, i, m, _ in extend(r, i, m, UInt64.self, UInt64.self) }
        case (16, 16, true): return { r, i, m, _ in extend(r, i, m, Int16.self, Int16.self) }
        case (16, 32, true): return { r, i, m, _ in extend(r, i, m, Int16.self, Int32.self) }
        case (16, 64, true): return { r, i, m, _ in extend(r, i, m, Int16.self, Int64.self) }
        case (32, 16, true): return { r, i, m, _ in extend(r, i, m, Int32.self, Int16.self) }
        case (32, 32, true): return { r, i, m, _ in extend(r, i, m, Int32.self, Int32.self) }
        case (32, 64, true): return { r, i, m, _ in extend(r, i, m, Int32.self, Int64.self) }
        case (64, 16, true): return { r, i, m, _ in extend(r, i, m, Int64.self, Int16.self) }
        case (64, 32, true): return { r, i, m, _ in extend(r, i, m, Int64.self, Int32.self) }
        case (64, 64, true): return { r, i, m, _ in extend(r, i, m, Int64.self, Int64.self) }
        default: return nil
        }
    }

    /// d = a, b side by side, a low.
    package static func pack(_ bits: Int) -> Handler? {
        switch bits {
        case 16:
            return { r, i, m, _ in
                each2(r, i, m) { (a: UInt16, b: UInt16) in (a & 255) | (b << 8) }
            }
        case 32:
            return { r, i, m, _ in
                map2(r, i, m) { (a: SIMD8<UInt16>, b: SIMD8<UInt16>) -> SIMD8<UInt32> in
                    SIMD8<UInt32>(truncatingIfNeeded: a)
                        | (SIMD8<UInt32>(truncatingIfNeeded: b) &<< SIMD8(repeating: 16))
                }
            }
        case 64:
            return { r, i, m, _ in
                map2(r, i, m) { (a: SIMD8<UInt32>, b: SIMD8<UInt32>) -> SIMD8<UInt64> in
                    lane_widen_u32(a) | (lane_widen_u32(b) &<< SIMD8(repeating: 32))
                }
            }
        default: return nil
        }
    }

    /// d = the high half of a; the low half is `convert`.
    package static func upperHalf(_ bits: Int) -> Handler? {
        switch bits {
        case 16: return { r, i, m, _ in each1(r, i, m) { (a: UInt16) in a >> 8 } }
        case 32:
            return { r, i, m, _ in
                each1(r, i, m) { (a: UInt32) in UInt16(truncatingIfNeeded: a >> 16) }
            }
        case 64: return { r, i, m, _ in map1(r, i, m, lane_high_u64) }
        default: return nil
        }
    }

    /// d = b where a is not negative (NaN counts as negative), else c: `slct` with b, c as its
    /// operands.
    package static func signBitIsClear(_ type: LaneType) -> Handler? {
        switch type {
        case .s32:
            return { r, i, m, _ in
                let a = lanes(r, i.pointee.a, Int32.self)
                var bits: UInt32 = 0
                for l in 0..<32 where a[l] >= 0 { bits |= 1 << UInt32(l) }
                putPredicate(r, i.pointee.d, m, bits)
            }
        case .f32:
            return { r, i, m, _ in
                let a = lanes(r, i.pointee.a, Float.self)
                var bits: UInt32 = 0
                for l in 0..<32 where a[l] >= 0 { bits |= 1 << UInt32(l) }
                putPredicate(r, i.pointee.d, m, bits)
            }
        default: return nil
        }
    }
}

@inline(__always)
private func choose<T: SIMDScalar>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _: T.Type
) {
    let a = vectors(r, i.pointee.a, T.self)
    let b = vectors(r, i.pointee.b, T.self)
    let p = predicate(r, i.pointee.c) ^ (0 &- UInt32(i.pointee.mode & 1))
    put(r, i.pointee.d, m) { blend(b[$0], a[$0], p, $0) }
}

@inline(__always)
private func extend<A: FixedWidthInteger & SIMDScalar, D: FixedWidthInteger & SIMDScalar>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _: A.Type,
    _: D.Type
) {
    let bits = Int(truncatingIfNeeded: i.pointee.immediate)
    if bits == A.bitWidth {
        map1(r, i, m) { (a: SIMD8<A>) -> SIMD8<D> in SIMD8<D>(truncatingIfNeeded: a) }
    } else {
        let shift = SIMD8<A>(repeating: A(truncatingIfNeeded: A.bitWidth &- bits))
        map1(r, i, m) { (a: SIMD8<A>) -> SIMD8<D> in
            SIMD8<D>(truncatingIfNeeded: (a &<< shift) &>> shift)
        }
    }
}
