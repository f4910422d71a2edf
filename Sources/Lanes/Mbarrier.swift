import CLanes

/// `mbarrier`: a 64-bit object in shared memory, in a form of our own: bits 0…19 arrivals still
/// expected in this phase, 20…39 arrivals of a phase, 40…61 bytes still expected (two's
/// complement), 63 the phase's parity. a is the address, b the count, d the state.
package enum MbarrierOps {
    /// What an instruction does.
    package enum Operation: UInt8, Sendable {
        case initialize, invalidate, arrive, arriveDrop, expectBytes, completeBytes
        case testState, testParity, pendingCount, arriveExpectBytes
    }

    /// The handler; `count` is an `Operation`.
    package static func handler() -> Handler {
        { r, i, m, c in execute(r, i, m, c) }
    }

    /// Tells a barrier of bytes that have been copied.
    static func complete(_ barrier: UnsafeMutableRawPointer, bytes: Int64) {
        let word = barrier.assumingMemoryBound(to: UInt64.self)
        _ = update(word, .completeBytes, 0, bytes: bytes)
    }
}

private struct BarrierWord {
    var bits: UInt64

    var pending: UInt64 { bits & 0xf_ffff }
    var perPhase: UInt64 { (bits >> 20) & 0xf_ffff }
    var parity: UInt64 { bits >> 63 }
    /// Bytes, sign-extended.
    var bytes: Int64 { Int64(bitPattern: bits << 2) >> 42 }

    init(bits: UInt64) { self.bits = bits }

    init(pending: UInt64, perPhase: UInt64, bytes: Int64, parity: UInt64) {
        let low = (pending & 0xf_ffff) | (perPhase & 0xf_ffff) << 20
        self.bits = low | (UInt64(bitPattern: bytes) & 0x3f_ffff) << 40 | parity << 63
    }

    /// After arrivals and bytes: the next phase when nothing is expected any more.
    func after(arrivals: UInt64, dropped: UInt64, bytes change: Int64) -> BarrierWord {
        let left = pending &- min(arrivals, pending)
        let each = perPhase &- min(dropped, perPhase)
        let open = bytes &+ change
        if left == 0, open == 0 {
            return BarrierWord(pending: each, perPhase: each, bytes: 0, parity: parity ^ 1)
        }
        return BarrierWord(pending: left, perPhase: each, bytes: open, parity: parity)
    }
}

private func execute(_ r: Registers, _ i: Instruction, _ m: UInt32, _ context: Context) {
    guard let operation = MbarrierOps.Operation(rawValue: i.pointee.count) else { return }
    if operation == .pendingCount {
        let a = lanes(r, i.pointee.a, UInt64.self)
        let d = lanes(r, i.pointee.d, UInt32.self)
        eachLane(m) { d[$0] = UInt32(truncatingIfNeeded: BarrierWord(bits: a[$0]).pending) }
        return
    }
    guard let mode = AddressMode(rawValue: i.pointee.mode),
        scatterAny(r, i, m, context, mode, 8)
    else { return }
    var holds: UInt32 = 0
    eachLane(m) { l in
        let p = UnsafeMutableRawPointer(context.pointee.pointers[l])
            .assumingMemoryBound(to: UInt64.self)
        let count = i.pointee.b >= 0 ? UInt64(lanes(r, i.pointee.b, UInt32.self)[l]) : 1
        switch operation {
        case .initialize:
            let word = BarrierWord(pending: count, perPhase: count, bytes: 0, parity: 0)
            lane_atomic_store_u64(p, word.bits)
        case .invalidate: lane_atomic_store_u64(p, 0)
        case .testState:
            let state = BarrierWord(bits: lanes(r, i.pointee.c, UInt64.self)[l])
            let now = BarrierWord(bits: lane_atomic_load_u64(p))
            if now.parity != state.parity { holds |= 1 << UInt32(l) }
        case .testParity:
            let parity = UInt64(lanes(r, i.pointee.c, UInt32.self)[l] & 1)
            let now = BarrierWord(bits: lane_atomic_load_u64(p))
            if now.parity != parity { holds |= 1 << UInt32(l) }
        default:
            let old = update(p, operation, count, bytes: bytes(r, i, l))
            if i.pointee.d >= 0 { lanes(r, i.pointee.d, UInt64.self)[l] = old }
        }
    }
    if operation == .testState || operation == .testParity {
        context.pointee.spin &+= 1
        putPredicate(r, i.pointee.d, m, holds)
    }
}

@inline(__always)
private func bytes(_ r: Registers, _ i: Instruction, _ lane: Int) -> Int64 {
    i.pointee.e >= 0 ? Int64(lanes(r, i.pointee.e, UInt32.self)[lane]) : 0
}

/// Applies a change and returns the old word.
private func update(
    _ p: UnsafeMutablePointer<UInt64>,
    _ operation: MbarrierOps.Operation,
    _ count: UInt64,
    bytes: Int64
) -> UInt64 {
    var old = lane_atomic_load_u64(p)
    while true {
        let word = BarrierWord(bits: old)
        let new: BarrierWord
        switch operation {
        case .arrive: new = word.after(arrivals: count, dropped: 0, bytes: 0)
        case .arriveDrop: new = word.after(arrivals: count, dropped: count, bytes: 0)
        case .arriveExpectBytes: new = word.after(arrivals: count, dropped: 0, bytes: bytes)
        case .expectBytes:
            new = BarrierWord(
                pending: word.pending,
                perPhase: word.perPhase,
                bytes: word.bytes &+ bytes,
                parity: word.parity
            )
        default: new = word.after(arrivals: 0, dropped: 0, bytes: 0 &- bytes)
        }
        let seen = lane_atomic_compare_u64(p, old, new.bits)
        if seen == old { return old }
        old = seen
    }
}
