package import CUDAABI
internal import Driver
internal import DriverFrontend

// Which pool a GPU uses: answered here.
extension ClientCalls {
    /// `cuDeviceGetDefaultMemPool`
    package static func cuDeviceGetDefaultMemPool(
        _ pool: UnsafeMutablePointer<CUmemoryPool?>?,
        _ device: CUdevice
    ) -> CUresult {
        find(pool, device, MemoryPools.standard)
    }

    /// `cuDeviceGetMemPool`
    package static func cuDeviceGetMemPool(
        _ pool: UnsafeMutablePointer<CUmemoryPool?>?,
        _ device: CUdevice
    ) -> CUresult {
        find(pool, device, MemoryPools.current)
    }

    /// `cuDeviceSetMemPool`
    package static func cuDeviceSetMemPool(_ device: CUdevice, _ pool: CUmemoryPool?) -> CUresult {
        withPools(of: device) { state in
            let handle = Handles.raw(pool)
            guard let entry = state.pointee.memoryPoolHandles.find(handle),
                entry.pointee.device == device
            else { return Status.invalidValue }
            MemoryPools.use(state, handle, device)
            return Status.success
        }
    }

    /// `cuMemGetDefaultMemPool`
    package static func cuMemGetDefaultMemPool(
        _ pool: UnsafeMutablePointer<CUmemoryPool?>?,
        _ location: UnsafeMutablePointer<CUmemLocation>?,
        _ kind: CUmemAllocationType
    ) -> CUresult {
        withPlace(location, kind) { cuDeviceGetDefaultMemPool(pool, $0) }
    }

    /// `cuMemGetMemPool`
    package static func cuMemGetMemPool(
        _ pool: UnsafeMutablePointer<CUmemoryPool?>?,
        _ location: UnsafeMutablePointer<CUmemLocation>?,
        _ kind: CUmemAllocationType
    ) -> CUresult {
        withPlace(location, kind) { cuDeviceGetMemPool(pool, $0) }
    }

    /// `cuMemSetMemPool`
    package static func cuMemSetMemPool(
        _ location: UnsafeMutablePointer<CUmemLocation>?,
        _ kind: CUmemAllocationType,
        _ pool: CUmemoryPool?
    ) -> CUresult {
        withPlace(location, kind) { cuDeviceSetMemPool($0, pool) }
    }

    private static func find(
        _ pool: UnsafeMutablePointer<CUmemoryPool?>?,
        _ device: CUdevice,
        _ find: (UnsafeMutablePointer<SessionState>, Int32) -> UInt64?
    ) -> CUresult {
        withPools(of: device) { state in
            guard let pool else { return Status.invalidValue }
            guard let handle = find(state, device) else { return Status.outOfMemory }
            pool.pointee = Handles.pointer(handle)
            return Status.success
        }
    }

    private static func withPools(
        of device: CUdevice,
        _ body: (UnsafeMutablePointer<SessionState>) -> CUresult
    ) -> CUresult {
        withSession { state in
            guard state.pointee.devices.contains(device) else { return Status.invalidDevice }
            guard state.pointee.devices.attribute(device, MemoryPoolProperties.areSupported) != 0
            else { return Status.notSupported }
            return body(state)
        }
    }

    /// Runs `body` with the GPU at a place; other places have no pools here.
    private static func withPlace(
        _ location: UnsafeMutablePointer<CUmemLocation>?,
        _ kind: CUmemAllocationType,
        _ body: (CUdevice) -> CUresult
    ) -> CUresult {
        guard let location else { return Status.invalidValue }
        let problem = MemoryPoolProperties.problem(kind: kind)
        guard problem == Status.success else { return problem }
        guard location.pointee.type == MemoryPoolProperties.gpu else {
            Log.notSupported("memory pools of other places than GPUs")
            return Status.notSupported
        }
        return body(location.pointee.id)
    }
}
