package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Memory that is taken and given back in the order of a stream. It belongs to no context.

extension ClientCalls {
    /// `cuMemAllocAsync`: from the current pool of the stream's GPU.
    package static func cuMemAllocAsync(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        StreamOrdered.with(stream) { state, place in
            guard let pool = MemoryPools.current(state, place.device(state)) else {
                return Status.outOfMemory
            }
            return StreamOrdered.allocate(state, address, bytes, pool, place)
        }
    }

    /// `cuMemAllocFromPoolAsync`
    package static func cuMemAllocFromPoolAsync(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: Int,
        _ pool: CUmemoryPool?,
        _ stream: CUstream?
    ) -> CUresult {
        StreamOrdered.with(stream) { state, place in
            let pool = Handles.raw(pool)
            guard state.pointee.memoryPoolHandles.find(pool) != nil else {
                return Status.invalidValue
            }
            return StreamOrdered.allocate(state, address, bytes, pool, place)
        }
    }

    /// `cuMemFreeAsync`; address 0 is nothing to give back, not an error (NVIDIA's Warp does so).
    package static func cuMemFreeAsync(_ address: CUdeviceptr, _ stream: CUstream?) -> CUresult {
        StreamOrdered.with(stream) { state, place in
            guard address != 0 else { return Status.success }
            if _slowPath(state.pointee.captures.isAny) {
                if let status = GraphMemories.captureFree(state, address, place) { return status }
            }
            guard let memory = state.pointee.memory.remove(address) else {
                return GraphMemories.free(state, address)
            }
            guard memory.pool != 0 else { return StreamOrdered.freeOther(state, memory, place) }
            MemoryPools.keep(state, place.block(address, memory.size, memory.pool))
            return Status.success
        }
    }
}
