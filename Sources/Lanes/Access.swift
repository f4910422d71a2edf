package import CLanes

/// How a memory instruction names its address; in `LaneInstruction.mode`.
package enum AddressMode: UInt8, Sendable {
    /// 64-bit global (also constant) address.
    case global
    /// 64-bit generic address.
    case generic
    /// Offset in the block's shared memory, 32 or 64 bits wide.
    case shared32, shared64
    /// Offset in the thread's local memory, 32 or 64 bits wide.
    case local32, local64
    /// Offset in the kernel's parameters, 32 or 64 bits wide.
    case parameter32, parameter64
}

/// Generic addresses of the windows: non-canonical on x86-64, so they are no host addresses.
package enum Window {
    /// Tag of shared memory, in the top byte.
    package static let shared: UInt64 = 0x01 << 56
    /// Tag of local memory.
    package static let local: UInt64 = 0x02 << 56
    /// Tag of functions: not memory.
    package static let function: UInt64 = 0x03 << 56
    /// Tag of kernel parameters: read only.
    package static let parameter: UInt64 = 0x04 << 56
}

/// `CUresult` of faults.
package enum FaultCode {
    /// `CUDA_ERROR_ILLEGAL_ADDRESS`
    package static let illegalAddress: Int32 = 700
    /// `CUDA_ERROR_LAUNCH_TIMEOUT`
    package static let timeout: Int32 = 702
    /// `CUDA_ERROR_ASSERT`
    package static let assert: Int32 = 710
    /// `CUDA_ERROR_HARDWARE_STACK_ERROR`
    package static let stack: Int32 = 714
    /// `CUDA_ERROR_ILLEGAL_INSTRUCTION`
    package static let illegalInstruction: Int32 = 715
    /// `CUDA_ERROR_MISALIGNED_ADDRESS`
    package static let misaligned: Int32 = 716
    /// `CUDA_ERROR_INVALID_ADDRESS_SPACE`
    package static let invalidSpace: Int32 = 717
    /// `CUDA_ERROR_INVALID_PC`
    package static let invalidPC: Int32 = 718
    /// `CUDA_ERROR_LAUNCH_FAILED`
    package static let launchFailed: Int32 = 719
}

/// How the lanes of one access lie in memory.
enum AccessShape {
    /// Lane l at `base` + l · size.
    case contiguous(UnsafeMutableRawPointer)
    /// Every lane at the same place.
    case broadcast(UnsafeMutableRawPointer)
    /// The low and the high 16 lanes each in one of these ways: bit 0 of the last is set when the
    /// low ones are contiguous, bit 1 when the high ones are.
    case halves(UnsafeMutableRawPointer, UnsafeMutableRawPointer, UInt8)
    /// Each lane of the mask at its own `LaneContext.pointers`.
    case scattered
    /// Some lane may not; the fault is recorded.
    case refused
}

/// Whether every byte of [address, address + bytes) is allocated, in arena or ranges.
@inline(__always)
func isValid(_ context: Context, _ address: UInt64, _ bytes: UInt64) -> Bool {
    let offset = address &- context.pointee.arenaBase
    if offset < context.pointee.arenaSize {
        return granulesAreValid(
            context.pointee.shadow,
            offset,
            bytes,
            context.pointee.arenaSize
        )
    }
    return isInRanges(context, address, bytes)
}

/// Looks at each granule that [offset, offset + bytes) touches; `bytes` is at most a few KiB.
@inline(__always)
private func granulesAreValid(
    _ shadow: UnsafePointer<UInt16>,
    _ offset: UInt64,
    _ bytes: UInt64,
    _ size: UInt64
) -> Bool {
    guard bytes <= size &- offset else { return false }
    let first = offset >> 8
    let end = offset &+ bytes
    let last = (end &- 1) >> 8
    var granule = first
    while granule < last {
        if shadow[Int(truncatingIfNeeded: granule)] != 256 { return false }
        granule &+= 1
    }
    return end &- (last << 8) <= UInt64(shadow[Int(truncatingIfNeeded: last)])
}

@inline(never)
private func isInRanges(_ context: Context, _ address: UInt64, _ bytes: UInt64) -> Bool {
    let table = context.pointee.ranges
    let sequence = UnsafeRawPointer(table).assumingMemoryBound(to: UInt64.self)
    while true {
        let before = lane_atomic_load_u64(sequence)
        if before & 1 == 0 {
            let result = searchRanges(table, address, bytes)
            if lane_atomic_load_u64(sequence) == before { return result }
        }
        lane_pause()
    }
}

