internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Device memory, page-locked host memory, and what a pointer is.

extension ClientCalls {
    /// `cuMemAlloc_v2`
    package static func cuMemAlloc_v2(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: Int
    ) -> CUresult {
        withContext(givesWork: false) { state, context in
            guard let address, bytes != 0 else { return Status.invalidValue }
            guard bytes > 0 else { return Status.outOfMemory }
            let refusal = Capturing.checkUnsafeCall(state)
            guard refusal == Status.success else { return refusal }
            return MemoryPools.retrying(state) {
                allocate(state, context, bytes, &address.pointee)
            }
        }
    }

    /// Takes memory of the GPU.
    ///
    /// - Parameter bytes: At least 1.
    static func allocate(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ bytes: Int,
        _ address: inout CUdeviceptr
    ) -> CUresult {
        var found: UInt64 = 0
        let status = Session.wait(
            state,
            .cuMemAlloc_v2,
            context: context,
            size: MemoryLayouts.allocSize,
            replySize: ReplyLayout.values + 8
        ) {
            $0.storeBytes(of: UInt64(bytes), as: UInt64.self)
        } reply: {
            found = $0.loadUnaligned(fromByteOffset: ReplyLayout.values, as: UInt64.self)
        }
        guard status == 0 else { return giveBack(state, context, found, status) }
        remember(state, found, bytes)
        address = found
        return Status.success
    }

    /// Frees what the server allocated although the program is told of an error: that of an
    /// earlier call without a reply.
    private static func giveBack(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ address: UInt64,
        _ status: CUresult
    ) -> CUresult {
        guard address != 0, state.pointee.lostStatus == 0 else { return status }
        _ = Session.send(state, .cuMemFree_v2, context: context, size: MemoryLayouts.freeSize) {
            $0.storeBytes(of: address, as: UInt64.self)
        }
        return status
    }

    private static func remember(
        _ state: UnsafeMutablePointer<SessionState>,
        _ address: UInt64,
        _ bytes: Int
    ) {
        state.pointee.memory.insert(
            Allocation(
                address: address,
                size: bytes,
                context: ContextStack.current
            )
        )
    }

    /// `cuMemAllocPitch_v2`
    package static func cuMemAllocPitch_v2(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ pitch: UnsafeMutablePointer<Int>?,
        _ width: Int,
        _ height: Int,
        _ elementSize: UInt32
    ) -> CUresult {
        withContext(givesWork: false) { state, context in
            guard let address, let pitch, width > 0, height > 0,
                elementSize == 4 || elementSize == 8 || elementSize == 16
            else { return Status.invalidValue }
            let refusal = Capturing.checkUnsafeCall(state)
            guard refusal == Status.success else { return refusal }
            var found: (UInt64, UInt64) = (0, 0)
            let status = MemoryPools.retrying(state) {
                Session.wait(
                    state,
                    .cuMemAllocPitch_v2,
                    context: context,
                    size: MemoryLayouts.allocPitchSize,
                    replySize: ReplyLayout.values + 16
                ) {
                    $0.storeBytes(of: UInt64(width), as: UInt64.self)
                    $0.storeBytes(of: UInt64(height), toByteOffset: 8, as: UInt64.self)
                    $0.storeBytes(of: UInt64(elementSize), toByteOffset: 16, as: UInt64.self)
                } reply: {
                    let (first, second) = (ReplyLayout.values, ReplyLayout.values + 8)
                    found.0 = $0.loadUnaligned(fromByteOffset: first, as: UInt64.self)
                    found.1 = $0.loadUnaligned(fromByteOffset: second, as: UInt64.self)
                }
            }
            guard status == 0 else { return giveBack(state, context, found.0, status) }
            let (all, overflow) = found.1.multipliedReportingOverflow(by: UInt64(height))
            guard !overflow, all <= UInt64(Int.max), found.1 >= UInt64(width) else {
                return Status.unknown
            }
            remember(state, found.0, Int(all))
            address.pointee = found.0
            pitch.pointee = Int(found.1)
            return Status.success
        }
    }

