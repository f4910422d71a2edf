import CLanes

/// Logic, shifts, bit fields and bytes.
package enum BitOps {
    /// d = a & b
    package static func and(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 1: return { r, i, m, _ in predicate2(r, i, m) { $0 & $1 } }
        case 16: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt16>, b) in a & b } }
        case 32: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt32>, b) in a & b } }
        case 64: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt64>, b) in a & b } }
        default: return nil
        }
    }

    /// d = a | b
    package static func or(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 1: return { r, i, m, _ in predicate2(r, i, m) { $0 | $1 } }
        case 16: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt16>, b) in a | b } }
        case 32: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt32>, b) in a | b } }
        case 64: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt64>, b) in a | b } }
        default: return nil
        }
    }

    /// d = a ^ b
    package static func xor(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 1: return { r, i, m, _ in predicate2(r, i, m) { $0 ^ $1 } }
        case 16: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt16>, b) in a ^ b } }
        case 32: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt32>, b) in a ^ b } }
        case 64: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt64>, b) in a ^ b } }
        default: return nil
        }
    }

    /// d = ~a
    package static func not(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 1:
            return { r, i, m, _ in putPredicate(r, i.pointee.d, m, ~predicate(r, i.pointee.a)) }
        case 16: return { r, i, m, _ in map1(r, i, m) { (a: SIMD8<UInt16>) in ~a } }
        case 32: return { r, i, m, _ in map1(r, i, m) { (a: SIMD8<UInt32>) in ~a } }
        case 64: return { r, i, m, _ in map1(r, i, m) { (a: SIMD8<UInt64>) in ~a } }
        default: return nil
        }
    }

    /// 1 where a is 0, else 0.
    package static func logicalNot(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 16: return { r, i, m, _ in each1(r, i, m) { (a: UInt16) in UInt16(a == 0 ? 1 : 0) } }
        case 32: return { r, i, m, _ in each1(r, i, m) { (a: UInt32) in UInt32(a == 0 ? 1 : 0) } }
        case 64: return { r, i, m, _ in each1(r, i, m) { (a: UInt64) in UInt64(a == 0 ? 1 : 0) } }
        default: return nil
        }
    }

    /// a << b, b 32 bits and clamped to the width.
    package static func shiftLeft(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 16: return { r, i, m, _ in map2(r, i, m, lane_shl16) }
        case 32: return { r, i, m, _ in map2(r, i, m, lane_shl32) }
        case 64: return { r, i, m, _ in map2(r, i, m, lane_shl64) }
        default: return nil
        }
    }

    /// a >> b, arithmetic when signed.
    package static func shiftRight(_ type: LaneType) -> Handler? {
        switch (type.bits, type.isSigned) {
        case (16, false): return { r, i, m, _ in map2(r, i, m, lane_shr16) }
        case (16, true): return { r, i, m, _ in map2(r, i, m, lane_sar16) }
        case (32, false): return { r, i, m, _ in map2(r, i, m, lane_shr32) }
        case (32, true): return { r, i, m, _ in map2(r, i, m, lane_sar32) }
        case (64, false): return { r, i, m, _ in map2(r, i, m, lane_shr64) }
        case (64, true): return { r, i, m, _ in map2(r, i, m, lane_sar64) }
        default: return nil
        }
    }

    /// `shf`: 32 bits of b:a shifted by c.
    package static func funnelShift(left: Bool, wrap: Bool) -> Handler {
        switch (left, wrap) {
        case (true, true):
            return { r, i, m, _ in
                each3(r, i, m) { (a: UInt32, b: UInt32, c: UInt32) -> UInt32 in
                    UInt32(truncatingIfNeeded: (pair(a, b) << UInt64(c & 31)) >> 32)
                }
            }
        case (true, false):
            return { r, i, m, _ in
                each3(r, i, m) { (a: UInt32, b: UInt32, c: UInt32) -> UInt32 in
                    UInt32(truncatingIfNeeded: (pair(a, b) << UInt64(min(c, 32))) >> 32)
                }
            }
        case (false, true):
            return { r, i, m, _ in
                each3(r, i, m) { (a: UInt32, b: UInt32, c: UInt32) -> UInt32 in
                    UInt32(truncatingIfNeeded: pair(a, b) >> UInt64(c & 31))
                }
            }
        case (false, false):
            return { r, i, m, _ in
                each3(r, i, m) { (a: UInt32, b: UInt32, c: UInt32) -> UInt32 in
                    UInt32(truncatingIfNeeded: pair(a, b) >> UInt64(min(c, 32)))
                }
            }
        }
    }

    /// `lop3`: the truth table is the low byte of `immediate`. Also writes the predicate e =
    /// (d != 0) BoolOp c-predicate f when `aux` is 1 (or) or 2 (and).
    package static func logic3() -> Handler {
        { r, i, m, _ in
            let table = UInt32(truncatingIfNeeded: i.pointee.immediate)
            map3(r, i, m) { (a: SIMD8<UInt32>, b: SIMD8<UInt32>, c: SIMD8<UInt32>) in
                var d = SIMD8<UInt32>(repeating: 0)
                for k in UInt32(0)..<8 where (table >> k) & 1 != 0 {
                    let x = k & 4 != 0 ? a : ~a
                    let y = k & 2 != 0 ? b : ~b
                    let z = k & 1 != 0 ? c : ~c
                    d |= x & y & z
                }
                return d
            }
        }
    }

    /// `bfe`: b is the position, c the length, of each the low byte.
    package static func extract(_ type: LaneType) -> Handler? {
        switch type {
        case .u32:
            return { r, i, m, _ in
                each3(r, i, m) { (a: UInt32, b: UInt32, c: UInt32) in
                    UInt32(truncatingIfNeeded: field(UInt64(a), b, c))
                }
            }
        case .s32:
            return { r, i, m, _ in
                each3(r, i, m) { (a: Int32, b: UInt32, c: UInt32) in
                    Int32(truncatingIfNeeded: signedField(Int64(a), b, c))
                }
            }
        case .u64:
            return { r, i, m, _ in
                each3(r, i, m) { (a: UInt64, b: UInt32, c: UInt32) in field(a, b, c) }
            }
        case .s64:
            return { r, i, m, _ in
                each3(r, i, m) { (a: Int64, b: UInt32, c: UInt32) in signedField(a, b, c) }
            }
        default: return nil
        }
    }

    /// `bfi`: a goes into b at position c, length e.
    package static func insert(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 32: return { r, i, m, _ in insertField(r, i, m, UInt32.self) }
        case 64: return { r, i, m, _ in insertField(r, i, m, UInt64.self) }
        default: return nil
        }
    }

    /// `bfind`: the highest bit that differs from the sign; all ones when none. With
    /// `shiftAmount`, how far to shift left to bring it to the top.
    package static func findHigh(_ type: LaneType, shiftAmount: Bool) -> Handler? {
        switch (type, shiftAmount) {
        case (.u32, false): return { r, i, m, _ in each1(r, i, m) { (a: UInt32) in top(a, 31) } }
        case (.s32, false):
            return { r, i, m, _ in
                each1(r, i, m) { (a: Int32) in top(UInt32(bitPattern: a ^ (a >> 31)), 31) }
            }
        case (.u64, false): return { r, i, m, _ in each1(r, i, m) { (a: UInt64) in top(a, 63) } }
        case (.s64, false):
            return { r, i, m, _ in
                each1(r, i, m) { (a: Int64) in top(UInt64(bitPattern: a ^ (a >> 63)), 63) }
            }
        case (.u32, true): return { r, i, m, _ in each1(r, i, m) { (a: UInt32) in toTop(a) } }
        case (.s32, true):
            return { r, i, m, _ in
                each1(r, i, m) { (a: Int32) in toTop(UInt32(bitPattern: a ^ (a >> 31))) }
            }
        case (.u64, true): return { r, i, m, _ in each1(r, i, m) { (a: UInt64) in toTop(a) } }
        case (.s64, true):
            return { r, i, m, _ in
                each1(r, i, m) { (a: Int64) in toTop(UInt64(bitPattern: a ^ (a >> 63))) }
            }
        default: return nil
        }
    }

    /// Leading zeros.
    package static func leadingZeros(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 32:
            return { r, i, m, _ in
                each1(r, i, m) { (a: UInt32) in UInt32(truncatingIfNeeded: a.leadingZeroBitCount) }
            }
        case 64:
            return { r, i, m, _ in
                each1(r, i, m) { (a: UInt64) in UInt32(truncatingIfNeeded: a.leadingZeroBitCount) }
            }
        default: return nil
        }
    }

    /// Set bits.
    package static func population(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 32:
            return { r, i, m, _ in
                each1(r, i, m) { (a: UInt32) in UInt32(truncatingIfNeeded: a.nonzeroBitCount) }
            }
        case 64:
            return { r, i, m, _ in
                each1(r, i, m) { (a: UInt64) in UInt32(truncatingIfNeeded: a.nonzeroBitCount) }
            }
        default: return nil
        }
    }

    /// The bits in opposite order.
    package static func reverse(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 32: return { r, i, m, _ in each1(r, i, m) { (a: UInt32) in reversed(a) } }
        case 64: return { r, i, m, _ in each1(r, i, m) { (a: UInt64) in reversed(a) } }
        default: return nil
        }
    }

    /// `bmsk`: b ones from position a.
    package static func mask(wrap: Bool) -> Handler {
        wrap
            ? { r, i, m, _ in
                each2(r, i, m) { (a: UInt32, b: UInt32) in
                    UInt32(truncatingIfNeeded: ((1 << UInt64(b & 31)) &- 1) << UInt64(a & 31))
                }
            }
            : { r, i, m, _ in
                each2(r, i, m) { (a: UInt32, b: UInt32) in
                    let ones: UInt64 = (1 << UInt64(min(b, 32))) &- 1
                    return a > 31 ? 0 : UInt32(truncatingIfNeeded: ones << UInt64(a))
                }
            }
    }

    /// `szext`: a's low b bits, extended.
    package static func extend(_ type: LaneType, wrap: Bool) -> Handler? {
        switch (type, wrap) {
        case (.u32, false):
            return { r, i, m, _ in
                each2(r, i, m) { (a: UInt32, b: UInt32) in b > 31 ? a : a & ((1 << b) &- 1) }
            }
        case (.u32, true):
            return { r, i, m, _ in
                each2(r, i, m) { (a: UInt32, b: UInt32) in a & ((1 << (b & 31)) &- 1) }
            }
        case (.s32, false):
            return { r, i, m, _ in each2(r, i, m) { (a: Int32, b: UInt32) in signed(a, b) } }
        case (.s32, true):
            return { r, i, m, _ in each2(r, i, m) { (a: Int32, b: UInt32) in signed(a, b & 31) } }
        default: return nil
        }
    }

    /// `prmt`; the mode is in `LaneInstruction.mode`: 0 general, 1 f4e, 2 b4e, 3 rc8, 4 ecl, 5 ecr,
    /// 6 rc16.
    package static func permute() -> Handler {
        { r, i, m, _ in
            let mode = i.pointee.mode
            each3(r, i, m) { (a: UInt32, b: UInt32, c: UInt32) -> UInt32 in
                permuted(pair(a, b), mode == 0 ? c : permuteSelector(mode, c & 3))
            }
        }
    }

    /// `fns`: the bit of a that is the c-th set one from b on (c < 0: downwards, 0: b itself).
    package static func findNth() -> Handler {
        { r, i, m, _ in
            each3(r, i, m) { (a: UInt32, b: UInt32, c: Int32) -> UInt32 in nthSet(a, b, c) }
        }
    }
}

