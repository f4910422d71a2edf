import CLanes

/// Video instructions on 4 bytes, 2 half words or one word: `LaneInstruction.mode` bit 0 is signed,
/// bit 1 adds all results to c, bits 4…6 say the width (8, 16, 32).
package enum VideoOps {
    /// What is done with each pair.
    package enum Operation: Sendable {
        case add, subtract, average, difference, minimum, maximum
    }

    /// The handler of an operation.
    package static func handler(_ operation: Operation) -> Handler {
        switch operation {
        case .add: { r, i, m, _ in each(r, i, m) { $0 &+ $1 } }
        case .subtract: { r, i, m, _ in each(r, i, m) { $0 &- $1 } }
        case .average: { r, i, m, _ in each(r, i, m, average) }
        case .difference: { r, i, m, _ in each(r, i, m) { $0 < $1 ? $1 &- $0 : $0 &- $1 } }
        case .minimum: { r, i, m, _ in each(r, i, m) { min($0, $1) } }
        case .maximum: { r, i, m, _ in each(r, i, m) { max($0, $1) } }
        }
    }
}

/// Rounded away from zero.
@inline(__always)
private func average(_ a: Int64, _ b: Int64) -> Int64 {
    let sum = a &+ b
    return sum >= 0 ? (sum &+ 1) / 2 : (sum &- 1) / 2
}

@inline(__always)
private func each(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ f: (Int64, Int64) -> Int64
) {
    let mode = i.pointee.mode
    let bits: UInt32 = mode & 0x10 != 0 ? 8 : mode & 0x20 != 0 ? 16 : 32
    let isSigned = mode & 1 != 0
    let ones: UInt64 = (1 << UInt64(bits)) &- 1
    func part(_ x: UInt32, _ k: UInt32) -> Int64 {
        let raw = UInt64(x >> (k &* bits)) & ones
        let shift = Int64(64 &- Int64(bits))
        return isSigned ? (Int64(bitPattern: raw) << shift) >> shift : Int64(bitPattern: raw)
    }
    each3(r, i, m) { (a: UInt32, b: UInt32, c: UInt32) -> UInt32 in
        var packed: UInt64 = 0
        var sum = Int64(c)
        for k in UInt32(0)..<(32 / bits) {
            let value = f(part(a, k), part(b, k))
            sum = sum &+ value
            packed |= (UInt64(bitPattern: value) & ones) << UInt64(k &* bits)
        }
        return mode & 2 != 0
            ? UInt32(truncatingIfNeeded: sum) : UInt32(truncatingIfNeeded: packed)
    }
}
