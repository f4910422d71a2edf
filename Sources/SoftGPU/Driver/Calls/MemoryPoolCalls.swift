package import CUDAABI
internal import Driver

// Pools of memory that is taken and given back in the order of streams.
extension SoftCalls {
    package static func cuMemPoolCreate(
        _ pool: UnsafeMutablePointer<CUmemoryPool?>?,
        _ properties: OpaquePointer?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let pool = try required(pool)
            let properties = try MemoryPoolProperties(properties)
            let device = try properties.place.device(driver)
            let made = try device.pools.make(device, driver, most: properties.most)
            pool.pointee = handle(made.handle)
        }
    }

    package static func cuMemPoolDestroy(_ pool: CUmemoryPool?) -> CUresult {
        withPool(pool) { (driver, pool) throws(Failure) in
            guard pool.device.pools.remove(pool, driver) else { throw .invalidValue }
        }
    }

    package static func cuMemPoolTrimTo(_ pool: CUmemoryPool?, _ least: Int) -> CUresult {
        withPool(pool) { (_, pool) throws(Failure) in
            pool.trim(to: least < 0 ? .max : least)
        }
    }

    package static func cuMemPoolGetAttribute(
        _ pool: CUmemoryPool?,
        _ attribute: CUmemPool_attribute,
        _ value: UnsafeMutableRawPointer?
    ) -> CUresult {
        withPool(pool) { (_, pool) throws(Failure) in
            let value = try required(value)
            let ordinal = UInt64(pool.device.ordinal)
            let isPlace = attribute == MemoryPoolAttribute.locationNumber
            guard let found = isPlace ? ordinal : pool.attribute(attribute) else {
                throw .invalidValue
            }
            if MemoryPoolAttribute.isLong(attribute) {
                value.storeBytes(of: found, as: UInt64.self)
            } else {
                value.storeBytes(of: Int32(truncatingIfNeeded: found), as: Int32.self)
            }
        }
    }

    package static func cuMemPoolSetAttribute(
        _ pool: CUmemoryPool?,
        _ attribute: CUmemPool_attribute,
        _ value: UnsafeMutableRawPointer?
    ) -> CUresult {
        withPool(pool) { (_, pool) throws(Failure) in
            let value = try required(value)
            let wanted =
                MemoryPoolAttribute.isLong(attribute)
                ? value.loadUnaligned(as: UInt64.self)
                : UInt64(value.loadUnaligned(as: UInt32.self))
            guard pool.setAttribute(attribute, wanted) else { throw .invalidValue }
        }
    }

    package static func cuMemPoolSetAccess(
        _ pool: CUmemoryPool?,
        _ descriptions: OpaquePointer?,
        _ count: Int
    ) -> CUresult {
        withPool(pool) { (driver, pool) throws(Failure) in
            let descriptions = UnsafeRawPointer(try required(descriptions))
            guard (1...1024).contains(count) else { throw .invalidValue }
            for index in 0..<count {
                // CUmemAccessDesc: CUmemLocation location, CUmemAccess_flags flags
                let each = descriptions + 12 * index
                let access = each.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
                let device = try MemoryPlace(each).device(driver)
                let isOwn = device === pool.device
                // 0 none, 3 all
                guard access == 3 || access == 0 && !isOwn else { throw .invalidValue }
                if !isOwn {
                    let memory = try device.engine(driver).memory
                    pool.setAccess(of: device, memory, isAllowed: access == 3)
                }
            }
        }
    }

    package static func cuMemPoolGetAccess(
        _ flags: UnsafeMutablePointer<CUmemAccess_flags>?,
        _ pool: CUmemoryPool?,
        _ location: UnsafeMutablePointer<CUmemLocation>?
    ) -> CUresult {
        withPool(pool) { (driver, pool) throws(Failure) in
            let (flags, location) = (try required(flags), try required(location))
            let device = try MemoryPlace(UnsafeRawPointer(location)).device(driver)
            flags.pointee = pool.isUsable(by: device) ? 3 : 0
        }
    }

    /// Calls `body` with the pool of a handle.
    private static func withPool(
        _ pool: CUmemoryPool?,
        _ body: (SoftDriver, MemoryPool) throws(Failure) -> Void
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try body(driver, try driver.memoryPool(pool))
        }
    }
}

