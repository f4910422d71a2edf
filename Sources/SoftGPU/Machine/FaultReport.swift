import CLanes
import Lanes

/// What a recorded fault was, in words: kernel, block, thread, instruction, address, allocation.
func describeFault(
    _ launch: Launch,
    _ block: UnsafeMutablePointer<Block>,
    _ warp: UnsafeMutablePointer<Warp>
) -> LaunchFault {
    let context = warp.pointee.context
    let lane = Int(context.faultLane)
    let thread = Int(warp.pointee.index) * 32 + lane
    var text = "kernel '\(launch.kernel.name)', block (\(block.pointee.x), \(block.pointee.y), "
    text += "\(block.pointee.z)), thread \(threadPosition(launch, thread))"
    if let place = launch.program.place(of: context.faultInstruction) { text += ", \(place)" }
    text += ": " + cause(context)
    switch context.faultCode {
    case FaultCode.illegalAddress where context.faultBytes == 0: break
    case FaultCode.illegalAddress, FaultCode.misaligned:
        text += describeAddress(launch, context.faultAddress, Int(context.faultBytes))
    default: break
    }
    return LaunchFault(code: context.faultCode, message: text)
}

private func threadPosition(_ launch: Launch, _ thread: Int) -> String {
    let size = launch.configuration.block
    let x = thread % Int(size.x)
    let y = thread / Int(size.x) % Int(size.y)
    let z = thread / (Int(size.x) * Int(size.y))
    return "(\(x), \(y), \(z))"
}

private func cause(_ context: LaneContext) -> String {
    let access = context.faultIsWrite != 0 ? "write" : "read"
    let address = "0x" + String(context.faultAddress, radix: 16)
    switch context.faultCode {
    case FaultCode.illegalAddress where context.faultBytes == 0:
        return "\(address) is no texture or surface that this instruction can use"
    case FaultCode.illegalAddress:
        return "illegal \(access) of \(context.faultBytes) bytes at \(address)"
    case FaultCode.misaligned:
        return "misaligned \(access) of \(context.faultBytes) bytes at \(address)"
    case FaultCode.launchFailed: return "trap"
    case FaultCode.illegalInstruction where context.faultBytes == 32:
        return "executed by lanes \(address) only, though it needs all 32 of the warp"
    case FaultCode.illegalInstruction: return "illegal instruction"
    case FaultCode.invalidSpace: return "a multicast object is expected, and this GPU has none"
    case FaultCode.assert: return "assertion failed"
    case FaultCode.stack: return "stack overflow"
    case FaultCode.invalidPC: return "call or branch to \(address), which is no code"
    default: return "error \(context.faultCode)"
    }
}

private func describeAddress(_ launch: Launch, _ address: UInt64, _ bytes: Int) -> String {
    switch address >> 56 {
    case 1: return " (shared memory, which has \(launch.sharedBytes) bytes)"
    case 2: return " (local memory, which has \(launch.localStride) bytes)"
    case 4: return " (kernel parameters, which have \(launch.parameterBytes) bytes)"
    default: break
    }
    if address < 1 << 24, address < UInt64(max(launch.sharedBytes, launch.localStride)) + 65536 {
        return " (shared memory has \(launch.sharedBytes) bytes)"
    }
    guard let near = launch.memory.nearestAllocation(to: address) else {
        return "; nothing is allocated"
    }
    let base = "0x" + String(near.base, radix: 16)
    let end = near.base + UInt64(near.size)
    let place: String
    if address < near.base {
        place = "\(near.base - address) bytes before"
    } else if address >= end {
        place = "\(address - end) bytes behind the end of"
    } else {
        place = "\(address - near.base) bytes into"
    }
    return "; that is \(place) the allocation of \(near.size) bytes at \(base)"
}

/// What a block in which no thread can go on is waiting for.
func describeDeadlock(_ launch: Launch, _ block: UnsafeMutablePointer<Block>) -> LaunchFault {
    var text = "kernel '\(launch.kernel.name)', block (\(block.pointee.x), \(block.pointee.y), "
    text += "\(block.pointee.z)): deadlock"
    var shown = 0
    for w in 0..<Int(block.pointee.warpCount) {
        let warp = block.pointee.warps + w
        for k in 0..<Int(warp.pointee.count) where shown < 4 {
            let fragment = warp.pointee.fragments[k]
            let code = fragment.frame.pointee.code
            let ip = code.pointee.instructions + Int(fragment.pc)
            let place = launch.program.place(of: UnsafePointer(ip)) ?? "unknown place"
            let mask = String(fragment.mask, radix: 16)
            text += "; warp \(w) lanes 0x\(mask) wait at \(place)"
            if fragment.state == .barrier { text += " for barrier \(fragment.barrier)" }
            if fragment.state == .synchronizing || fragment.state == .warpBarrier {
                let missing = fragment.wanted & warp.pointee.context.live & ~fragment.mask
                text += " for lanes 0x\(String(missing, radix: 16))"
            }
            shown += 1
        }
    }
    return LaunchFault(code: FaultCode.timeout, message: text)
}
