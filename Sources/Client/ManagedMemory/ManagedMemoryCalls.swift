package import CUDAABI
internal import Driver
internal import DriverFrontend

// Managed memory (docs/adr/0022). Its contents move when somebody uses them; where they would better be is advice,
// which is checked and changes nothing.

extension ClientCalls {
    /// `CUmemAttach_flags`
    private enum Attach {
        static let global: UInt32 = 1
        static let host: UInt32 = 2
        static let single: UInt32 = 4
    }

    /// `cuMemAllocManaged`
    package static func cuMemAllocManaged(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: Int,
        _ flags: UInt32
    ) -> CUresult {
        withContext(givesWork: false) { state, _ in
            guard let address, bytes != 0, flags == Attach.global || flags == Attach.host else {
                return Status.invalidValue
            }
            guard bytes > 0 else { return Status.outOfMemory }
            let refusal = Capturing.checkUnsafeCall(state)
            guard refusal == Status.success else { return refusal }
            return allocate(state, bytes, as: .managed, &address.pointee)
        }
    }

    /// Allocates memory that the program and the GPU share.
    ///
    /// - Parameter bytes: At least 1.
    static func allocate(
        _ state: UnsafeMutablePointer<SessionState>,
        _ bytes: Int,
        as sharing: Allocation.Sharing,
        _ address: inout CUdeviceptr
    ) -> CUresult {
        var found: CUdeviceptr = 0
        let isExact = sharing == .pageLocked
        let status = ManagedMemory.allocate(state, bytes, isExact: isExact, &found)
        guard status == Status.success else { return status }
        state.pointee.memory.insert(
            Allocation(
                address: found,
                size: bytes,
                context: ContextStack.current,
                sharing: sharing
            )
        )
        address = found
        return Status.success
    }

    /// `cuMemPrefetchAsync`: the GPU gets what the program has written; what the program wants comes when it looks.
    package static func cuMemPrefetchAsync(
        _ address: CUdeviceptr,
        _ count: Int,
        _ device: CUdevice,
        _ stream: CUstream?
    ) -> CUresult {
        // -1: CU_DEVICE_CPU.
        prefetch(address, count, stream) { $0.pointee.devices.contains(device) || device == -1 }
    }

    /// `cuMemPrefetchAsync_v2`
    package static func cuMemPrefetchAsync_v2(
        _ address: CUdeviceptr,
        _ count: Int,
        _ location: CUmemLocation,
        _ flags: UInt32,
        _ stream: CUstream?
    ) -> CUresult {
        prefetch(address, count, stream) { flags == 0 && isPlace(location, $0) }
    }

    private static func prefetch(
        _ address: CUdeviceptr,
        _ count: Int,
        _ stream: CUstream?,
        _ isPlace: (UnsafeMutablePointer<SessionState>) -> Bool
    ) -> CUresult {
        withManaged(address, count, stream) { state in
            isPlace(state) ? Status.success : Status.invalidDevice
        }
    }

    /// `cuMemAdvise`
    package static func cuMemAdvise(
        _ address: CUdeviceptr,
        _ count: Int,
        _ advice: CUmem_advise,
        _ device: CUdevice
    ) -> CUresult {
        advise(address, count, advice) { $0.pointee.devices.contains(device) || device == -1 }
    }

    /// `cuMemAdvise_v2`
    package static func cuMemAdvise_v2(
        _ address: CUdeviceptr,
        _ count: Int,
        _ advice: CUmem_advise,
        _ location: CUmemLocation
    ) -> CUresult {
        advise(address, count, advice) { isPlace(location, $0) }
    }

    private static func advise(
        _ address: CUdeviceptr,
        _ count: Int,
        _ advice: CUmem_advise,
        _ isPlace: (UnsafeMutablePointer<SessionState>) -> Bool
    ) -> CUresult {
        withContext(givesWork: false) { state, _ in
            guard count > 0, isManaged(state, address, count), (1...6).contains(advice) else {
                return Status.invalidValue
            }
            // Whether it is mostly read (1, 2) is no matter of places.
            return advice <= 2 || isPlace(state) ? Status.success : Status.invalidDevice
        }
    }

    /// `cuStreamAttachMemAsync`: whichever stream uses it, the program and the GPU take turns.
    package static func cuStreamAttachMemAsync(
        _ stream: CUstream?,
        _ address: CUdeviceptr,
        _ length: Int,
        _ flags: UInt32
    ) -> CUresult {
        guard [Attach.global, Attach.host, Attach.single].contains(flags) else {
            return withContext(givesWork: false) { _, _ in Status.invalidValue }
        }
        return withManaged(address, length, stream) { _ in Status.success }
    }

    /// Checks what is to happen to managed memory in a stream.
    private static func withManaged(
        _ address: CUdeviceptr,
        _ count: Int,
        _ stream: CUstream?,
        _ body: (UnsafeMutablePointer<SessionState>) -> CUresult
    ) -> CUresult {
        guard let handle = Handles.stream(stream) else { return invalidHandle() }
        return withContext { state, _ in
            let refusal = Capturing.forbid(state, handle)
            guard refusal == Status.success else { return refusal }
            guard count >= 0, isManaged(state, address, count) else { return Status.invalidValue }
            return body(state)
        }
    }

    private static func isManaged(
        _ state: UnsafeMutablePointer<SessionState>,
        _ address: CUdeviceptr,
        _ count: Int
    ) -> Bool {
        guard let found = state.pointee.memory.find(address), found.isManaged else { return false }
        return state.pointee.memory.contains(address, count)
    }

    /// Whether a place of memory is a GPU of the program's, or the host (`CUmemLocationType` 2 to 4).
    private static func isPlace(
        _ location: CUmemLocation,
        _ state: UnsafeMutablePointer<SessionState>
    ) -> Bool {
        switch location.type {
        case 1: state.pointee.devices.contains(location.id)
        case 2, 3, 4: true
        default: false
        }
    }
}
