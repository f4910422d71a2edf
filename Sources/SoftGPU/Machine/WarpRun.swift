import CLanes
import Lanes

/// Back edges that a fragment may take before others get their turn.
private let turnLength = 16384
/// What an access that busy waiting consists of costs of a turn, in back edges.
private let spinCost = 96

/// What a host thread executes warps with.
struct Engine {
    var frames: FramePool
    var program: UnsafeMutablePointer<ProgramImage>
    var block: UnsafeMutablePointer<Block>
    var runtime: UnsafeMutablePointer<RuntimeState>
}

/// A program's functions, for calls.
struct ProgramImage {
    var functions: UnsafeMutablePointer<UnsafeMutablePointer<CodeImage>?>
    /// By module-wide function index, as in function addresses.
    var addressed: UnsafeMutablePointer<UnsafeMutablePointer<CodeImage>?>
    var addressedCount: Int
}

extension Warp {
    /// Appends a fragment; there is room because masks are disjoint.
    @inline(__always)
    mutating func push(_ fragment: Fragment) {
        fragments[Int(count)] = fragment
        count &+= 1
    }

    @inline(__always)
    mutating func remove(_ k: Int) -> Fragment {
        let fragment = fragments[k]
        count &-= 1
        fragments[k] = fragments[Int(count)]
        return fragment
    }
}

/// Chooses what runs next: the deepest call, there the first by `convergenceOrder`; fragments that
/// used their turn up only when there are no others. −1 when every fragment waits.
@inline(__always)
private func choose(_ warp: UnsafeMutablePointer<Warp>) -> Int {
    let fragments = warp.pointee.fragments
    var best = -1
    for k in 0..<Int(warp.pointee.count) {
        let candidate = fragments + k
        guard candidate.pointee.state.rawValue <= FragmentState.yielded.rawValue else { continue }
        guard best >= 0 else {
            best = k
            continue
        }
        let current = fragments + best
        if candidate.pointee.state != current.pointee.state {
            if candidate.pointee.state == .ready { best = k }
            continue
        }
        let a = candidate.pointee.frame.pointee.depth
        let b = current.pointee.frame.pointee.depth
        if a > b || (a == b && order(candidate.pointee) < order(current.pointee)) { best = k }
    }
    return best
}

@inline(__always)
private func order(_ fragment: Fragment) -> Int32 {
    fragment.frame.pointee.code.pointee.order[Int(fragment.pc)]
}

/// Runs a warp until all its fragments wait or have ended, or its turn is over.
func runWarp(
    _ warp: UnsafeMutablePointer<Warp>,
    _ engine: UnsafeMutablePointer<Engine>
) -> Turn {
    let context = UnsafeMutableRawPointer(warp).assumingMemoryBound(to: LaneContext.self)
    while true {
        if warp.pointee.count == 0 { return .waiting }
        let k =
            warp.pointee.count == 1 && warp.pointee.fragments.pointee.state == .ready
            ? 0 : choose(warp)
        if k < 0 {
            if wakeSynchronizing(warp) { continue }
            return .waiting
        }
        if warp.pointee.fragments[k].state == .yielded {
            for n in 0..<Int(warp.pointee.count)
            where warp.pointee.fragments[n].state == .yielded {
                warp.pointee.fragments[n].state = .ready
            }
            return .yielded
        }
        var fragment = warp.pointee.remove(k)
        let others = join(warp, &fragment)
        runFragment(warp, engine, context, fragment, others)
        if context.pointee.faultCode != 0 { return .faulted }
    }
}

/// Where other fragments of the same call can go on.
private struct Others {
    /// The least pc beyond the fragment's.
    var stop = Int32.max
    /// The least place in `convergenceOrder`.
    var least = Int32.max
}

/// Merges what is at the same place into the fragment; tells where the others are.
@inline(__always)
private func join(_ warp: UnsafeMutablePointer<Warp>, _ fragment: inout Fragment) -> Others {
    var others = Others()
    var k = 0
    while k < Int(warp.pointee.count) {
        let other = warp.pointee.fragments + k
        if other.pointee.frame == fragment.frame,
            other.pointee.state.rawValue <= FragmentState.yielded.rawValue
        {
            if other.pointee.pc == fragment.pc {
                fragment.mask |= other.pointee.mask
                _ = warp.pointee.remove(k)
                continue
            }
            if other.pointee.pc > fragment.pc { others.stop = min(others.stop, other.pointee.pc) }
            others.least = min(others.least, order(other.pointee))
        }
        k &+= 1
    }
    return others
}

