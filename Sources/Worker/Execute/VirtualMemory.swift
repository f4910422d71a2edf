internal import CUDAABI
internal import Driver
internal import Wire

// Virtual memory management. The driver checks addresses and ranges; here the slice is enforced, and
// handles must be the client's own.
extension Executor {
    func reserveAddresses(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: VirtualMemoryLayout.reserveSize)
        guard let call = driver.cuMemAddressReserve else { return finish(record, Status.notFound) }
        let (bytes, alignment) = (record.load(0, as: Int.self), record.load(8, as: Int.self))
        guard bytes > 0, alignment >= 0 else { return finish(record, Status.invalidValue) }
        var address: CUdeviceptr = 0
        let wanted = record.load(16, as: UInt64.self)
        let status = call(&address, bytes, alignment, wanted, record.load(24, as: UInt64.self))
        finish(record, status, number: address)
    }

    func freeAddresses(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: VirtualMemoryLayout.rangeSize)
        guard let call = driver.cuMemAddressFree else { return finish(record, Status.notFound) }
        let (address, bytes) = (record.load(0, as: UInt64.self), record.load(8, as: Int.self))
        guard bytes > 0 else { return finish(record, Status.invalidValue) }
        finish(record, call(address, bytes))
    }

    func createMemory(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: VirtualMemoryLayout.createSize)
        guard let call = driver.cuMemCreate else { return finish(record, Status.notFound) }
        let bytes = record.load(0, as: UInt64.self)
        let properties = AllocationProperties(record, at: 16)
        guard let device = properties.device, device < deviceCount else {
            return finish(record, Status.notSupported)
        }
        // 1, a file descriptor, is what processes of the lease can share.
        guard bytes > 0, properties.handleTypes & ~1 == 0 else {
            return finish(record, Status.invalidValue)
        }
        guard let charge = Slices.charge(bytes), hasRoom(charge, device),
            !physicalMemory.isFull
        else { return finish(record, Status.outOfMemory) }
        var handle: CUmemGenericAllocationHandle = 0
        let flags = record.load(8, as: UInt64.self)
        let status = properties.withCUDA { call(&handle, Int(bytes), $0, flags) }
        if status == Status.success {
            guard slices.take(charge, of: device) else {
                _ = driver.cuMemRelease?(handle)
                return finish(record, Status.outOfMemory)
            }
            physicalMemory.insert(handle, charge: charge, device: device)
        }
        finish(record, status, number: handle)
    }

    func releaseMemory(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: VirtualMemoryLayout.releaseSize)
        guard let call = driver.cuMemRelease else { return finish(record, Status.notFound) }
        let handle = record.load(0, as: UInt64.self)
        guard physicalMemory.contains(handle) else { return finish(record, Status.invalidValue) }
        let status = call(handle)
        if status == Status.success {
            physicalMemory.release(handle) { slices.giveBack($0, of: $1) }
        }
        finish(record, status)
    }

    func mapMemory(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: VirtualMemoryLayout.mapSize)
        guard let call = driver.cuMemMap else { return finish(record, Status.notFound) }
        let (address, bytes) = (record.load(0, as: UInt64.self), record.load(8, as: Int.self))
        let offset = record.load(16, as: Int.self)
        let handle = record.load(24, as: UInt64.self)
        guard physicalMemory.contains(handle), bytes > 0, offset >= 0 else {
            return finish(record, Status.invalidValue)
        }
        guard !physicalMemory.isFull else { return finish(record, Status.outOfMemory) }
        let status = call(address, bytes, offset, handle, record.load(32, as: UInt64.self))
        if status == Status.success {
            physicalMemory.map(handle, at: address, bytes: UInt64(bytes))
        }
        finish(record, status)
    }

    func unmapMemory(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: VirtualMemoryLayout.rangeSize)
        guard let call = driver.cuMemUnmap else { return finish(record, Status.notFound) }
        let (address, bytes) = (record.load(0, as: UInt64.self), record.load(8, as: Int.self))
        guard bytes > 0, physicalMemory.isMapped(address) else {
            return finish(record, Status.invalidValue)
        }
        let status = call(address, bytes)
        if status == Status.success {
            physicalMemory.unmap(address, bytes: UInt64(bytes)) { slices.giveBack($0, of: $1) }
        }
        finish(record, status)
    }

    func setAccess(_ record: Record) throws(ProtocolViolation) {
        let locations = try AccessDescriptions(record, at: VirtualMemoryLayout.accessSize)
        guard let call = driver.cuMemSetAccess else { return finish(record, Status.notFound) }
        let (address, bytes) = (record.load(0, as: UInt64.self), record.load(8, as: Int.self))
        guard bytes > 0 else { return finish(record, Status.invalidValue) }
        finish(record, locations.withCUDA { call(address, bytes, $0, $1) })
    }

    func access(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: VirtualMemoryLayout.getAccessSize)
        guard let call = driver.cuMemGetAccess else { return finish(record, Status.notFound) }
        var location = CUmemLocation()
        location.type = record.load(8, as: Int32.self)
        location.id = record.load(12, as: Int32.self)
        var flags: UInt64 = 0
        let status = call(&flags, &location, record.load(0, as: UInt64.self))
        finish(record, status, number: flags)
    }

    func granularity(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: VirtualMemoryLayout.granularitySize)
        guard let call = driver.cuMemGetAllocationGranularity else {
            return finish(record, Status.notFound)
        }
        var bytes = 0
        let option = record.load(0, as: Int32.self)
        let status = AllocationProperties(record, at: 8).withCUDA { call(&bytes, $0, option) }
        finish(record, status, number: UInt64(max(0, bytes)))
    }

    func retainMemory(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: VirtualMemoryLayout.retainSize)
        guard let call = driver.cuMemRetainAllocationHandle else {
            return finish(record, Status.notFound)
        }
        guard !physicalMemory.isFull else { return finish(record, Status.outOfMemory) }
        var handle: CUmemGenericAllocationHandle = 0
        let address = record.load(0, as: UInt64.self)
        let status = call(&handle, UnsafeMutableRawPointer(bitPattern: UInt(address)))
        if status == Status.success { physicalMemory.retain(handle, at: address) }
        finish(record, status, number: handle)
    }

    func memoryProperties(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: VirtualMemoryLayout.getPropertiesSize)
        guard let call = driver.cuMemGetAllocationPropertiesFromHandle else {
            return finish(record, Status.notFound)
        }
        let handle = record.load(0, as: UInt64.self)
        guard physicalMemory.contains(handle) else { return finish(record, Status.invalidValue) }
        var properties = AllocationProperties()
        let status = properties.fill { call($0, handle) }
        let size = ReplyLayout.values + VirtualMemoryLayout.propertiesSize
        finish(record, status, size: size) { properties.write(to: $0 + ReplyLayout.values) }
    }
}

