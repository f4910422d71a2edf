internal import CLinux
package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuMemGetInfo_v2(
        _ free: UnsafeMutablePointer<Int>?,
        _ total: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let (free, total) = (try required(free), try required(total))
            total.pointee = context.memory.capacity
            free.pointee = max(0, context.memory.capacity - context.memory.used)
        }
    }

    package static func cuMemAlloc_v2(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: Int
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            try context.driver.checkUnsafeCall()
            try required(address).pointee = context.allocate(bytes)
        }
    }

    package static func cuMemAllocManaged(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: Int,
        _ flags: UInt32
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            try context.driver.checkUnsafeCall()
            // 1 attached to all, 2 to the host
            guard flags == 1 || flags == 2 else { throw .invalidValue }
            try required(address).pointee = context.allocate(bytes, isManaged: true)
        }
    }

    package static func cuMemAllocPitch_v2(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ pitch: UnsafeMutablePointer<Int>?,
        _ width: Int,
        _ height: Int,
        _ elementSize: UInt32
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let (address, pitch) = (try required(address), try required(pitch))
            try context.driver.checkUnsafeCall()
            guard width > 0, height > 0, [4, 8, 16].contains(elementSize) else {
                throw .invalidValue
            }
            guard width <= 1 << 40 else { throw .outOfMemory }
            let row = (width + 511) & ~511
            let (bytes, overflow) = row.multipliedReportingOverflow(by: height)
            guard !overflow else { throw .outOfMemory }
            address.pointee = try context.allocate(bytes)
            pitch.pointee = row
        }
    }

    package static func cuMemFree_v2(_ address: CUdeviceptr) -> CUresult {
        withContext { (context) throws(Failure) in
            if address == 0 { return }
            try context.driver.checkUnsafeCall()
            for device in context.driver.devices {
                guard let memory = device.memory, let found = device.allocations.find(address)
                else { continue }
                if found.isOfGraph {
                    found.context.synchronize()
                    return try context.driver.freeGraphMemory(address)
                }
                if let pool = found.pool {
                    // Nobody is waited for (driver API reference).
                    guard device.allocations.remove(address) != nil else { throw .invalidValue }
                    pool.free(address, found.size)
                    return
                }
                // Work that may still use the memory comes first, as with the driver.
                found.context.synchronize()
                try context.check()
                guard device.allocations.remove(address) != nil else { throw .invalidValue }
                _ = memory.free(address)
                return
            }
            throw .invalidValue
        }
    }

    package static func cuMemGetAddressRange_v2(
        _ base: UnsafeMutablePointer<CUdeviceptr>?,
        _ size: UnsafeMutablePointer<Int>?,
        _ address: CUdeviceptr
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            switch context.driver.region(at: address) {
            case .device(let device, let start, let bytes):
                // Of memory that was mapped, what one call has mapped.
                let mapping = device.memory?.mapping(containing: address)
                base?.pointee = mapping?.address ?? start
                size?.pointee = mapping.map { Int($0.size) } ?? bytes
            case .pinned(let block):
                base?.pointee = block.base
                size?.pointee = block.size
            case .other: throw .notFound
            }
        }
    }
}

extension Context {
    /// Takes device memory.
    func allocate(_ bytes: Int, isManaged: Bool = false) throws(Failure) -> UInt64 {
        guard bytes != 0 else { throw .invalidValue }
        // A negative number is a size beyond 2^63.
        guard bytes > 0,
            let base = memory.allocateAsDriver(bytes) ?? allocateFromPools(bytes)
        else { throw .outOfMemory }
        device.allocations.add(base: base, size: bytes, context: self, isManaged: isManaged)
        return base
    }

    /// Has pools give up what they do not use, and tries again.
    private func allocateFromPools(_ bytes: Int) -> UInt64? {
        device.pools.trimAll() ? memory.allocateAsDriver(bytes) : nil
    }
}

extension DeviceMemory {
    /// Takes memory where NVIDIA's driver would: what is as large as a page of the GPU starts at one. Taichi counts on
    /// it, which fills a buffer of just the right size with parts that start at multiples of 4 KiB.
    fileprivate func allocateAsDriver(_ bytes: Int) -> UInt64? {
        let page = 2 << 20
        guard bytes >= page / 2 else { return allocate(bytes) }
        return allocate(bytes, alignment: page) ?? allocate(bytes)
    }
}
