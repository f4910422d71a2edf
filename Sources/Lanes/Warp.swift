import CLanes

/// Exchange between the lanes of a warp. The lanes that take part are those of the running mask
/// that the member mask names: the register at `aux`, or `immediate` when `aux` is −1.
package enum WarpOps {
    /// How a shuffle finds its source.
    package enum Shuffle: UInt8, Sendable {
        case up, down, butterfly, index
    }

    /// d = a of lane f(b, c); the predicate e (if not negative) whether that lane is in range.
    package static func shuffle(_ kind: Shuffle) -> Handler {
        switch kind {
        case .up:
            { r, i, m, _ in shuffled(r, i, m) { l, b, _, _, most in (l &- b, l &- b >= most) } }
        case .down:
            { r, i, m, _ in shuffled(r, i, m) { l, b, _, _, most in (l &+ b, l &+ b <= most) } }
        case .butterfly:
            { r, i, m, _ in shuffled(r, i, m) { l, b, _, _, most in (l ^ b, l ^ b <= most) } }
        case .index:
            { r, i, m, _ in
                shuffled(r, i, m) { _, b, mask, least, most in
                    let j = least | (b & ~mask)
                    return (j, j <= most)
                }
            }
        }
    }

    /// What a vote asks; `mode` bit 0 negates the predicate a.
    package enum Vote: UInt8, Sendable {
        case all, any, uniform, ballot
    }

    /// `vote`: d is a predicate, of a ballot a register.
    package static func vote(_ kind: Vote) -> Handler {
        switch kind {
        case .all: { r, i, m, _ in voted(r, i, m) { yes, all in yes == all } }
        case .any: { r, i, m, _ in voted(r, i, m) { yes, _ in yes != 0 } }
        case .uniform: { r, i, m, _ in voted(r, i, m) { yes, all in yes == all || yes == 0 } }
        case .ballot:
            { r, i, m, _ in
                let p = predicate(r, i.pointee.a) ^ (0 &- UInt32(i.pointee.mode & 1))
                let d = lanes(r, i.pointee.d, UInt32.self)
                eachLane(m) { l in d[l] = p & m & members(r, i, l) }
            }
        }
    }

    /// `match.any`, `match.all`; of the latter e is the predicate.
    package static func match(_ type: LaneType, all: Bool) -> Handler? {
        switch (type.bits, all) {
        case (32, false): return { r, i, m, _ in matchAny(r, i, m, UInt32.self) }
        case (64, false): return { r, i, m, _ in matchAny(r, i, m, UInt64.self) }
        case (32, true): return { r, i, m, _ in matchAll(r, i, m, UInt32.self) }
        case (64, true): return { r, i, m, _ in matchAll(r, i, m, UInt64.self) }
        default: return nil
        }
    }

    /// How `redux` folds.
    package enum Reduction: UInt8, Sendable {
        case add, minimum, maximum, and, or, xor
    }

    /// `redux.sync`
    package static func reduce(_ kind: Reduction, _ type: LaneType) -> Handler? {
        switch (kind, type) {
        case (.add, _): return { r, i, m, _ in reduced(r, i, m) { $0 &+ $1 } }
        case (.and, _): return { r, i, m, _ in reduced(r, i, m) { $0 & $1 } }
        case (.or, _): return { r, i, m, _ in reduced(r, i, m) { $0 | $1 } }
        case (.xor, _): return { r, i, m, _ in reduced(r, i, m) { $0 ^ $1 } }
        case (.minimum, .u32): return { r, i, m, _ in reduced(r, i, m) { min($0, $1) } }
        case (.maximum, .u32): return { r, i, m, _ in reduced(r, i, m) { max($0, $1) } }
        case (.minimum, .s32):
            return { r, i, m, _ in
                reduced(r, i, m) { Int32(bitPattern: $0) < Int32(bitPattern: $1) ? $0 : $1 }
            }
        case (.maximum, .s32):
            return { r, i, m, _ in
                reduced(r, i, m) { Int32(bitPattern: $0) > Int32(bitPattern: $1) ? $0 : $1 }
            }
        default: return nil
        }
    }

    /// d = the mask of the lanes that run together.
    package static func activeMask() -> Handler {
        { r, i, m, _ in
            let d = lanes(r, i.pointee.d, UInt32.self)
            eachLane(m) { d[$0] = m }
        }
    }

    /// `elect.sync`: d = the lowest lane of the mask, predicate e set in that lane.
    package static func elect() -> Handler {
        { r, i, m, _ in
            let d = lanes(r, i.pointee.d, UInt32.self)
            var leaders: UInt32 = 0
            eachLane(m) { l in
                let leader = (members(r, i, l) & m).trailingZeroBitCount
                d[l] = UInt32(truncatingIfNeeded: leader)
                if leader == l { leaders |= 1 << UInt32(l) }
            }
            if i.pointee.e >= 0 { putPredicate(r, i.pointee.e, m, leaders) }
        }
    }
}