/// `CUmemAllocationProp`, as it goes over the wire and as the driver has it.
private struct AllocationProperties {
    /// i32 kind, i32 kinds of handles, i32 kind of location, i32 its number, a pointer of Windows', flags.
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    init() {}

    init(_ record: Record, at offset: Int) {
        words = (
            record.load(offset, as: UInt64.self), record.load(offset + 8, as: UInt64.self), 0,
            record.load(offset + 16, as: UInt64.self)
        )
    }

    /// By which the memory shall be shared with other processes.
    var handleTypes: UInt32 { UInt32(truncatingIfNeeded: words.0 >> 32) }

    /// The GPU, if it is memory of one.
    var device: Int32? { MemoryLocation.gpu(words.1) }

    func withCUDA(_ body: (OpaquePointer) -> CUresult) -> CUresult {
        var copy = words
        return withUnsafeMutablePointer(to: &copy) { body(OpaquePointer($0)) }
    }

    mutating func fill(_ body: (OpaquePointer) -> CUresult) -> CUresult {
        withUnsafeMutablePointer(to: &words) { body(OpaquePointer($0)) }
    }

    /// Writes `VirtualMemoryLayout.propertiesSize` bytes.
    func write(to reply: UnsafeMutableRawPointer) {
        reply.storeBytes(of: words.0, as: UInt64.self)
        reply.storeBytes(of: words.1, toByteOffset: 8, as: UInt64.self)
        reply.storeBytes(of: words.3, toByteOffset: 16, as: UInt64.self)
    }
}