/// Runs one fragment until it waits, ends, splits, meets another, or its turn is over.
private func runFragment(
    _ warp: UnsafeMutablePointer<Warp>,
    _ engine: UnsafeMutablePointer<Engine>,
    _ context: UnsafeMutablePointer<LaneContext>,
    _ fragment: Fragment,
    _ others: Others
) {
    let stop = others.stop
    let frame = fragment.frame
    let mask = fragment.mask
    let r = frame.pointee.registers
    let code = frame.pointee.code.pointee.instructions
    var ip = code + Int(fragment.pc)
    var budget = turnLength
    var spins = 0
    context.pointee.mask = mask
    context.pointee.localFrame = frame.pointee.localBase
    while true {
        let instruction = ip.pointee
        var m = mask
        if instruction.guard >= 0 {
            let p = r.load(fromByteOffset: Int(instruction.guard), as: UInt32.self)
            m &= instruction.guardNegated == 0 ? p : ~p
        }
        if instruction.kind == 0 {
            if m != 0 { instruction.handler(r, ip, m, context) }
            ip += 1
            continue
        }
        if context.pointee.faultCode != 0 { return }
        switch Control(rawValue: instruction.kind) {
        case .join:
            ip += 1
            if stop == Int32.max { continue }
        case .jump, .branch:
            if m == 0 {
                ip += 1
            } else if m == mask {
                let target = code + Int(instruction.aux)
                if target <= ip {
                    budget &-= 1 &+ spinCost &* Int(context.pointee.spin)
                    spins &+= Int(context.pointee.spin)
                    context.pointee.spin = 0
                    if budget < 0 {
                        if spins &* spinCost &* 2 < turnLength {
                            engine.pointee.runtime.pointee.computed = true
                        }
                        var rest = fragment
                        rest.pc = instruction.aux
                        rest.state = .yielded
                        warp.pointee.push(rest)
                        return
                    }
                    if others.least != Int32.max,
                        others.least <= frame.pointee.code.pointee.order[Int(instruction.aux)]
                    {
                        // They are still in this iteration, or wait where the next one begins.
                        warp.pointee.push(Fragment(frame: frame, pc: instruction.aux, mask: mask))
                        return
                    }
                }
                ip = target
            } else {
                let next = Int32(truncatingIfNeeded: ip - code) &+ 1
                warp.pointee.push(Fragment(frame: frame, pc: instruction.aux, mask: m))
                warp.pointee.push(Fragment(frame: frame, pc: next, mask: mask & ~m))
                return
            }
        case .localAddress:
            writeLocalAddress(r, ip, m, frame.pointee.localBase)
            ip += 1
            continue
        case .synchronized:
            guard m == 0 || isComplete(warp, frame, ip, mask, m) else { return }
            if m != 0 { instruction.handler(r, ip, m, context) }
            ip += 1
            continue
        default:
            if m == 0 {
                ip += 1
                continue
            }
            let pc = Int32(truncatingIfNeeded: ip - code)
            runControl(warp, engine, context, fragment, ip, pc, m)
            return
        }
        let pc = Int32(truncatingIfNeeded: ip - code)
        if pc >= stop {
            warp.pointee.push(Fragment(frame: frame, pc: pc, mask: mask))
            return
        }
    }
}

@inline(__always)
private func writeLocalAddress(
    _ r: UnsafeMutableRawPointer,
    _ i: UnsafePointer<LaneInstruction>,
    _ m: UInt32,
    _ base: UInt64
) {
    let value = base &+ UInt64(bitPattern: i.pointee.immediate)
    let d = r + Int(i.pointee.d)
    for lane in 0..<32 where (m >> UInt32(lane)) & 1 != 0 {
        if i.pointee.mode == 1 {
            d.storeBytes(of: value, toByteOffset: lane &* 8, as: UInt64.self)
        } else {
            let low = UInt32(truncatingIfNeeded: value)
            d.storeBytes(of: low, toByteOffset: lane &* 4, as: UInt32.self)
        }
    }
}

/// The lanes that the lanes of `m` want to be there at a warp-synchronous instruction.
func wantedLanes(
    _ r: UnsafeMutableRawPointer,
    _ i: UnsafePointer<LaneInstruction>,
    _ m: UInt32
) -> UInt32 {
    guard i.pointee.aux >= 0 else { return UInt32(truncatingIfNeeded: i.pointee.immediate) }
    let masks = r + Int(i.pointee.aux)
    var wanted: UInt32 = 0
    var rest = m
    while rest != 0 {
        let lane = rest.trailingZeroBitCount
        rest &= rest &- 1
        wanted |= masks.load(fromByteOffset: lane &* 4, as: UInt32.self)
    }
    return wanted
}

