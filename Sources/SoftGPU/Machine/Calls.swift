import CLanes
import Lanes

/// Calls nested deeper than this are a stack overflow.
private let maximumDepth: Int32 = 1 << 14

/// Executes a call by the lanes `m`: of one function, of several by address, or of a built-in.
func call(
    _ warp: UnsafeMutablePointer<Warp>,
    _ engine: UnsafeMutablePointer<Engine>,
    _ context: UnsafeMutablePointer<LaneContext>,
    _ frame: UnsafeMutablePointer<Frame>,
    _ ip: UnsafeMutablePointer<LaneInstruction>,
    _ pc: Int32,
    _ m: UInt32
) {
    let site = frame.pointee.code.pointee.calls + Int(ip.pointee.aux)
    if site.pointee.builtin != .none {
        runBuiltin(site, warp, engine, context, frame, ip, m)
        warp.pointee.push(Fragment(frame: frame, pc: pc + 1, mask: m))
        return
    }
    let program = engine.pointee.program
    if site.pointee.function >= 0 {
        guard let code = program.pointee.functions[Int(site.pointee.function)] else {
            recordFault(context, ip, FaultCode.invalidPC, m)
            return
        }
        enter(code, site, warp, engine, context, frame, ip, pc, m)
        return
    }
    let addresses = frame.pointee.registers + Int(site.pointee.register)
    var rest = m
    while rest != 0 {
        let address = addresses.load(
            fromByteOffset: rest.trailingZeroBitCount * 8,
            as: UInt64.self
        )
        var same: UInt32 = 0
        for lane in 0..<32 where (rest >> UInt32(lane)) & 1 != 0 {
            if addresses.load(fromByteOffset: lane * 8, as: UInt64.self) == address {
                same |= 1 << UInt32(lane)
            }
        }
        rest &= ~same
        let index = address & ~Window.function
        guard address >> 56 == Window.function >> 56,
            index < UInt64(program.pointee.addressedCount),
            let code = program.pointee.addressed[Int(index)]
        else {
            recordFault(context, ip, FaultCode.invalidPC, same)
            context.pointee.faultAddress = address
            return
        }
        enter(code, site, warp, engine, context, frame, ip, pc, same)
        if context.pointee.faultCode != 0 { return }
    }
}

private func enter(
    _ code: UnsafeMutablePointer<CodeImage>,
    _ site: UnsafeMutablePointer<CallSite>,
    _ warp: UnsafeMutablePointer<Warp>,
    _ engine: UnsafeMutablePointer<Engine>,
    _ context: UnsafeMutablePointer<LaneContext>,
    _ caller: UnsafeMutablePointer<Frame>,
    _ ip: UnsafeMutablePointer<LaneInstruction>,
    _ pc: Int32,
    _ m: UInt32
) {
    let localBase = (caller.pointee.localTop + 15) & ~15
    let localTop = localBase + UInt64(code.pointee.localBytes)
    guard caller.pointee.depth < maximumDepth, localTop <= context.pointee.localStride,
        let frame = engine.pointee.frames.take(code)
    else {
        recordFault(context, ip, FaultCode.stack, m)
        return
    }
    frame.pointee.parent = caller
    frame.pointee.returnPC = pc + 1
    frame.pointee.site = site
    frame.pointee.depth = caller.pointee.depth + 1
    frame.pointee.live = m
    frame.pointee.localBase = localBase
    frame.pointee.localTop = localTop
    fillSpecials(frame, warp, engine)
    let count = min(site.pointee.argumentCount, code.pointee.parameterCount)
    if let arguments = site.pointee.arguments {
        for k in 0..<Int(count) {
            copyObject(
                from: caller.pointee.registers,
                arguments[k],
                to: frame.pointee.registers,
                code.pointee.parameters[k],
                m
            )
        }
    }
    warp.pointee.push(Fragment(frame: frame, pc: 0, mask: m))
}

/// Writes the special registers that a frame's code uses.
func fillSpecials(
    _ frame: UnsafeMutablePointer<Frame>,
    _ warp: UnsafeMutablePointer<Warp>,
    _ engine: UnsafeMutablePointer<Engine>,
    onlyPerBlock: Bool = false
) {
    let code = frame.pointee.code
    for k in 0..<Int(code.pointee.specialCount) {
        let slot = code.pointee.specials[k]
        if onlyPerBlock, !slot.kind.isPerBlock { continue }
        let d = frame.pointee.registers + Int(slot.offset)
        if let same = engine.pointee.runtime.pointee.uniform(slot.kind, engine.pointee.block) {
            d.assumingMemoryBound(to: UInt32.self).update(repeating: same, count: 32)
            continue
        }
        for lane in 0..<32 {
            let value = engine.pointee.runtime.pointee.perLane(
                slot.kind,
                warp: Int(warp.pointee.index),
                lane: lane
            )
            d.storeBytes(of: value, toByteOffset: lane * 4, as: UInt32.self)
        }
    }
}