// Which pool a GPU uses.
extension SoftCalls {
    package static func cuDeviceGetDefaultMemPool(
        _ pool: UnsafeMutablePointer<CUmemoryPool?>?,
        _ device: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let pool = try required(pool)
            let device = try driver.device(device)
            pool.pointee = handle(try device.pools.standard(device, driver).handle)
        }
    }

    package static func cuDeviceGetMemPool(
        _ pool: UnsafeMutablePointer<CUmemoryPool?>?,
        _ device: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let pool = try required(pool)
            let device = try driver.device(device)
            pool.pointee = handle(try device.pools.current(device, driver).handle)
        }
    }

    package static func cuDeviceSetMemPool(_ device: CUdevice, _ pool: CUmemoryPool?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let device = try driver.device(device)
            let pool = try driver.memoryPool(pool)
            guard pool.device === device else { throw .invalidValue }
            device.pools.use(pool)
        }
    }

    package static func cuMemGetDefaultMemPool(
        _ pool: UnsafeMutablePointer<CUmemoryPool?>?,
        _ location: UnsafeMutablePointer<CUmemLocation>?,
        _ kind: CUmemAllocationType
    ) -> CUresult {
        withPlace(location, kind) { cuDeviceGetDefaultMemPool(pool, $0) }
    }

    package static func cuMemGetMemPool(
        _ pool: UnsafeMutablePointer<CUmemoryPool?>?,
        _ location: UnsafeMutablePointer<CUmemLocation>?,
        _ kind: CUmemAllocationType
    ) -> CUresult {
        withPlace(location, kind) { cuDeviceGetMemPool(pool, $0) }
    }

    package static func cuMemSetMemPool(
        _ location: UnsafeMutablePointer<CUmemLocation>?,
        _ kind: CUmemAllocationType,
        _ pool: CUmemoryPool?
    ) -> CUresult {
        withPlace(location, kind) { cuDeviceSetMemPool($0, pool) }
    }

    /// Calls `body` with the GPU at a place, which is the only kind of place with pools.
    private static func withPlace(
        _ location: UnsafeMutablePointer<CUmemLocation>?,
        _ kind: CUmemAllocationType,
        _ body: (CUdevice) -> CUresult
    ) -> CUresult {
        var device: CUdevice = 0
        let status = withDriver { (driver) throws(Failure) in
            let location = try required(location)
            try MemoryPoolProperties.checkKind(kind)
            device = Int32(try MemoryPlace(UnsafeRawPointer(location)).device(driver).ordinal)
        }
        return status == Status.success ? body(device) : status
    }
}

extension SoftDriver {
    /// The pool of a handle.
    func memoryPool(_ pool: CUmemoryPool?) throws(Failure) -> MemoryPool {
        guard let found = memoryPools.object(UInt64(UInt(bitPattern: pool))) else {
            throw .invalidValue
        }
        return found
    }
}

/// `CUmemLocation`.
private struct MemoryPlace {
    private var kind: Int32
    private var number: Int32

    init(_ pointer: UnsafeRawPointer) {
        kind = pointer.loadUnaligned(as: Int32.self)
        number = pointer.loadUnaligned(fromByteOffset: 4, as: Int32.self)
    }

    /// The GPU that it is.
    func device(_ driver: SoftDriver) throws(Failure) -> Device {
        guard kind == 1 else {
            Diagnostics.note("only a GPU's memory comes in pools")
            throw .notSupported
        }
        return try driver.device(number)
    }
}

/// `CUmemPoolProps`.
private struct MemoryPoolProperties {
    let place: MemoryPlace
    /// Bytes; 0 for no bound.
    let most: Int

    init(_ pointer: OpaquePointer?) throws(Failure) {
        let pointer = UnsafeRawPointer(try required(pointer))
        try Self.checkKind(pointer.loadUnaligned(as: Int32.self))
        place = MemoryPlace(pointer + 8)
        most = Int(clamping: pointer.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
        guard pointer.loadUnaligned(fromByteOffset: 4, as: Int32.self) == 0 else {
            Diagnostics.note("memory is not shared between processes")
            throw .notSupported
        }
        // 2, for hardware that decompresses, is a wish that any memory fulfils where there is none.
        let usage = pointer.loadUnaligned(fromByteOffset: 32, as: UInt16.self)
        guard usage & ~2 == 0 else { throw .invalidValue }
    }

    /// Pinned memory is all that there is.
    static func checkKind(_ kind: Int32) throws(Failure) {
        switch kind {
        case 1: return
        // managed
        case 2: throw .notSupported
        default: throw .invalidValue
        }
    }
}