@inline(__always)
private func predicate2(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ f: (UInt32, UInt32) -> UInt32
) {
    putPredicate(r, i.pointee.d, m, f(predicate(r, i.pointee.a), predicate(r, i.pointee.b)))
}

@inline(__always)
func pair(_ low: UInt32, _ high: UInt32) -> UInt64 { UInt64(high) << 32 | UInt64(low) }

@inline(__always)
private func field(_ a: UInt64, _ position: UInt32, _ length: UInt32) -> UInt64 {
    let p = position & 255
    let n = length & 255
    let shifted = p > 63 ? 0 : a >> UInt64(p)
    return n > 63 ? shifted : shifted & ((1 << UInt64(n)) &- 1)
}

@inline(__always)
private func signedField(_ a: Int64, _ position: UInt32, _ length: UInt32) -> Int64 {
    let p = Int64(min(position & 255, 63))
    let n = Int64(length & 255)
    let shifted = a >> p
    return n == 0 ? 0 : n > 63 ? shifted : (shifted << (64 &- n)) >> (64 &- n)
}

@inline(__always)
private func insertField<T: FixedWidthInteger>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _: T.Type
) {
    let a = lanes(r, i.pointee.a, T.self)
    let b = lanes(r, i.pointee.b, T.self)
    let c = lanes(r, i.pointee.c, UInt32.self)
    let e = lanes(r, i.pointee.e, UInt32.self)
    let d = lanes(r, i.pointee.d, T.self)
    let width = T(truncatingIfNeeded: T.bitWidth)
    eachLane(m) { l in
        let p = T(truncatingIfNeeded: c[l] & 255)
        let n = T(truncatingIfNeeded: e[l] & 255)
        let ones: T = n >= width ? ~0 : (1 &<< n) &- 1
        let mask: T = p >= width ? 0 : ones &<< p
        d[l] = (b[l] & ~mask) | ((p >= width ? 0 : a[l] &<< p) & mask)
    }
}