@inline(__always)
private func searchRanges(
    _ table: UnsafePointer<LaneRanges>,
    _ address: UInt64,
    _ bytes: UInt64
) -> Bool {
    guard let first = table.pointee.first else { return false }
    for k in 0..<Int(truncatingIfNeeded: table.pointee.count) {
        let range = first[k]
        let offset = address &- range.base
        if offset < range.size {
            guard bytes <= range.size &- offset else { continue }
            guard let shadow = range.shadow else { return true }
            if granulesAreValid(shadow, offset, bytes, range.size) { return true }
        }
    }
    return false
}

/// The checked host address of one lane, nil with the fault recorded.
@inline(__always)
func hostAddress(
    _ context: Context,
    _ i: Instruction,
    _ mode: AddressMode,
    _ address: UInt64,
    _ lane: Int,
    _ bytes: UInt64,
    _ alignment: UInt64,
    _ isWrite: Bool
) -> UnsafeMutableRawPointer? {
    if mode == .global || (mode == .generic && address >> 56 == 0) {
        if address & (alignment &- 1) == 0, isValid(context, address, bytes) {
            return UnsafeMutableRawPointer(bitPattern: UInt(address))
        }
    } else if let pointer = windowAddress(
        context,
        mode,
        address,
        lane,
        bytes,
        alignment,
        isWrite
    ) {
        return pointer
    }
    refuse(context, i, mode, address, lane, bytes, alignment, isWrite)
    return nil
}

@inline(__always)
private func windowAddress(
    _ context: Context,
    _ mode: AddressMode,
    _ address: UInt64,
    _ lane: Int,
    _ bytes: UInt64,
    _ alignment: UInt64,
    _ isWrite: Bool
) -> UnsafeMutableRawPointer? {
    guard address & (alignment &- 1) == 0 else { return nil }
    let offset = address & 0x00ff_ffff_ffff_ffff
    var space = address >> 56
    switch mode {
    case .shared32, .shared64: if space == 0 { space = 1 }
    case .local32, .local64: if space == 0 { space = 2 }
    case .parameter32, .parameter64: if space == 0 { space = 4 }
    default: break
    }
    switch (space, mode) {
    case (1, .shared32), (1, .shared64), (1, .generic):
        guard offset < context.pointee.sharedBytes,
            bytes <= context.pointee.sharedBytes &- offset
        else { return nil }
        return UnsafeMutableRawPointer(context.pointee.shared) + Int(truncatingIfNeeded: offset)
    case (2, .local32), (2, .local64), (2, .generic):
        let stride = context.pointee.localStride
        guard offset < stride, bytes <= stride &- offset else { return nil }
        return UnsafeMutableRawPointer(context.pointee.local)
            + (lane &* Int(truncatingIfNeeded: stride) &+ Int(truncatingIfNeeded: offset))
    case (4, .parameter32), (4, .parameter64), (4, .generic):
        guard !isWrite, offset < context.pointee.parameterBytes,
            bytes <= context.pointee.parameterBytes &- offset
        else { return nil }
        return UnsafeMutableRawPointer(mutating: context.pointee.parameters)
            + Int(truncatingIfNeeded: offset)
    default: return nil
    }
}

@inline(never)
private func refuse(
    _ context: Context,
    _ i: Instruction,
    _ mode: AddressMode,
    _ address: UInt64,
    _ lane: Int,
    _ bytes: UInt64,
    _ alignment: UInt64,
    _ isWrite: Bool
) {
    let misaligned = address & (alignment &- 1) != 0
    fault(
        context,
        i,
        code: misaligned ? FaultCode.misaligned : FaultCode.illegalAddress,
        lane: lane,
        address: address,
        bytes: Int(truncatingIfNeeded: bytes),
        isWrite: isWrite
    )
}

/// The address operand of a lane, displacement included.
@inline(__always)
func laneAddress(_ r: Registers, _ i: Instruction, _ mode: AddressMode, _ lane: Int) -> UInt64 {
    laneAddress(r, i.pointee.a, i.pointee.immediate, mode, lane)
}

/// The address that a register and a displacement make in a lane.
@inline(__always)
func laneAddress(
    _ r: Registers,
    _ register: Int32,
    _ displacement: Int64,
    _ mode: AddressMode,
    _ lane: Int
) -> UInt64 {
    switch mode {
    case .shared32, .local32, .parameter32:
        let low = lanes(r, register, UInt32.self)[lane]
        return UInt64(low &+ UInt32(truncatingIfNeeded: displacement))
    default:
        let base = lanes(r, register, UInt64.self)[lane]
        return base &+ UInt64(bitPattern: displacement)
    }
}