/// Whether all live lanes that `m`'s lanes name are here; if not, they wait.
@inline(__always)
private func isComplete(
    _ warp: UnsafeMutablePointer<Warp>,
    _ frame: UnsafeMutablePointer<Frame>,
    _ ip: UnsafeMutablePointer<LaneInstruction>,
    _ mask: UInt32,
    _ m: UInt32
) -> Bool {
    let live = warp.pointee.context.live
    if mask == live { return true }
    if warp.pointee.released & mask == mask {
        warp.pointee.released &= ~mask
        return true
    }
    let wanted = wantedLanes(frame.pointee.registers, ip, m) & live
    if wanted & ~mask == 0 { return true }
    let pc = Int32(truncatingIfNeeded: ip - frame.pointee.code.pointee.instructions)
    var all = mask
    for k in 0..<Int(warp.pointee.count) {
        let other = warp.pointee.fragments + k
        if other.pointee.state == .synchronizing, other.pointee.frame == frame,
            other.pointee.pc == pc
        {
            all |= other.pointee.mask
        }
    }
    guard wanted & ~all == 0 else {
        warp.pointee.push(
            Fragment(frame: frame, pc: pc, mask: mask, state: .synchronizing, wanted: wanted)
        )
        return false
    }
    // All are here: go on as one.
    var k = 0
    while k < Int(warp.pointee.count) {
        let other = warp.pointee.fragments + k
        if other.pointee.state == .synchronizing, other.pointee.frame == frame,
            other.pointee.pc == pc
        {
            _ = warp.pointee.remove(k)
        } else {
            k &+= 1
        }
    }
    warp.pointee.push(Fragment(frame: frame, pc: pc, mask: all))
    return false
}

/// When nothing can run: lanes that others waited for may have exited meanwhile.
private func wakeSynchronizing(_ warp: UnsafeMutablePointer<Warp>) -> Bool {
    let live = warp.pointee.context.live
    for k in 0..<Int(warp.pointee.count) {
        let fragment = warp.pointee.fragments + k
        switch fragment.pointee.state {
        case .synchronizing:
            var here: UInt32 = 0
            for n in 0..<Int(warp.pointee.count) {
                let other = warp.pointee.fragments + n
                if other.pointee.state == .synchronizing,
                    other.pointee.frame == fragment.pointee.frame,
                    other.pointee.pc == fragment.pointee.pc
                {
                    here |= other.pointee.mask
                }
            }
            if fragment.pointee.wanted & live & ~here == 0 {
                wake(warp, fragment.pointee.frame, fragment.pointee.pc)
                return true
            }
        case .warpBarrier:
            if releaseWarpBarrier(warp, fragment.pointee.wanted) { return true }
        default: break
        }
    }
    return releaseElsewhere(warp)
}

/// Lanes that wait for one another at different instructions with the same mask let each other go, as on
/// NVIDIA's GPUs: what a lane gets from one that is elsewhere is undefined, but parts of a warp that exchange
/// values among themselves only are right (cuGraph's kernels do so).
private func releaseElsewhere(_ warp: UnsafeMutablePointer<Warp>) -> Bool {
    let fragments = UnsafeMutableBufferPointer(
        start: warp.pointee.fragments,
        count: Int(warp.pointee.count)
    )
    for first in fragments where first.state == .synchronizing {
        var here: UInt32 = 0
        for other in fragments where other.state == .synchronizing && other.wanted == first.wanted {
            here |= other.mask
        }
        guard first.wanted & warp.pointee.context.live & ~here == 0 else { continue }
        for k in fragments.indices
        where fragments[k].state == .synchronizing && fragments[k].wanted == first.wanted {
            fragments[k].state = .ready
            warp.pointee.released |= fragments[k].mask
        }
        return true
    }
    return false
}

private func wake(
    _ warp: UnsafeMutablePointer<Warp>,
    _ frame: UnsafeMutablePointer<Frame>,
    _ pc: Int32
) {
    for k in 0..<Int(warp.pointee.count) {
        let fragment = warp.pointee.fragments + k
        if fragment.pointee.state == .synchronizing, fragment.pointee.frame == frame,
            fragment.pointee.pc == pc
        {
            fragment.pointee.state = .ready
        }
    }
}

/// Lets the lanes that wait at `bar.warp.sync` with this mask go, wherever they do, when all live
/// ones of the mask are there.
func releaseWarpBarrier(_ warp: UnsafeMutablePointer<Warp>, _ wanted: UInt32) -> Bool {
    var here: UInt32 = 0
    for k in 0..<Int(warp.pointee.count) {
        let fragment = warp.pointee.fragments[k]
        if fragment.state == .warpBarrier, fragment.wanted == wanted { here |= fragment.mask }
    }
    guard here != 0, wanted & warp.pointee.context.live & ~here == 0 else { return false }
    for k in 0..<Int(warp.pointee.count) {
        let fragment = warp.pointee.fragments + k
        if fragment.pointee.state == .warpBarrier, fragment.pointee.wanted == wanted {
            fragment.pointee.state = .ready
            fragment.pointee.pc += 1
        }
    }
    return true
}