@inline(__always)
private func top<T: FixedWidthInteger>(_ a: T, _ last: Int) -> UInt32 {
    a == 0 ? .max : UInt32(truncatingIfNeeded: last &- a.leadingZeroBitCount)
}

@inline(__always)
private func toTop<T: FixedWidthInteger>(_ a: T) -> UInt32 {
    a == 0 ? .max : UInt32(truncatingIfNeeded: a.leadingZeroBitCount)
}

@inline(__always)
private func reversed<T: FixedWidthInteger & UnsignedInteger>(_ a: T) -> T {
    var rest = a
    var result: T = 0
    for _ in 0..<T.bitWidth {
        result = (result &<< 1) | (rest & 1)
        rest = rest &>> 1
    }
    return result
}

@inline(__always)
private func signed(_ a: Int32, _ bits: UInt32) -> Int32 {
    bits == 0 ? 0 : bits > 31 ? a : (a << (32 &- Int32(bits))) >> (32 &- Int32(bits))
}

@inline(__always)
private func permuteSelector(_ mode: UInt8, _ c: UInt32) -> UInt32 {
    let forms: UInt64
    switch mode {
    case 1: forms = 0x6543_5432_4321_3210
    case 2: forms = 0x0123_7012_6701_5670
    case 3: forms = 0x3333_2222_1111_0000
    case 4: forms = 0x3333_3222_3211_3210
    case 5: forms = 0x3210_2210_1110_0000
    default: forms = 0x3232_1010_3232_1010
    }
    return UInt32(truncatingIfNeeded: forms >> UInt64(16 &* c)) & 0xffff
}

@inline(__always)
private func permuted(_ bytes: UInt64, _ selector: UInt32) -> UInt32 {
    var result: UInt32 = 0
    for k in UInt32(0)..<4 {
        let s = selector >> (4 &* k)
        var byte = UInt32(truncatingIfNeeded: bytes >> UInt64(8 &* (s & 7))) & 255
        if s & 8 != 0 { byte = byte & 128 != 0 ? 255 : 0 }
        result |= byte << (8 &* k)
    }
    return result
}

private func nthSet(_ mask: UInt32, _ base: UInt32, _ offset: Int32) -> UInt32 {
    guard base < 32 else { return .max }
    if offset == 0 { return (mask >> base) & 1 != 0 ? base : .max }
    var position = Int32(base)
    var left = offset > 0 ? offset : 0 &- offset
    let step: Int32 = offset > 0 ? 1 : -1
    while position >= 0, position < 32 {
        if (mask >> UInt32(position)) & 1 != 0 {
            left &-= 1
            if left == 0 { return UInt32(position) }
        }
        position &+= step
    }
    return .max
}
