import CLanes
import Lanes

/// One of a block's 16 barriers.
struct Barrier {
    /// Threads that wait, and threads that only arrived.
    var waiting: Int32 = 0
    var arrived: Int32 = 0
    /// Threads that it waits for; 0 means all that have not exited.
    var wanted: Int32 = 0
}

/// A resident block.
struct Block {
    var warps: UnsafeMutablePointer<Warp>
    var warpCount: Int32
    var liveThreads: Int32
    /// 16 of them.
    var barriers: UnsafeMutablePointer<Barrier>
    /// The position in the grid.
    var x: UInt32 = 0
    var y: UInt32 = 0
    var z: UInt32 = 0

    static let barrierCount = 16
}

/// Lets the threads at a barrier go when all that it waits for are there.
func releaseIfComplete(_ block: UnsafeMutablePointer<Block>, _ number: Int) {
    let barrier = block.pointee.barriers + number
    guard barrier.pointee.waiting > 0 || barrier.pointee.arrived > 0 else { return }
    if barrier.pointee.wanted == 0 {
        guard barrier.pointee.waiting >= block.pointee.liveThreads else { return }
    } else {
        let present = countedThreads(block, number) + barrier.pointee.arrived
        guard present >= barrier.pointee.wanted else { return }
    }
    release(block, number)
}

/// After threads have exited: barriers that wait for all others may be complete.
func releaseAfterExit(_ block: UnsafeMutablePointer<Block>) {
    for number in 0..<Block.barrierCount where block.pointee.barriers[number].waiting > 0 {
        releaseIfComplete(block, number)
    }
}

/// Threads that wait, a warp whose live lanes all do counting as 32, because barriers with a count
/// count whole warps.
private func countedThreads(_ block: UnsafeMutablePointer<Block>, _ number: Int) -> Int32 {
    var total: Int32 = 0
    for w in 0..<Int(block.pointee.warpCount) {
        let warp = block.pointee.warps + w
        var mask: UInt32 = 0
        for k in 0..<Int(warp.pointee.count) {
            let fragment = warp.pointee.fragments + k
            if fragment.pointee.state == .barrier, Int(fragment.pointee.barrier) == number {
                mask |= fragment.pointee.mask
            }
        }
        if mask != 0 {
            let isWhole = mask == warp.pointee.context.live
            total += isWhole ? 32 : Int32(mask.nonzeroBitCount)
        }
    }
    return total
}

private func release(_ block: UnsafeMutablePointer<Block>, _ number: Int) {
    let totals = reduction(block, number)
    for w in 0..<Int(block.pointee.warpCount) {
        let warp = block.pointee.warps + w
        for k in 0..<Int(warp.pointee.count) {
            let fragment = warp.pointee.fragments + k
            guard fragment.pointee.state == .barrier, Int(fragment.pointee.barrier) == number
            else { continue }
            deliver(fragment, totals)
            fragment.pointee.state = .ready
            fragment.pointee.pc += 1
        }
    }
    block.pointee.barriers[number] = Barrier()
}

/// How many of the waiting threads have their predicate set, and how many wait.
private func reduction(
    _ block: UnsafeMutablePointer<Block>,
    _ number: Int
) -> (set: Int, all: Int) {
    var set = 0
    var all = 0
    for w in 0..<Int(block.pointee.warpCount) {
        let warp = block.pointee.warps + w
        for k in 0..<Int(warp.pointee.count) {
            let fragment = (warp.pointee.fragments + k).pointee
            guard fragment.state == .barrier, Int(fragment.barrier) == number else { continue }
            let i = fragment.frame.pointee.code.pointee.instructions[Int(fragment.pc)]
            guard let kind = BarrierKind(rawValue: i.mode), kind != .sync else { continue }
            var p = fragment.frame.pointee.registers.load(
                fromByteOffset: Int(i.c),
                as: UInt32.self
            )
            if i.aux == 1 { p = ~p }
            set += (p & fragment.mask).nonzeroBitCount
            all += fragment.mask.nonzeroBitCount
        }
    }
    return (set, all)
}

private func deliver(_ fragment: UnsafeMutablePointer<Fragment>, _ totals: (set: Int, all: Int)) {
    let frame = fragment.pointee.frame
    let i = frame.pointee.code.pointee.instructions[Int(fragment.pointee.pc)]
    guard let kind = BarrierKind(rawValue: i.mode), kind != .sync else { return }
    let mask = fragment.pointee.mask
    let d = frame.pointee.registers + Int(i.d)
    switch kind {
    case .reduceCount:
        for lane in 0..<32 where (mask >> UInt32(lane)) & 1 != 0 {
            d.storeBytes(of: UInt32(totals.set), toByteOffset: lane * 4, as: UInt32.self)
        }
    case .reduceAnd, .reduceOr:
        let holds = kind == .reduceAnd ? totals.set == totals.all : totals.set > 0
        let old = d.load(as: UInt32.self)
        d.storeBytes(of: (old & ~mask) | (holds ? mask : 0), as: UInt32.self)
    case .sync, .arrive: break
    }
}
