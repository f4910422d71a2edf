package import CUDAABI
internal import Driver

// Memory that is taken and given back in the order of a stream. It is taken at once: the machine
// has no use for the delay.
extension SoftCalls {
    package static func cuMemAllocAsync(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let stream = try driver.stream(stream)
            let device = stream.context.device
            let pool = try device.pools.current(device, driver)
            try required(address).pointee = stream.allocate(bytes, from: pool)
        }
    }

    package static func cuMemAllocFromPoolAsync(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: Int,
        _ pool: CUmemoryPool?,
        _ stream: CUstream?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let stream = try driver.stream(stream)
            let pool = try driver.memoryPool(pool)
            try required(address).pointee = stream.allocate(bytes, from: pool)
        }
    }

    package static func cuMemFreeAsync(_ address: CUdeviceptr, _ stream: CUstream?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let stream = try driver.stream(stream)
            guard address != 0 else { return }
            if Captures.isAny, try driver.graphs.captureFree(address, in: stream) { return }
            for device in driver.devices {
                if device.allocations.find(address)?.isOfGraph == true {
                    return try driver.freeGraphMemory(address)
                }
                guard let memory = device.memory,
                    let allocation = device.allocations.remove(address)
                else { continue }
                let (base, size, pool) = (allocation.base, allocation.size, allocation.pool)
                try stream.context.submit(to: stream, isShort: true, isUnconditional: true) {
                    if let pool { pool.free(base, size) } else { _ = memory.free(base) }
                    return Status.success
                }
                return
            }
            throw .invalidValue
        }
    }
}

extension Stream {
    /// Takes memory of a pool.
    fileprivate func allocate(_ bytes: Int, from pool: MemoryPool) throws(Failure) -> UInt64 {
        if Captures.isAny,
            let address = try context.driver.graphs.captureAllocation(bytes, in: self)
        {
            return address
        }
        guard bytes != 0 else { throw .invalidValue }
        // A negative number is a size beyond 2^63.
        guard bytes > 0 else { throw .outOfMemory }
        guard let base = pool.allocate(bytes) ?? trimOthers(bytes, pool) else {
            throw .outOfMemory
        }
        pool.device.allocations.add(
            base: base,
            size: bytes,
            context: context,
            isManaged: false,
            pool: pool
        )
        return base
    }

    private func trimOthers(_ bytes: Int, _ pool: MemoryPool) -> UInt64? {
        pool.device.pools.trimAll() ? pool.allocate(bytes) : nil
    }
}
