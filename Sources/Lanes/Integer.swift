import CLanes

/// Integer arithmetic and logic, wrapping as PTX does.
package enum IntegerOps {
    /// d = a + b
    package static func add(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 16: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt16>, b) in a &+ b } }
        case 32: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt32>, b) in a &+ b } }
        case 64: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt64>, b) in a &+ b } }
        default: return nil
        }
    }

    /// d = a − b
    package static func subtract(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 16: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt16>, b) in a &- b } }
        case 32: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt32>, b) in a &- b } }
        case 64: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt64>, b) in a &- b } }
        default: return nil
        }
    }

    /// `add.sat.s32`, `sub.sat.s32`
    package static func addSaturating() -> Handler {
        { r, i, m, _ in
            each2(r, i, m) { (a: Int32, b: Int32) -> Int32 in
                Int32(clamping: Int64(a) &+ Int64(b))
            }
        }
    }

    /// `sub.sat.s32`
    package static func subtractSaturating() -> Handler {
        { r, i, m, _ in
            each2(r, i, m) { (a: Int32, b: Int32) -> Int32 in
                Int32(clamping: Int64(a) &- Int64(b))
            }
        }
    }

    /// The low half of a · b.
    package static func multiplyLow(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 16: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt16>, b) in a &* b } }
        case 32: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt32>, b) in a &* b } }
        case 64: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt64>, b) in a &* b } }
        default: return nil
        }
    }

    /// The high half of a · b.
    package static func multiplyHigh(_ type: LaneType) -> Handler? {
        switch type {
        case .u16: return { r, i, m, _ in each2(r, i, m) { (a: UInt16, b) in high(a, b) } }
        case .s16: return { r, i, m, _ in each2(r, i, m) { (a: Int16, b) in high(a, b) } }
        case .u32: return { r, i, m, _ in map2(r, i, m, lane_mulhi_u32) }
        case .s32: return { r, i, m, _ in map2(r, i, m, lane_mulhi_s32) }
        case .u64: return { r, i, m, _ in each2(r, i, m) { (a: UInt64, b) in high(a, b) } }
        case .s64: return { r, i, m, _ in each2(r, i, m) { (a: Int64, b) in high(a, b) } }
        default: return nil
        }
    }

    /// a · b in twice the bits.
    package static func multiplyWide(_ type: LaneType) -> Handler? {
        switch type {
        case .u16:
            return { r, i, m, _ in
                map2(r, i, m) { (a: SIMD8<UInt16>, b: SIMD8<UInt16>) -> SIMD8<UInt32> in
                    SIMD8<UInt32>(truncatingIfNeeded: a) &* SIMD8<UInt32>(truncatingIfNeeded: b)
                }
            }
        case .s16:
            return { r, i, m, _ in
                map2(r, i, m) { (a: SIMD8<Int16>, b: SIMD8<Int16>) -> SIMD8<Int32> in
                    SIMD8<Int32>(truncatingIfNeeded: a) &* SIMD8<Int32>(truncatingIfNeeded: b)
                }
            }
        case .u32:
            return { r, i, m, _ in
                map2(r, i, m) { lane_widen_u32($0) &* lane_widen_u32($1) }
            }
        case .s32:
            return { r, i, m, _ in
                map2(r, i, m) { lane_widen_s32($0) &* lane_widen_s32($1) }
            }
        default: return nil
        }
    }

    /// The low half of a · b, plus c.
    package static func multiplyAddLow(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 16:
            return { r, i, m, _ in map3(r, i, m) { (a: SIMD8<UInt16>, b, c) in a &* b &+ c } }
        case 32:
            return { r, i, m, _ in map3(r, i, m) { (a: SIMD8<UInt32>, b, c) in a &* b &+ c } }
        case 64:
            return { r, i, m, _ in map3(r, i, m) { (a: SIMD8<UInt64>, b, c) in a &* b &+ c } }
        default: return nil
        }
    }

    /// The high half of a · b, plus c.
    package static func multiplyAddHigh(_ type: LaneType) -> Handler? {
        switch type {
        case .u16:
            return { r, i, m, _ in each3(r, i, m) { (a: UInt16, b, c) in high(a, b) &+ c } }
        case .s16:
            return { r, i, m, _ in each3(r, i, m) { (a: Int16, b, c) in high(a, b) &+ c } }
        case .u32: return { r, i, m, _ in map3(r, i, m) { lane_mulhi_u32($0, $1) &+ $2 } }
        case .s32: return { r, i, m, _ in map3(r, i, m) { lane_mulhi_s32($0, $1) &+ $2 } }
        case .u64:
            return { r, i, m, _ in each3(r, i, m) { (a: UInt64, b, c) in high(a, b) &+ c } }
        case .s64:
            return { r, i, m, _ in each3(r, i, m) { (a: Int64, b, c) in high(a, b) &+ c } }
        default: return nil
        }
    }

    /// `mad.hi.sat.s32`
    package static func multiplyAddHighSaturating() -> Handler {
        { r, i, m, _ in
            each3(r, i, m) { (a: Int32, b: Int32, c: Int32) -> Int32 in
                Int32(clamping: Int64(high(a, b)) &+ Int64(c))
            }
        }
    }

    /// a · b in twice the bits, plus c of that width.
    package static func multiplyAddWide(_ type: LaneType) -> Handler? {
        switch type {
        case .u16:
            return { r, i, m, _ in
                each3(r, i, m) { (a: UInt16, b: UInt16, c: UInt32) in
                    UInt32(a) &* UInt32(b) &+ c
                }
            }
        case .s16:
            return { r, i, m, _ in
                each3(r, i, m) { (a: Int16, b: Int16, c: Int32) in Int32(a) &* Int32(b) &+ c }
            }
        case .u32:
            return { r, i, m, _ in
                map3(r, i, m) { lane_widen_u32($0) &* lane_widen_u32($1) &+ $2 }
            }
        case .s32:
            return { r, i, m, _ in
                map3(r, i, m) { lane_widen_s32($0) &* lane_widen_s32($1) &+ $2 }
            }
        default: return nil
        }
    }

    /// `mul24`, `mad24`: the 48-bit product of the low 24 bits; `high` takes bits 47…16.
    package static func multiply24(_ type: LaneType, high: Bool) -> Handler? {
        switch (type, high) {
        case (.u32, false):
            return { r, i, m, _ in
                each2(r, i, m) { (a: UInt32, b) in (a & 0xff_ffff) &* (b & 0xff_ffff) }
            }
        case (.u32, true):
            return { r, i, m, _ in
                each2(r, i, m) { (a: UInt32, b: UInt32) -> UInt32 in
                    let product = UInt64(a & 0xff_ffff) &* UInt64(b & 0xff_ffff)
                    return UInt32(truncatingIfNeeded: product >> 16)
                }
            }
        case (.s32, false):
            return { r, i, m, _ in
                each2(r, i, m) { (a: Int32, b) in ((a << 8) >> 8) &* ((b << 8) >> 8) }
            }
        case (.s32, true):
            return { r, i, m, _ in
                each2(r, i, m) { (a: Int32, b: Int32) -> Int32 in
                    let product = Int64((a << 8) >> 8) &* Int64((b << 8) >> 8)
                    return Int32(truncatingIfNeeded: product >> 16)
                }
            }
        default: return nil
        }
    }

    /// a / b, towards zero; by zero all ones, and the least number by −1 is itself.
    package static func divide(_ type: LaneType) -> Handler? {
        switch type {
        case .u16:
            return { r, i, m, _ in each2(r, i, m) { (a: UInt16, b) in b == 0 ? .max : a / b } }
        case .s16:
            return { r, i, m, _ in
                each2(r, i, m) { (a: Int16, b) in b == 0 ? -1 : b == -1 ? 0 &- a : a / b }
            }
        case .u32: return { r, i, m, _ in map2(r, i, m, lane_div_u32) }
        case .s32: return { r, i, m, _ in map2(r, i, m, lane_div_s32) }
        case .u64:
            return { r, i, m, _ in each2(r, i, m) { (a: UInt64, b) in b == 0 ? .max : a / b } }
        case .s64:
            return { r, i, m, _ in
                each2(r, i, m) { (a: Int64, b) in b == 0 ? -1 : b == -1 ? 0 &- a : a / b }
            }
        default: return nil
        }
    }

    /// The remainder, with the sign of a; by zero all ones.
    package static func remainder(_ type: LaneType) -> Handler? {
        switch type {
        case .u16:
            return { r, i, m, _ in each2(r, i, m) { (a: UInt16, b) in b == 0 ? .max : a % b } }
        case .s16:
            return { r, i, m, _ in
                each2(r, i, m) { (a: Int16, b) in b == 0 ? -1 : b == -1 ? 0 : a % b }
            }
        case .u32: return { r, i, m, _ in map2(r, i, m, lane_rem_u32) }
        case .s32: return { r, i, m, _ in map2(r, i, m, lane_rem_s32) }
        case .u64:
            return { r, i, m, _ in each2(r, i, m) { (a: UInt64, b) in b == 0 ? .max : a % b } }
        case .s64:
            return { r, i, m, _ in
                each2(r, i, m) { (a: Int64, b) in b == 0 ? -1 : b == -1 ? 0 : a % b }
            }
        default: return nil
        }
    }

    /// |a|, of the least number itself.
    package static func absolute(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 16:
            return { r, i, m, _ in each1(r, i, m) { (a: Int16) in a < 0 ? 0 &- a : a } }
        case 32:
            return { r, i, m, _ in
                map1(r, i, m) { (a: SIMD8<Int32>) -> SIMD8<Int32> in
                    let sign = a &>> SIMD8(repeating: 31)
                    return (a ^ sign) &- sign
                }
            }
        case 64:
            return { r, i, m, _ in each1(r, i, m) { (a: Int64) in a < 0 ? 0 &- a : a } }
        default: return nil
        }
    }

    /// −a
    package static func negate(_ type: LaneType) -> Handler? {
        switch type.bits {
        case 16: return { r, i, m, _ in map1(r, i, m) { SIMD8<UInt16>(repeating: 0) &- $0 } }
        case 32: return { r, i, m, _ in map1(r, i, m) { SIMD8<UInt32>(repeating: 0) &- $0 } }
        case 64: return { r, i, m, _ in map1(r, i, m) { SIMD8<UInt64>(repeating: 0) &- $0 } }
        default: return nil
        }
    }

    /// The least of a and b; with `relu` the negative ones become 0.
    package static func minimum(_ type: LaneType, relu: Bool = false) -> Handler? {
        switch type {
        case .u16: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt16>, b) in least(a, b) } }
        case .s16: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<Int16>, b) in least(a, b) } }
        case .u32: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt32>, b) in least(a, b) } }
        case .s32 where relu:
            return { r, i, m, _ in each2(r, i, m) { (a: Int32, b) in max(0, min(a, b)) } }
        case .s32: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<Int32>, b) in least(a, b) } }
        case .u64: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt64>, b) in least(a, b) } }
        case .s64: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<Int64>, b) in least(a, b) } }
        default: return nil
        }
    }

    /// The greatest of a and b; with `relu` the negative ones become 0.
    package static func maximum(_ type: LaneType, relu: Bool = false) -> Handler? {
        switch type {
        case .u16: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt16>, b) in most(a, b) } }
        case .s16: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<Int16>, b) in most(a, b) } }
        case .u32: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt32>, b) in most(a, b) } }
        case .s32 where relu:
            return { r, i, m, _ in each2(r, i, m) { (a: Int32, b) in max(0, max(a, b)) } }
        case .s32: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<Int32>, b) in most(a, b) } }
        case .u64: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<UInt64>, b) in most(a, b) } }
        case .s64: return { r, i, m, _ in map2(r, i, m) { (a: SIMD8<Int64>, b) in most(a, b) } }
        default: return nil
        }
    }

    /// |a − b| + c
    package static func sumOfDifference(_ type: LaneType) -> Handler? {
        switch type {
        case .u16: return { r, i, m, _ in each3(r, i, m) { (a: UInt16, b, c) in sad(a, b, c) } }
        case .s16: return { r, i, m, _ in each3(r, i, m) { (a: Int16, b, c) in sad(a, b, c) } }
        case .u32: return { r, i, m, _ in each3(r, i, m) { (a: UInt32, b, c) in sad(a, b, c) } }
        case .s32: return { r, i, m, _ in each3(r, i, m) { (a: Int32, b, c) in sad(a, b, c) } }
        case .u64: return { r, i, m, _ in each3(r, i, m) { (a: UInt64, b, c) in sad(a, b, c) } }
        case .s64: return { r, i, m, _ in each3(r, i, m) { (a: Int64, b, c) in sad(a, b, c) } }
        default: return nil
        }
    }
}

@inline(__always)
func high<T: FixedWidthInteger>(_ a: T, _ b: T) -> T { a.multipliedFullWidth(by: b).high }

@inline(__always)
func sad<T: FixedWidthInteger>(_ a: T, _ b: T, _ c: T) -> T {
    c &+ (a < b ? b &- a : a &- b)
}

@inline(__always)
func least<T: FixedWidthInteger & SIMDScalar>(_ a: SIMD8<T>, _ b: SIMD8<T>) -> SIMD8<T> {
    a.replacing(with: b, where: b .< a)
}

@inline(__always)
func most<T: FixedWidthInteger & SIMDScalar>(_ a: SIMD8<T>, _ b: SIMD8<T>) -> SIMD8<T> {
    a.replacing(with: b, where: a .< b)
}
