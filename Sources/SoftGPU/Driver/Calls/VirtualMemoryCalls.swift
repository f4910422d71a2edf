internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import SoftDevice

// Virtual memory management: addresses are reserved, memory is made, and the two are brought together.
extension SoftCalls {
    package static func cuMemGetAllocationGranularity(
        _ granularity: UnsafeMutablePointer<Int>?,
        _ properties: OpaquePointer?,
        _ option: CUmemAllocationGranularity_flags
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let granularity = try required(granularity)
            _ = try AllocationProperties(properties).device(driver)
            // 0 the least that is possible, 1 the best
            guard option == 0 || option == 1 else { throw .invalidValue }
            granularity.pointee = Int(DeviceMemory.pageSize)
        }
    }

    package static func cuMemAddressReserve(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ size: Int,
        _ alignment: Int,
        _ wanted: CUdeviceptr,
        _ flags: UInt64
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let address = try required(address)
            guard isMapped(size), size > 0, alignment >= 0, alignment & (alignment - 1) == 0,
                flags == 0
            else { throw .invalidValue }
            // Addresses belong to no GPU. Here each has its own, which its kernels find faster than
            // those of others.
            let memory = try (driver.currentDevice ?? driver.devices[0]).engine(driver).memory
            guard let found = memory.reserve(UInt64(size), alignment: UInt64(alignment)) else {
                throw .outOfMemory
            }
            address.pointee = found
        }
    }

    package static func cuMemAddressFree(_ address: CUdeviceptr, _ size: Int) -> CUresult {
        withMemory(at: address) { (memory) throws(Failure) in
            guard size > 0, memory.releaseReserved(address, UInt64(size)) else {
                throw .invalidValue
            }
        }
    }

    package static func cuMemCreate(
        _ handle: UnsafeMutablePointer<CUmemGenericAllocationHandle>?,
        _ size: Int,
        _ properties: OpaquePointer?,
        _ flags: UInt64
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let handle = try required(handle)
            let properties = try AllocationProperties(properties)
            let device = try properties.device(driver)
            guard size > 0, isMapped(size), flags == 0 else { throw .invalidValue }
            // 1, a file descriptor
            guard properties.handleTypes & ~1 == 0 else {
                Diagnostics.note("memory is shared between processes by file descriptors only")
                throw .notSupported
            }
            let memory = try device.engine(driver).memory
            let gpu = device.description.identity.index
            guard let physical = PhysicalMemory(size, of: memory, gpu: gpu) else {
                throw .outOfMemory
            }
            physical.isExportable = properties.handleTypes != 0
            handle.pointee = physical.retainHandle { driver.physicalMemory.insert(physical) }
        }
    }

    package static func cuMemExportToShareableHandle(
        _ shareable: UnsafeMutableRawPointer?,
        _ handle: CUmemGenericAllocationHandle,
        _ type: CUmemAllocationHandleType,
        _ flags: UInt64
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let shareable = try required(shareable)
            let physical = try driver.physical(handle)
            guard type == 1 else { throw .notSupported }
            guard flags == 0, physical.isExportable else { throw .invalidValue }
            let file = ferry_duplicate_above(physical.file, 3)
            guard file >= 0 else { throw Failure(Status.operatingSystem) }
            shareable.storeBytes(of: file, as: Int32.self)
        }
    }

    package static func cuMemImportFromShareableHandle(
        _ handle: UnsafeMutablePointer<CUmemGenericAllocationHandle>?,
        _ shareable: UnsafeMutableRawPointer?,
        _ type: CUmemAllocationHandleType
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let handle = try required(handle)
            guard type == 1 else { throw .notSupported }
            let file = Int32(truncatingIfNeeded: Int(bitPattern: shareable))
            guard let shared = PhysicalMemory.shared(file) else { throw .invalidValue }
            let owner = driver.devices.first { $0.description.identity.index == shared.gpu }
            guard let owner else { throw Failure(Status.invalidDevice) }
            let copy = ferry_duplicate_above(file, 3)
            guard copy >= 0 else { throw Failure(Status.operatingSystem) }
            let memory = try owner.engine(driver).memory
            let physical = PhysicalMemory(shared: copy, shared.bytes, of: memory)
            handle.pointee = physical.retainHandle { driver.physicalMemory.insert(physical) }
        }
    }

    package static func cuMemRelease(_ handle: CUmemGenericAllocationHandle) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try driver.physical(handle).releaseHandle { driver.physicalMemory.remove($0) }
        }
    }

    package static func cuMemMap(
        _ address: CUdeviceptr,
        _ size: Int,
        _ offset: Int,
        _ handle: CUmemGenericAllocationHandle,
        _ flags: UInt64
    ) -> CUresult {
        withMemory(at: address) { (memory) throws(Failure) in
            let physical = try SoftDriver.ready().physical(handle)
            guard size > 0, isMapped(size), offset >= 0, isMapped(offset), flags == 0,
                address % DeviceMemory.pageSize == 0, size <= physical.size,
                offset <= physical.size - size
            else { throw .invalidValue }
            let isDone = memory.map(
                physical,
                at: address,
                bytes: UInt64(size),
                offset: UInt64(offset)
            )
            guard isDone else { throw .invalidValue }
        }
    }

    package static func cuMemUnmap(_ address: CUdeviceptr, _ size: Int) -> CUresult {
        withMemory(at: address) { (memory) throws(Failure) in
            guard size > 0, memory.unmap(address, UInt64(size)) else { throw .invalidValue }
        }
    }

    package static func cuMemSetAccess(
        _ address: CUdeviceptr,
        _ size: Int,
        _ descriptions: OpaquePointer?,
        _ count: Int
    ) -> CUresult {
        withMemory(at: address) { (memory) throws(Failure) in
            let descriptions = UnsafeRawPointer(try required(descriptions))
            guard size > 0, (1...1024).contains(count) else { throw .invalidValue }
            for index in 0..<count {
                // CUmemAccessDesc: CUmemLocation location, CUmemAccess_flags flags
                let each = descriptions + 12 * index
                let kind = each.loadUnaligned(as: Int32.self)
                let device = each.loadUnaligned(fromByteOffset: 4, as: Int32.self)
                let access = each.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
                guard kind == 1, [0, 1, 3].contains(access) else { throw .invalidValue }
                let driver = try SoftDriver.ready()
                let user = try driver.device(device).engine(driver).memory
                guard memory.setAccess(address, UInt64(size), UInt64(access), of: user) else {
                    throw .invalidValue
                }
            }
        }
    }

    package static func cuMemGetAccess(
        _ flags: UnsafeMutablePointer<UInt64>?,
        _ location: UnsafePointer<CUmemLocation>?,
        _ address: CUdeviceptr
    ) -> CUresult {
        withMemory(at: address) { (memory) throws(Failure) in
            let (flags, location) = (try required(flags), try required(location).pointee)
            guard location.type == 1, let mapping = memory.mapping(containing: address) else {
                throw .invalidValue
            }
            let user = try SoftDriver.ready().device(location.id)
            flags.pointee =
                user.memory === memory
                ? mapping.access : mapping.peers[user.ordinal]?.access ?? 0
        }
    }

    package static func cuMemRetainAllocationHandle(
        _ handle: UnsafeMutablePointer<CUmemGenericAllocationHandle>?,
        _ address: UnsafeMutableRawPointer?
    ) -> CUresult {
        let place = UInt64(UInt(bitPattern: address))
        return withMemory(at: place) { (memory) throws(Failure) in
            let handle = try required(handle)
            guard let physical = memory.mapping(containing: place)?.physical else {
                throw .invalidValue
            }
            let table = try SoftDriver.ready().physicalMemory
            handle.pointee = physical.retainHandle { table.insert(physical) }
        }
    }

    package static func cuMemGetAllocationPropertiesFromHandle(
        _ properties: OpaquePointer?,
        _ handle: CUmemGenericAllocationHandle
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let properties = UnsafeMutableRawPointer(try required(properties))
            let physical = try driver.physical(handle)
            memset(properties, 0, AllocationProperties.size)
            properties.storeBytes(of: 1, as: Int32.self)
            let handleTypes: Int32 = physical.isExportable ? 1 : 0
            properties.storeBytes(of: handleTypes, toByteOffset: 4, as: Int32.self)
            properties.storeBytes(of: 1, toByteOffset: 8, as: Int32.self)
            let ordinal = Int32(physical.memory.ordinal)
            properties.storeBytes(of: ordinal, toByteOffset: 12, as: Int32.self)
        }
    }

    private static func isMapped(_ size: Int) -> Bool { size % Int(DeviceMemory.pageSize) == 0 }

    /// Calls `body` with the memory that has an address of its own there.
    private static func withMemory(
        at address: UInt64,
        _ body: (DeviceMemory) throws(Failure) -> Void
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            for device in driver.devices {
                guard let memory = device.memory, address >= memory.base,
                    address - memory.base < memory.size
                else { continue }
                return try body(memory)
            }
            throw .invalidValue
        }
    }
}