/// Classifies and checks the access of `m`'s lanes. A warp with all lanes is looked at as a whole;
/// what is neither contiguous nor equal gets one checked pointer per lane.
@inline(__always)
func shape(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _ mode: AddressMode,
    bytes: Int,
    isWrite: Bool
) -> AccessShape {
    let size = UInt64(truncatingIfNeeded: bytes)
    guard m == everyLane else { return scatter(r, i, m, context, mode, size, isWrite) }
    let low: LanePattern
    let high: LanePattern
    switch mode {
    case .global, .generic, .shared64:
        let a = r + Int(i.pointee.a)
        low = lane_pattern64(a, size, 0)
        high = lane_pattern64(a, size, 1)
    case .shared32:
        let a = r + Int(i.pointee.a)
        low = lane_pattern32(a, UInt32(truncatingIfNeeded: size), 0)
        high = lane_pattern32(a, UInt32(truncatingIfNeeded: size), 1)
    default: return scatter(r, i, m, context, mode, size, isWrite)
    }
    let first = laneAddress(r, i, mode, 0)
    let middle = laneAddress(r, i, mode, 16)
    if low.stepped | high.stepped == 0, middle == first &+ 16 &* size,
        let base = block(context, mode, first, 32 &* size, size, isWrite)
    {
        if !isWrite, mode == .global || mode == .generic { foresee(i, context, first, 32 &* size) }
        return .contiguous(base)
    }
    if low.equal | high.equal == 0, middle == first,
        let base = block(context, mode, first, size, size, isWrite)
    {
        return .broadcast(base)
    }
    if low.stepped == 0 || low.equal == 0, high.stepped == 0 || high.equal == 0 {
        let lowSize = low.stepped == 0 ? 16 &* size : size
        let highSize = high.stepped == 0 ? 16 &* size : size
        if let p = block(context, mode, first, lowSize, size, isWrite),
            let q = block(context, mode, middle, highSize, size, isWrite)
        {
            let flags: UInt8 = (low.stepped == 0 ? 1 : 0) | (high.stepped == 0 ? 2 : 0)
            return .halves(p, q, flags)
        }
    }
    return scatter(r, i, m, context, mode, size, isWrite)
}

/// Fetches what the same load wants two steps later, when it goes through memory in strides that
/// the processor does not foresee by itself: of a page and more, as a grid does that is smaller
/// than its arrays.
@inline(__always)
private func foresee(_ i: Instruction, _ context: Context, _ address: UInt64, _ bytes: UInt64) {
    let place = Int(truncatingIfNeeded: (UInt(bitPattern: i) >> 6) & 15)
    let stride = address &- context.pointee.recent[place]
    context.pointee.recent[place] = address
    guard stride &+ 4096 > 8192, stride &+ (1 << 26) < 1 << 27 else { return }
    let ahead = address &+ 2 &* stride
    guard ahead &- context.pointee.arenaBase < context.pointee.arenaSize else { return }
    lane_prefetch(ahead)
    if bytes > 64 { lane_prefetch(ahead &+ 64) }
}

/// The checked host address of consecutive bytes that several lanes use; nil when they may not, or
/// when each lane has its own (local memory).
@inline(__always)
private func block(
    _ context: Context,
    _ mode: AddressMode,
    _ address: UInt64,
    _ bytes: UInt64,
    _ alignment: UInt64,
    _ isWrite: Bool
) -> UnsafeMutableRawPointer? {
    if mode == .global || (mode == .generic && address >> 56 == 0) {
        guard address & (alignment &- 1) == 0, isValid(context, address, bytes) else { return nil }
        return UnsafeMutableRawPointer(bitPattern: UInt(address))
    }
    if mode == .generic, address >> 56 == 2 { return nil }
    return windowAddress(context, mode, address, 0, bytes, alignment, isWrite)
}

@inline(__always)
func scatter(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _ mode: AddressMode,
    _ size: UInt64,
    _ isWrite: Bool
) -> AccessShape {
    let pointers = context.pointee.pointers
    var rest = m
    while rest != 0 {
        let lane = rest.trailingZeroBitCount
        rest &= rest &- 1
        let address = laneAddress(r, i, mode, lane)
        guard
            let pointer = hostAddress(context, i, mode, address, lane, size, size, isWrite)
        else { return .refused }
        pointers[lane] = pointer.assumingMemoryBound(to: UInt8.self)
    }
    return .scattered
}

/// Checked access for what is not an instruction's handler.
package enum LaneAccess {
    /// Where a lane's generic address lies in this process, for reading; nil with the fault
    /// recorded.
    package static func pointer(
        _ context: UnsafeMutablePointer<LaneContext>,
        _ instruction: UnsafePointer<LaneInstruction>,
        _ address: UInt64,
        lane: Int,
        bytes: Int
    ) -> UnsafeRawPointer? {
        let size = UInt64(truncatingIfNeeded: bytes)
        let found = hostAddress(
            context,
            instruction,
            .generic,
            address,
            lane,
            size,
            size,
            false
        )
        return found.map { UnsafeRawPointer($0) }
    }
}
