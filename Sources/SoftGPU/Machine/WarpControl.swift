import CLanes
import Lanes

/// Executes a control instruction that ends the run of a fragment; `m` is not empty. Every lane of
/// the fragment is in a fragment again afterwards, or has exited.
func runControl(
    _ warp: UnsafeMutablePointer<Warp>,
    _ engine: UnsafeMutablePointer<Engine>,
    _ context: UnsafeMutablePointer<LaneContext>,
    _ fragment: Fragment,
    _ ip: UnsafeMutablePointer<LaneInstruction>,
    _ pc: Int32,
    _ m: UInt32
) {
    let frame = fragment.frame
    let others = fragment.mask & ~m
    if others != 0 { warp.pointee.push(Fragment(frame: frame, pc: pc + 1, mask: others)) }
    switch Control(rawValue: ip.pointee.kind) {
    case .ret:
        if frame.pointee.parent == nil {
            exitLanes(warp, engine, frame, m)
        } else {
            returnLanes(warp, engine, frame, m)
        }
    case .exit: exitLanes(warp, engine, frame, m)
    case .call: call(warp, engine, context, frame, ip, pc, m)
    case .branchTable: branchThroughTable(warp, context, frame, ip, m)
    case .barrier: arrive(warp, engine, context, frame, ip, pc, m)
    case .warpBarrier:
        let wanted = wantedLanes(frame.pointee.registers, ip, m)
        warp.pointee.push(
            Fragment(frame: frame, pc: pc, mask: m, state: .warpBarrier, wanted: wanted)
        )
        _ = releaseWarpBarrier(warp, wanted)
    case .yield:
        warp.pointee.push(Fragment(frame: frame, pc: pc + 1, mask: m, state: .yielded))
    case .allocateLocal, .saveStack, .restoreStack:
        changeStack(context, frame, ip, m)
        warp.pointee.push(Fragment(frame: frame, pc: pc + 1, mask: m))
    case .trap:
        recordFault(context, ip, FaultCode.launchFailed, m)
    case .multicast:
        recordFault(context, ip, FaultCode.invalidSpace, m)
    default:
        recordFault(context, ip, FaultCode.illegalInstruction, m)
    }
}

/// Records a fault that has no address.
func recordFault(
    _ context: UnsafeMutablePointer<LaneContext>,
    _ ip: UnsafeMutablePointer<LaneInstruction>,
    _ code: Int32,
    _ m: UInt32
) {
    guard context.pointee.faultCode == 0 else { return }
    context.pointee.faultCode = code
    context.pointee.faultLane = UInt32(m.trailingZeroBitCount)
    context.pointee.faultBytes = 0
    context.pointee.faultInstruction = UnsafePointer(ip)
}

private func exitLanes(
    _ warp: UnsafeMutablePointer<Warp>,
    _ engine: UnsafeMutablePointer<Engine>,
    _ frame: UnsafeMutablePointer<Frame>,
    _ m: UInt32
) {
    warp.pointee.context.live &= ~m
    var current = frame
    while let parent = current.pointee.parent {
        current.pointee.live &= ~m
        if current.pointee.live == 0 { engine.pointee.frames.give(current) }
        current = parent
    }
    let block = engine.pointee.block
    block.pointee.liveThreads -= Int32(m.nonzeroBitCount)
    releaseAfterExit(block)
}

private func returnLanes(
    _ warp: UnsafeMutablePointer<Warp>,
    _ engine: UnsafeMutablePointer<Engine>,
    _ frame: UnsafeMutablePointer<Frame>,
    _ m: UInt32
) {
    guard let parent = frame.pointee.parent else { return }
    let code = frame.pointee.code
    if let site = frame.pointee.site, let results = site.pointee.results {
        let count = min(site.pointee.resultCount, code.pointee.resultCount)
        for k in 0..<Int(count) {
            copyObject(
                from: frame.pointee.registers,
                code.pointee.results[k],
                to: parent.pointee.registers,
                results[k],
                m
            )
        }
    }
    let pc = frame.pointee.returnPC
    frame.pointee.live &= ~m
    if frame.pointee.live == 0 { engine.pointee.frames.give(frame) }
    warp.pointee.push(Fragment(frame: parent, pc: pc, mask: m))
}

/// Copies a value per lane; both objects have a place of their own size for each lane.
func copyObject(
    from source: UnsafeMutableRawPointer,
    _ a: LaneObject,
    to destination: UnsafeMutableRawPointer,
    _ b: LaneObject,
    _ m: UInt32
) {
    let bytes = Int(min(a.bytes, b.bytes))
    var rest = m
    while rest != 0 {
        let lane = rest.trailingZeroBitCount
        rest &= rest &- 1
        let to = destination + Int(b.offset) + lane &* Int(b.bytes)
        let from = source + Int(a.offset) + lane &* Int(a.bytes)
        to.copyMemory(from: from, byteCount: bytes)
    }
}