/// `CUmemAllocationProp`.
private struct AllocationProperties {
    static let size = 32
    var handleTypes: Int32
    private var location: (kind: Int32, id: Int32)

    init(_ pointer: OpaquePointer?) throws(Failure) {
        let pointer = UnsafeRawPointer(try required(pointer))
        // 1: pinned, which is all that there is
        guard pointer.loadUnaligned(as: Int32.self) == 1 else { throw .invalidValue }
        handleTypes = pointer.loadUnaligned(fromByteOffset: 4, as: Int32.self)
        location.kind = pointer.loadUnaligned(fromByteOffset: 8, as: Int32.self)
        location.id = pointer.loadUnaligned(fromByteOffset: 12, as: Int32.self)
    }

    /// The GPU whose memory it is about.
    func device(_ driver: SoftDriver) throws(Failure) -> Device {
        guard location.kind == 1 else {
            Diagnostics.note("only a GPU's memory can be mapped")
            throw .notSupported
        }
        return try driver.device(location.id)
    }
}

extension SoftDriver {
    /// Physical memory by its handle.
    fileprivate func physical(_ handle: UInt64) throws(Failure) -> PhysicalMemory {
        guard let found = physicalMemory.object(handle) else { throw .invalidValue }
        return found
    }

    /// The device of the calling thread's current context.
    fileprivate var currentDevice: Device? {
        contexts.object(ContextStack.current)?.device
    }
}
