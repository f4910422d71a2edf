/// The order in which one host thread executes the blocks and warps of a launch, drawn from a seed:
/// another seed shows what a kernel takes for granted of the order, the same one shows it again.
///
/// Numbers are those of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
/// generators, 2014).
struct Schedule {
    private var state: UInt64

    /// The schedule of a launch of the machine.
    init(seed: UInt64, launch: UInt32) {
        state = seed ^ UInt64(launch) << 32
    }

    /// A number from 0 to `bound` - 1; `bound` is at least 1.
    mutating func next(below bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        return Int(mixed.multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// An order of the blocks of a grid.
    mutating func order(_ count: Int) -> BlockOrder {
        var step = 1 + next(below: count)
        while Self.divisor(step, count) != 1 { step = step % count + 1 }
        return BlockOrder(
            count: UInt64(count),
            first: UInt64(next(below: count)),
            step: UInt64(step)
        )
    }

    private static func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
}

/// All numbers below a count, each once: a step on from the one before, round and round.
struct BlockOrder {
    fileprivate let count: UInt64
    fileprivate let first: UInt64
    /// Has no divisor in common with the count.
    fileprivate let step: UInt64

    /// The block that comes at a place, both from 0.
    subscript(place: UInt64) -> Int {
        let way = count.dividingFullWidth((place % count).multipliedFullWidth(by: step % count))
        return Int((way.remainder &+ first) % count)
    }
}
