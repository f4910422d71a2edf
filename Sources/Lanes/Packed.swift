import CLanes

/// Integers packed in 32 bits, and dot products of bytes.
package enum PackedOps {
    /// Two 16-bit sums.
    package static func add(_ type: LaneType) -> Handler {
        { r, i, m, _ in
            each2(r, i, m) { (a: UInt32, b: UInt32) -> UInt32 in
                ((a &+ b) & 0xffff) | ((a & 0xffff_0000) &+ (b & 0xffff_0000))
            }
        }
    }

    /// The least or greatest of each 16-bit pair.
    package static func extreme(_ type: LaneType, maximum: Bool) -> Handler {
        switch (type.isSigned, maximum) {
        case (true, true): { r, i, m, _ in halves(r, i, m, Int16.self) { max($0, $1) } }
        case (true, false): { r, i, m, _ in halves(r, i, m, Int16.self) { min($0, $1) } }
        case (false, true): { r, i, m, _ in halves(r, i, m, UInt16.self) { max($0, $1) } }
        case (false, false): { r, i, m, _ in halves(r, i, m, UInt16.self) { min($0, $1) } }
        }
    }

    /// `dp4a`: c plus four products of bytes. `mode` bits 0, 1: a, b are signed.
    package static func dot4() -> Handler {
        { r, i, m, _ in
            let mode = i.pointee.mode
            each3(r, i, m) { (a: UInt32, b: UInt32, c: UInt32) -> UInt32 in
                var sum = c
                for k in UInt32(0)..<4 {
                    let x = byte(a >> (8 &* k), mode & 1 != 0)
                    let y = byte(b >> (8 &* k), mode & 2 != 0)
                    sum = sum &+ UInt32(bitPattern: x &* y)
                }
                return sum
            }
        }
    }

    /// `dp2a`: c plus two products of a's half words with bytes of b; bit 2: the upper two.
    package static func dot2() -> Handler {
        { r, i, m, _ in
            let mode = i.pointee.mode
            each3(r, i, m) { (a: UInt32, b: UInt32, c: UInt32) -> UInt32 in
                var sum = c
                let bytes = mode & 4 != 0 ? b >> 16 : b
                for k in UInt32(0)..<2 {
                    let x = half(a >> (16 &* k), mode & 1 != 0)
                    let y = byte(bytes >> (8 &* k), mode & 2 != 0)
                    sum = sum &+ UInt32(bitPattern: x &* y)
                }
                return sum
            }
        }
    }
}

@inline(__always)
private func byte(_ x: UInt32, _ isSigned: Bool) -> Int32 {
    isSigned ? Int32(Int8(truncatingIfNeeded: x)) : Int32(x & 255)
}

@inline(__always)
private func half(_ x: UInt32, _ isSigned: Bool) -> Int32 {
    isSigned ? Int32(Int16(truncatingIfNeeded: x)) : Int32(x & 0xffff)
}

@inline(__always)
private func halves<T: FixedWidthInteger>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _: T.Type,
    _ f: (T, T) -> T
) {
    each2(r, i, m) { (a: UInt32, b: UInt32) -> UInt32 in
        let low = f(T(truncatingIfNeeded: a), T(truncatingIfNeeded: b))
        let high = f(T(truncatingIfNeeded: a >> 16), T(truncatingIfNeeded: b >> 16))
        return UInt32(truncatingIfNeeded: low) & 0xffff | UInt32(truncatingIfNeeded: high) << 16
    }
}