private func branchThroughTable(
    _ warp: UnsafeMutablePointer<Warp>,
    _ context: UnsafeMutablePointer<LaneContext>,
    _ frame: UnsafeMutablePointer<Frame>,
    _ ip: UnsafeMutablePointer<LaneInstruction>,
    _ m: UInt32
) {
    let code = frame.pointee.code
    let table = Int(ip.pointee.aux)
    let start = Int(code.pointee.tableStarts[table])
    let size = Int(code.pointee.tableStarts[table + 1]) - start
    let indices = frame.pointee.registers + Int(ip.pointee.a)
    var rest = m
    while rest != 0 {
        let index = indices.load(fromByteOffset: rest.trailingZeroBitCount * 4, as: UInt32.self)
        let same = equalLanes32(indices, index, rest)
        rest &= ~same
        guard Int(index) < size else {
            recordFault(context, ip, FaultCode.invalidPC, same)
            return
        }
        let target = code.pointee.tableEntries[start + Int(index)]
        warp.pointee.push(Fragment(frame: frame, pc: target, mask: same))
    }
}

private func equalLanes32(
    _ values: UnsafeMutableRawPointer,
    _ value: UInt32,
    _ m: UInt32
) -> UInt32 {
    var same: UInt32 = 0
    for lane in 0..<32 where (m >> UInt32(lane)) & 1 != 0 {
        if values.load(fromByteOffset: lane * 4, as: UInt32.self) == value {
            same |= 1 << UInt32(lane)
        }
    }
    return same
}

private func arrive(
    _ warp: UnsafeMutablePointer<Warp>,
    _ engine: UnsafeMutablePointer<Engine>,
    _ context: UnsafeMutablePointer<LaneContext>,
    _ frame: UnsafeMutablePointer<Frame>,
    _ ip: UnsafeMutablePointer<LaneInstruction>,
    _ pc: Int32,
    _ m: UInt32
) {
    let r = frame.pointee.registers
    let lane = m.trailingZeroBitCount
    let number = r.load(fromByteOffset: Int(ip.pointee.a) + lane * 4, as: UInt32.self)
    guard number < UInt32(Block.barrierCount) else {
        recordFault(context, ip, FaultCode.illegalInstruction, m)
        return
    }
    var wanted: UInt32 = 0
    if ip.pointee.b >= 0 {
        wanted = r.load(fromByteOffset: Int(ip.pointee.b) + lane * 4, as: UInt32.self)
        guard wanted > 0, wanted <= 1024, wanted % 32 == 0 else {
            recordFault(context, ip, FaultCode.illegalInstruction, m)
            return
        }
    }
    let block = engine.pointee.block
    let barrier = block.pointee.barriers + Int(number)
    if wanted != 0 { barrier.pointee.wanted = Int32(wanted) }
    if ip.pointee.mode == BarrierKind.arrive.rawValue {
        let isWhole = m == warp.pointee.context.live
        barrier.pointee.arrived += isWhole ? 32 : Int32(m.nonzeroBitCount)
        warp.pointee.push(Fragment(frame: frame, pc: pc + 1, mask: m))
    } else {
        barrier.pointee.waiting += Int32(m.nonzeroBitCount)
        warp.pointee.push(
            Fragment(frame: frame, pc: pc, mask: m, state: .barrier, barrier: UInt8(number))
        )
    }
    releaseIfComplete(block, Int(number))
}

private func changeStack(
    _ context: UnsafeMutablePointer<LaneContext>,
    _ frame: UnsafeMutablePointer<Frame>,
    _ ip: UnsafeMutablePointer<LaneInstruction>,
    _ m: UInt32
) {
    let r = frame.pointee.registers
    let isWide = ip.pointee.mode == 1
    func read(_ offset: Int32, _ lane: Int) -> UInt64 {
        isWide
            ? r.load(fromByteOffset: Int(offset) + lane * 8, as: UInt64.self)
            : UInt64(r.load(fromByteOffset: Int(offset) + lane * 4, as: UInt32.self))
    }
    func write(_ value: UInt64) {
        for lane in 0..<32 where (m >> UInt32(lane)) & 1 != 0 {
            let d = r + Int(ip.pointee.d)
            if isWide {
                d.storeBytes(of: value, toByteOffset: lane * 8, as: UInt64.self)
            } else {
                let low = UInt32(truncatingIfNeeded: value)
                d.storeBytes(of: low, toByteOffset: lane * 4, as: UInt32.self)
            }
        }
    }
    switch Control(rawValue: ip.pointee.kind) {
    case .allocateLocal:
        var most: UInt64 = 0
        for lane in 0..<32 where (m >> UInt32(lane)) & 1 != 0 {
            most = max(most, read(ip.pointee.a, lane))
        }
        let alignment = UInt64(bitPattern: ip.pointee.immediate)
        let start = (frame.pointee.localTop + alignment - 1) & ~(alignment - 1)
        guard most <= context.pointee.localStride, start <= context.pointee.localStride - most
        else {
            recordFault(context, ip, FaultCode.stack, m)
            return
        }
        frame.pointee.localTop = (start + most + 15) & ~15
        write(start)
    case .saveStack: write(frame.pointee.localTop)
    default:
        // Lanes that diverged keep theirs: the top goes down only as far as the highest asks.
        var top: UInt64 = 0
        for lane in 0..<32 where (m >> UInt32(lane)) & 1 != 0 {
            top = max(top, read(ip.pointee.a, lane))
        }
        if m == frame.pointee.live || frame.pointee.parent == nil, top <= frame.pointee.localTop {
            frame.pointee.localTop = max(top, frame.pointee.localBase)
        }
    }
}