/// The member mask that a lane gives.
@inline(__always)
private func members(_ r: Registers, _ i: Instruction, _ lane: Int) -> UInt32 {
    i.pointee.aux < 0
        ? UInt32(truncatingIfNeeded: i.pointee.immediate)
        : lanes(r, i.pointee.aux, UInt32.self)[lane]
}

@inline(__always)
private func shuffled(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ f: (Int32, Int32, Int32, Int32, Int32) -> (Int32, Bool)
) {
    let a = vectors(r, i.pointee.a, UInt32.self)
    let b = lanes(r, i.pointee.b, UInt32.self)
    let c = lanes(r, i.pointee.c, UInt32.self)
    let d = lanes(r, i.pointee.d, UInt32.self)
    var copy = (a[0], a[1], a[2], a[3])
    var inRange: UInt32 = 0
    withUnsafePointer(to: &copy) { start in
        let values = UnsafeRawPointer(start).assumingMemoryBound(to: UInt32.self)
        eachLane(m) { l in
            let lane = Int32(truncatingIfNeeded: l)
            let control = Int32(bitPattern: c[l])
            let mask = (control >> 8) & 31
            let least = lane & mask
            let most = least | (control & 31 & ~mask)
            let (j, valid) = f(lane, Int32(bitPattern: b[l] & 31), mask, least, most)
            if valid { inRange |= 1 << UInt32(l) }
            d[l] = values[valid ? Int(j & 31) : l]
        }
    }
    if i.pointee.e >= 0 { putPredicate(r, i.pointee.e, m, inRange) }
}

@inline(__always)
private func voted(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ f: (UInt32, UInt32) -> Bool
) {
    let p = predicate(r, i.pointee.a) ^ (0 &- UInt32(i.pointee.mode & 1))
    if i.pointee.aux < 0 {
        let all = m & UInt32(truncatingIfNeeded: i.pointee.immediate)
        putPredicate(r, i.pointee.d, m, f(p & all, all) ? .max : 0)
        return
    }
    var result: UInt32 = 0
    eachLane(m) { l in
        let all = m & members(r, i, l)
        if f(p & all, all) { result |= 1 << UInt32(l) }
    }
    putPredicate(r, i.pointee.d, m, result)
}

@inline(__always)
private func matchAny<T: Equatable>(_ r: Registers, _ i: Instruction, _ m: UInt32, _: T.Type) {
    let a = lanes(r, i.pointee.a, T.self)
    let d = lanes(r, i.pointee.d, UInt32.self)
    // d may be a: first all results, then the writes.
    var results = SIMD32<UInt32>(repeating: 0)
    eachLane(m) { l in
        var same: UInt32 = 0
        eachLane(m & members(r, i, l)) { k in if a[k] == a[l] { same |= 1 << UInt32(k) } }
        results[l] = same
    }
    eachLane(m) { d[$0] = results[$0] }
}

@inline(__always)
private func matchAll<T: Equatable>(_ r: Registers, _ i: Instruction, _ m: UInt32, _: T.Type) {
    let a = lanes(r, i.pointee.a, T.self)
    let d = lanes(r, i.pointee.d, UInt32.self)
    var results = SIMD32<UInt32>(repeating: 0)
    var holds: UInt32 = 0
    eachLane(m) { l in
        let all = m & members(r, i, l)
        var same = true
        eachLane(all) { k in if a[k] != a[l] { same = false } }
        results[l] = same ? all : 0
        if same { holds |= 1 << UInt32(l) }
    }
    eachLane(m) { d[$0] = results[$0] }
    if i.pointee.e >= 0 { putPredicate(r, i.pointee.e, m, holds) }
}

@inline(__always)
private func reduced(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ f: (UInt32, UInt32) -> UInt32
) {
    let a = lanes(r, i.pointee.a, UInt32.self)
    let d = lanes(r, i.pointee.d, UInt32.self)
    var results = SIMD32<UInt32>(repeating: 0)
    var known: UInt32 = 0
    eachLane(m) { l in
        guard (known >> UInt32(l)) & 1 == 0 else { return }
        let group = m & members(r, i, l)
        var result: UInt32 = 0
        var isFirst = true
        eachLane(group) { k in
            result = isFirst ? a[k] : f(result, a[k])
            isFirst = false
        }
        eachLane(group) { k in if members(r, i, k) & m == group { results[k] = result } }
        known |= group
    }
    eachLane(m) { d[$0] = results[$0] }
}