    /// `cuMemFree_v2`: what can be wrong with it is known here, so nothing is waited for.
    package static func cuMemFree_v2(_ address: CUdeviceptr) -> CUresult {
        withContext(givesWork: false) { state, context in
            if address == 0 { return Status.success }
            let refusal = Capturing.checkUnsafeCall(state)
            guard refusal == Status.success else { return refusal }
            guard let found = state.pointee.memory.remove(address) else {
                return GraphMemories.freeAndWait(state, context, address)
            }
            if found.sharing != .none {
                let status = Capturing.settle(state, context)
                ManagedMemory.free(state, address, found.size)
                return status
            }
            let told = HostFunctions.mayHoldDriver(state) ? cuCtxSynchronize() : Status.success
            let size = MemoryLayouts.freeSize
            let status = Session.send(state, .cuMemFree_v2, context: context, size: size) {
                $0.storeBytes(of: address, as: UInt64.self)
            }
            return told != Status.success ? told : status
        }
    }

    /// `cuMemGetInfo_v2`
    package static func cuMemGetInfo_v2(
        _ free: UnsafeMutablePointer<Int>?,
        _ total: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        withContext(givesWork: false) { state, context in
            guard let free, let total else { return Status.invalidValue }
            MemoryPools.giveAllBack(state)
            return Session.wait(
                state,
                .cuMemGetInfo_v2,
                context: context,
                size: 0,
                replySize: ReplyLayout.values + 16
            ) { _ in
            } reply: { reply in
                let (first, second) = (ReplyLayout.values, ReplyLayout.values + 8)
                let left = reply.loadUnaligned(fromByteOffset: first, as: UInt64.self)
                free.pointee = Int(truncatingIfNeeded: left)
                let all = reply.loadUnaligned(fromByteOffset: second, as: UInt64.self)
                total.pointee = Int(truncatingIfNeeded: all)
            }
        }
    }

    /// `cuMemGetAddressRange_v2`
    package static func cuMemGetAddressRange_v2(
        _ base: UnsafeMutablePointer<CUdeviceptr>?,
        _ size: UnsafeMutablePointer<Int>?,
        _ address: CUdeviceptr
    ) -> CUresult {
        withContext(givesWork: false) { state, _ in
            guard let found = state.pointee.memory.find(address) else { return Status.notFound }
            base?.pointee = found.address
            size?.pointee = found.size
            return Status.success
        }
    }

    /// `cuMemHostAlloc`
    package static func cuMemHostAlloc(
        _ pointer: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ bytes: Int,
        _ flags: UInt32
    ) -> CUresult {
        withContext(givesWork: false) { state, _ in
            guard let pointer, bytes > 0, flags <= 7 else { return Status.invalidValue }
            let refusal = Capturing.checkUnsafeCall(state)
            guard refusal == Status.success else { return refusal }
            if flags & deviceMap != 0 { return allocateMapped(state, pointer, bytes, flags) }
            pointer.pointee = PageLocked.allocate(state, bytes, flags: flags)
            return pointer.pointee == nil ? Status.outOfMemory : Status.success
        }
    }

    /// CU_MEMHOSTALLOC_DEVICEMAP
    private static let deviceMap: UInt32 = 2

    /// Page-locked memory that kernels use, too: the GPU has it as well, as managed memory.
    private static func allocateMapped(
        _ state: UnsafeMutablePointer<SessionState>,
        _ pointer: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
        _ bytes: Int,
        _ flags: UInt32
    ) -> CUresult {
        var address: CUdeviceptr = 0
        var status = allocate(state, bytes, as: .pageLocked, &address)
        guard status == Status.success else { return status }
        status = state.pointee.hostMemory.share(UInt(address), bytes, flags: flags)
        guard status == Status.success else {
            _ = state.pointee.memory.remove(address, isPageLocked: true)
            ManagedMemory.free(state, address, bytes)
            return status
        }
        pointer.pointee = UnsafeMutableRawPointer(bitPattern: UInt(address))
        return Status.success
    }

