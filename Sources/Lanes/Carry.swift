import CLanes

/// Arithmetic with the carry bit, which is the predicate e.
///
/// `LaneInstruction.mode` bit 0 adds (or subtracts) the carry, bit 1 writes it.
package enum CarryOps {
    /// What is computed.
    package enum Operation: Sendable {
        case add, subtract, multiplyLow, multiplyHigh
    }

    /// The handler of an operation on 32- or 64-bit integers.
    package static func handler(_ operation: Operation, _ type: LaneType) -> Handler? {
        switch (operation, type.bits) {
        case (.add, 32):
            return { r, i, m, _ in carried(r, i, m, UInt32.self) { a, b, _ in (a, b) } }
        case (.add, 64):
            return { r, i, m, _ in carried(r, i, m, UInt64.self) { a, b, _ in (a, b) } }
        case (.subtract, 32): return { r, i, m, _ in borrowed(r, i, m, UInt32.self) }
        case (.subtract, 64): return { r, i, m, _ in borrowed(r, i, m, UInt64.self) }
        case (.multiplyLow, 32):
            return { r, i, m, _ in carried(r, i, m, UInt32.self) { a, b, c in (a &* b, c) } }
        case (.multiplyLow, 64):
            return { r, i, m, _ in carried(r, i, m, UInt64.self) { a, b, c in (a &* b, c) } }
        case (.multiplyHigh, 32) where type.isSigned:
            return { r, i, m, _ in
                carried(r, i, m, UInt32.self) { a, b, c in
                    (UInt32(bitPattern: high(Int32(bitPattern: a), Int32(bitPattern: b))), c)
                }
            }
        case (.multiplyHigh, 64) where type.isSigned:
            return { r, i, m, _ in
                carried(r, i, m, UInt64.self) { a, b, c in
                    (UInt64(bitPattern: high(Int64(bitPattern: a), Int64(bitPattern: b))), c)
                }
            }
        case (.multiplyHigh, 32):
            return { r, i, m, _ in carried(r, i, m, UInt32.self) { a, b, c in (high(a, b), c) } }
        case (.multiplyHigh, 64):
            return { r, i, m, _ in carried(r, i, m, UInt64.self) { a, b, c in (high(a, b), c) } }
        default: return nil
        }
    }
}

/// The sum of what `f` makes of a, b and c, and the carry.
@inline(__always)
private func carried<T: FixedWidthInteger & UnsignedInteger>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _: T.Type,
    _ f: (T, T, T) -> (T, T)
) {
    let a = lanes(r, i.pointee.a, T.self)
    let b = lanes(r, i.pointee.b, T.self)
    let c = i.pointee.c >= 0 ? lanes(r, i.pointee.c, T.self) : b
    let d = lanes(r, i.pointee.d, T.self)
    let old = i.pointee.mode & 1 != 0 ? predicate(r, i.pointee.e) : 0
    var new: UInt32 = 0
    eachLane(m) { l in
        let (x, y) = f(a[l], b[l], c[l])
        let first = x.addingReportingOverflow(y)
        let carry: T = (old >> UInt32(l)) & 1 != 0 ? 1 : 0
        let second = first.partialValue.addingReportingOverflow(carry)
        d[l] = second.partialValue
        if first.overflow || second.overflow { new |= 1 << UInt32(l) }
    }
    if i.pointee.mode & 2 != 0 { putPredicate(r, i.pointee.e, m, new) }
}

/// a − b − carry; the carry is the borrow.
@inline(__always)
private func borrowed<T: FixedWidthInteger & UnsignedInteger>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _: T.Type
) {
    let a = lanes(r, i.pointee.a, T.self)
    let b = lanes(r, i.pointee.b, T.self)
    let d = lanes(r, i.pointee.d, T.self)
    let old = i.pointee.mode & 1 != 0 ? predicate(r, i.pointee.e) : 0
    var new: UInt32 = 0
    eachLane(m) { l in
        let first = a[l].subtractingReportingOverflow(b[l])
        let borrow: T = (old >> UInt32(l)) & 1 != 0 ? 1 : 0
        let second = first.partialValue.subtractingReportingOverflow(borrow)
        d[l] = second.partialValue
        if first.overflow || second.overflow { new |= 1 << UInt32(l) }
    }
    if i.pointee.mode & 2 != 0 { putPredicate(r, i.pointee.e, m, new) }
}
