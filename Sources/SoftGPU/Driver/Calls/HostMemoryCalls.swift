package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuMemAllocHost_v2(
        _ pointer: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ bytes: Int
    ) -> CUresult {
        cuMemHostAlloc(pointer, bytes, 0)
    }

    package static func cuMemHostAlloc(
        _ pointer: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ bytes: Int,
        _ flags: UInt32
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let pointer = try required(pointer)
            try context.driver.checkUnsafeCall()
            // 1 portable, 2 mapped, 4 write-combined
            guard flags & ~7 == 0 else { throw .invalidValue }
            pointer.pointee = try context.driver.hostMemory.allocate(
                bytes,
                flags: flags,
                context: context
            )
        }
    }

    package static func cuMemFreeHost(_ pointer: UnsafeMutableRawPointer?) -> CUresult {
        withContext { (context) throws(Failure) in
            guard let pointer else { return }
            try context.driver.checkUnsafeCall()
            let base = UInt64(UInt(bitPattern: pointer))
            let block = context.driver.hostMemory.block(containing: base)
            guard let block, block.base == base, !block.isRegistered, !block.isManaged else {
                throw .invalidValue
            }
            context.driver.synchronizeAll()
            try context.driver.hostMemory.free(base)
        }
    }

    package static func cuMemHostRegister_v2(
        _ pointer: UnsafeMutableRawPointer?,
        _ bytes: Int,
        _ flags: UInt32
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let pointer = try required(pointer)
            try context.driver.checkUnsafeCall()
            // 1 portable, 2 mapped, 4 input/output memory, 8 read-only
            guard flags & ~15 == 0 else { throw .invalidValue }
            guard flags & 12 == 0 else { throw .notSupported }
            try context.driver.hostMemory.register(
                UInt64(UInt(bitPattern: pointer)),
                bytes,
                flags: flags,
                context: context
            )
        }
    }

    package static func cuMemHostUnregister(_ pointer: UnsafeMutableRawPointer?) -> CUresult {
        withContext { (context) throws(Failure) in
            let pointer = try required(pointer)
            try context.driver.checkUnsafeCall()
            context.driver.synchronizeAll()
            try context.driver.hostMemory.unregister(UInt64(UInt(bitPattern: pointer)))
        }
    }

    package static func cuMemHostGetDevicePointer_v2(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ pointer: UnsafeMutableRawPointer?,
        _ flags: UInt32
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let (address, pointer) = (try required(address), try required(pointer))
            guard flags == 0 else { throw .invalidValue }
            let host = UInt64(UInt(bitPattern: pointer))
            guard context.driver.hostMemory.block(containing: host) != nil else {
                throw .invalidValue
            }
            address.pointee = host
        }
    }

    package static func cuMemHostGetFlags(
        _ flags: UnsafeMutablePointer<UInt32>?,
        _ pointer: UnsafeMutableRawPointer?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let (flags, pointer) = (try required(flags), try required(pointer))
            let host = UInt64(UInt(bitPattern: pointer))
            guard let block = context.driver.hostMemory.block(containing: host) else {
                throw .invalidValue
            }
            // With unified addressing all of it is mapped.
            flags.pointee = block.flags | 2
        }
    }
}

extension SoftDriver {
    /// Waits for the work of all contexts: any of it may use pinned memory.
    func synchronizeAll() {
        for device in devices {
            for context in device.liveContexts() { context.synchronize() }
        }
    }
}