    /// `cuMemAllocHost_v2`
    package static func cuMemAllocHost_v2(
        _ pointer: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ bytes: Int
    ) -> CUresult {
        cuMemHostAlloc(pointer, bytes, 0)
    }

    /// `cuMemFreeHost`
    package static func cuMemFreeHost(_ pointer: UnsafeMutableRawPointer?) -> CUresult {
        withContext(givesWork: false) { state, context in
            guard let pointer else { return Status.invalidValue }
            guard state.pointee.hostMemory.find(UInt(bitPattern: pointer)) != nil else {
                return Status.invalidValue
            }
            let refusal = Capturing.checkUnsafeCall(state)
            guard refusal == Status.success else { return refusal }
            // Copies to it may still be on their way.
            let status = Capturing.settle(state, context)
            let address = CUdeviceptr(UInt(bitPattern: pointer))
            if let found = state.pointee.memory.remove(address, isPageLocked: true) {
                ManagedMemory.free(state, address, found.size)
                return status
            }
            let freed = PageLocked.free(state, pointer)
            return Status.isSticky(status) ? status : freed
        }
    }

    /// `cuMemHostRegister_v2`
    package static func cuMemHostRegister_v2(
        _ pointer: UnsafeMutableRawPointer?,
        _ bytes: Int,
        _ flags: UInt32
    ) -> CUresult {
        withContext(givesWork: false) { state, _ in
            guard let pointer else { return Status.invalidValue }
            let refusal = Capturing.checkUnsafeCall(state)
            guard refusal == Status.success else { return refusal }
            return state.pointee.hostMemory.register(pointer, bytes, flags: flags)
        }
    }

    /// `cuMemHostUnregister`
    package static func cuMemHostUnregister(_ pointer: UnsafeMutableRawPointer?) -> CUresult {
        withContext(givesWork: false) { state, context in
            guard let pointer else { return Status.invalidValue }
            let refusal = Capturing.checkUnsafeCall(state)
            guard refusal == Status.success else { return refusal }
            let status = Capturing.settle(state, context)
            let done = state.pointee.hostMemory.unregister(pointer)
            return Status.isSticky(status) ? status : done
        }
    }

    /// `cuMemHostGetFlags`
    package static func cuMemHostGetFlags(
        _ flags: UnsafeMutablePointer<UInt32>?,
        _ pointer: UnsafeMutableRawPointer?
    ) -> CUresult {
        withContext(givesWork: false) { state, _ in
            guard let flags, let pointer,
                let range = state.pointee.hostMemory.find(UInt(bitPattern: pointer))
            else { return Status.invalidValue }
            flags.pointee = range.flags
            return Status.success
        }
    }

    /// `cuMemHostGetDevicePointer_v2`: kernels on the server reach page-locked memory that was allocated, and no other
    /// memory of the program's.
    package static func cuMemHostGetDevicePointer_v2(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ pointer: UnsafeMutableRawPointer?,
        _ flags: UInt32
    ) -> CUresult {
        withContext(givesWork: false) { state, _ in
            guard let pointer, let address,
                let range = state.pointee.hostMemory.find(UInt(bitPattern: pointer))
            else { return Status.invalidValue }
            let found = CUdeviceptr(UInt(bitPattern: pointer))
            if !range.isMapped {
                guard let status = ManagedMemory.adopt(state, found) else {
                    Log.notSupported(
                        "cuMemHostGetDevicePointer_v2 of memory that was only registered"
                    )
                    return Status.notSupported
                }
                guard status == Status.success else { return status }
            }
            address.pointee = found
            return Status.success
        }
    }
}
