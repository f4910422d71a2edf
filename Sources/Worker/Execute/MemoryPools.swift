internal import CUDAABI
internal import Driver
internal import Wire

// Memory pools. All that a pool has of the GPU's memory counts against the slice, whether the program uses
// it or not: nobody else can have it. The driver says how much that is.
extension Executor {
    func createPool(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: MemoryPoolLayout.createSize)
        let handle = record.load(0, as: UInt64.self)
        var properties = MemoryPoolProperties(record)
        guard let call = driver.cuMemPoolCreate else { return finish(record, Status.notFound) }
        settleDestroyedPools()
        guard memoryPools.accepts(handle, kind: HandleKind.memoryPool) else {
            return finish(record, Status.outOfMemory)
        }
        guard let device = properties.device, device < deviceCount, properties.isPinned else {
            return finish(record, Status.notSupported)
        }
        var pool: CUmemoryPool?
        let status = properties.withCUDA { call(&pool, $0) }
        if status == Status.success {
            memoryPools.insert(handle, MemoryPool(pool: pool, device: device, isStandard: false))
        }
        finish(record, status)
    }

    func nameStandardPool(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: MemoryPoolLayout.defaultSize)
        let handle = record.load(0, as: UInt64.self)
        let device = record.load(MemoryPoolLayout.device, as: Int32.self)
        guard let call = driver.cuDeviceGetDefaultMemPool else {
            return finish(record, Status.notFound)
        }
        guard device >= 0, device < deviceCount else {
            return finish(record, Status.invalidDevice)
        }
        guard memoryPools.accepts(handle, kind: HandleKind.memoryPool),
            !memoryPools.hasStandard(of: device)
        else { return finish(record, Status.invalidValue) }
        var pool: CUmemoryPool?
        let status = call(&pool, device)
        if status == Status.success {
            memoryPools.insert(handle, MemoryPool(pool: pool, device: device, isStandard: true))
        }
        finish(record, status)
    }

    func destroyPool(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: MemoryPoolLayout.destroySize)
        let handle = record.load(0, as: UInt64.self)
        guard let pool = memoryPools.find(handle), !pool.isStandard else {
            return finish(record, Status.invalidValue)
        }
        memoryPools.destroy(handle)
        // The driver has it until its memory was given back: nobody could ask how much there is left.
        settleDestroyedPools()
        finish(record, Status.success)
    }

    func setPoolAttribute(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: MemoryPoolLayout.setAttributeSize)
        let attribute = record.load(MemoryPoolLayout.attribute, as: Int32.self)
        guard let pool = memoryPools.find(record.load(0, as: UInt64.self)),
            MemoryPoolAttribute.all.contains(attribute)
        else { return finish(record, Status.invalidValue) }
        guard let call = driver.cuMemPoolSetAttribute else {
            return finish(record, Status.notFound)
        }
        // Where the driver takes 4 bytes, they are the lower ones.
        var value = record.load(MemoryPoolLayout.value, as: UInt64.self)
        finish(record, call(pool.pool, attribute, &value))
    }

    func poolAttribute(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: MemoryPoolLayout.getAttributeSize)
        let attribute = record.load(MemoryPoolLayout.attribute, as: Int32.self)
        var value: UInt64 = 0
        var status = Status.invalidValue
        if let pool = memoryPools.find(record.load(0, as: UInt64.self)),
            MemoryPoolAttribute.all.contains(attribute)
        {
            status = poolAttribute(pool, attribute, &value)
        }
        finish(record, status, number: value)
    }

    private func poolAttribute(
        _ pool: MemoryPool,
        _ attribute: Int32,
        _ value: inout UInt64
    ) -> CUresult {
        guard let call = driver.cuMemPoolGetAttribute else { return Status.notFound }
        return call(pool.pool, attribute, &value)
    }

    func trimPool(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: MemoryPoolLayout.trimSize)
        let handle = record.load(0, as: UInt64.self)
        guard let pool = memoryPools.find(handle) else {
            return finish(record, Status.invalidValue)
        }
        guard let call = driver.cuMemPoolTrimTo else { return finish(record, Status.notFound) }
        let least = Int(clamping: record.load(8, as: UInt64.self))
        let status = call(pool.pool, least)
        count(handle)
        finish(record, status)
    }

    func setPoolAccess(_ record: Record) throws(ProtocolViolation) {
        let locations = try AccessDescriptions(record, at: MemoryPoolLayout.locations)
        guard let call = driver.cuMemPoolSetAccess else { return finish(record, Status.notFound) }
        guard let pool = memoryPools.find(record.load(0, as: UInt64.self)) else {
            return finish(record, Status.invalidValue)
        }
        finish(record, locations.withCUDA { call(pool.pool, $0, $1) })
    }

    func poolAccess(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: MemoryPoolLayout.getAccessSize)
        guard let call = driver.cuMemPoolGetAccess else { return finish(record, Status.notFound) }
        var location = CUmemLocation()
        location.type = record.load(8, as: Int32.self)
        location.id = record.load(12, as: Int32.self)
        var flags: CUmemAccess_flags = 0
        var status = Status.invalidValue
        if let pool = memoryPools.find(record.load(0, as: UInt64.self)) {
            status = call(&flags, pool.pool, &location)
        }
        finish(record, status, number: UInt64(UInt32(bitPattern: flags)))
    }

    // MARK: - Memory

    func allocateInOrder(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: MemoryPoolLayout.allocateSize)
        var address: CUdeviceptr = 0
        let status = allocateInOrder(record, &address)
        finish(record, status, number: address)
    }

    private func allocateInOrder(_ record: Record, _ address: inout CUdeviceptr) -> CUresult {
        let bytes = record.load(0, as: UInt64.self)
        let handle = record.load(8, as: UInt64.self)
        guard bytes > 0, let pool = memoryPools.find(handle) else { return Status.invalidValue }
        guard let stream = handles.streams.find(record.load(16, as: UInt64.self)) else {
            return Status.invalidHandle
        }
        guard let call = driver.cuMemAllocFromPoolAsync else { return Status.notFound }
        guard !isCaptured(stream) else { return Status.notSupported }
        guard let charge = Slices.charge(bytes), !allocations.isFull, hasRoom(charge, handle, pool)
        else { return Status.outOfMemory }
        let status = call(&address, Int(bytes), pool.pool, stream)
        guard status == Status.success else { return status }
        count(handle)
        // A pool takes memory in pieces of a size of its own.
        guard !slices.isExceeded(pool.device) else {
            _ = driver.cuMemFreeAsync?(address, stream)
            address = 0
            return Status.outOfMemory
        }
        memoryPools.update(handle) { $0.allocations += 1 }
        // Such memory outlives contexts.
        allocations.insert(
            Allocation(
                address: address,
                bytes: bytes,
                charge: 0,
                device: pool.device,
                context: .max,
                image: 0,
                pool: handle
            )
        )
        return status
    }

    /// Whether a stream's work becomes part of a graph; memory would, too, and would not be counted.
    private func isCaptured(_ stream: CUstream?) -> Bool {
        guard !captures.graphs.isEmpty else { return false }
        var status: CUstreamCaptureStatus = 0
        let told = driver.cuStreamIsCapturing?(stream, &status)
        return told != Status.success || status != 0
    }

    func freeInOrder(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: MemoryPoolLayout.freeSize)
        let address = record.load(0, as: UInt64.self)
        guard let call = driver.cuMemFreeAsync else { return finish(record, Status.notFound) }
        guard let stream = handles.streams.find(record.load(8, as: UInt64.self)) else {
            return finish(record, Status.invalidHandle)
        }
        // Other memory would count as given back while work that is still to come can use it.
        guard let allocation = allocations.find(address), allocation.address == address,
            allocation.pool != 0
        else { return finish(record, Status.invalidValue) }
        let status = call(address, stream)
        if status == Status.success { forget(allocation) }
        finish(record, status)
    }

    /// Forgets memory that was given back.
    func forget(_ allocation: Allocation) {
        allocations.remove(allocation.address)
        slices.giveBack(allocation.charge, of: allocation.device)
        guard allocation.pool != 0 else { return }
        memoryPools.update(allocation.pool) { $0.allocations -= 1 }
    }

    // MARK: - What pools have of the slice

    /// Whether so much of the slice is left. When it is not, pools give up what they do not use.
    ///
    /// - Parameter charge: Bytes, as of `Slices.charge`.
    func hasRoom(_ charge: UInt64, _ device: Int32) -> Bool {
        if charge <= slices.available(device) { return true }
        guard !memoryPools.isEmpty else { return false }
        trimPools(of: device)
        return charge <= slices.available(device)
    }

    /// The same for memory from a pool, which may have it already.
    private func hasRoom(_ charge: UInt64, _ handle: UInt64, _ pool: MemoryPool) -> Bool {
        if charge <= slices.available(pool.device) { return true }
        count(handle)
        var (taken, reserved): (UInt64, UInt64) = (0, 0)
        if poolAttribute(pool, MemoryPoolAttribute.takenNow, &taken) == Status.success,
            poolAttribute(pool, MemoryPoolAttribute.reservedNow, &reserved) == Status.success,
            charge <= slices.available(pool.device) + (reserved - min(reserved, taken))
        {
            return true
        }
        return hasRoom(charge, pool.device)
    }

    /// Counts anew what all pools of a GPU have: they give memory up by themselves when something is waited
    /// for.
    func countPools(of device: Int32) {
        guard !memoryPools.isEmpty else { return }
        settleDestroyedPools()
        for (handle, pool) in memoryPools.pools where pool.device == device { count(handle) }
    }

    private func trimPools(of device: Int32) {
        for (handle, pool) in memoryPools.pools where pool.device == device {
            _ = driver.cuMemPoolTrimTo?(pool.pool, 0)
            count(handle)
        }
        settleDestroyedPools()
    }

    /// Counts anew what a pool has.
    private func count(_ handle: UInt64) {
        memoryPools.update(handle) { pool in
            var reserved: UInt64 = 0
            guard poolAttribute(pool, MemoryPoolAttribute.reservedNow, &reserved) == Status.success
            else {
                return
            }
            slices.giveBack(pool.charge, of: pool.device)
            slices.count(reserved, of: pool.device)
            pool.charge = reserved
        }
    }

    /// Has the driver destroy the pools that the client has destroyed and that have nothing left.
    private func settleDestroyedPools() {
        for handle in memoryPools.waiting {
            guard let pool = memoryPools.pools[handle], pool.allocations == 0 else { continue }
            _ = driver.cuMemPoolTrimTo?(pool.pool, 0)
            count(handle)
            guard memoryPools.pools[handle]?.charge == 0 else { continue }
            _ = driver.cuMemPoolDestroy?(pool.pool)
            memoryPools.remove(handle)
        }
    }
}

/// `CUmemPoolProps`, as the driver has it.
private struct MemoryPoolProperties {
    /// i32 kind, i32 kinds of handles, i32 kind of location, i32 its number, a pointer of Windows', u64 bytes at
    /// most, u16 usage, nothing.
    private var words:
        (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

    init(_ record: Record) {
        let kind = UInt64(record.load(MemoryPoolLayout.kind, as: UInt32.self))
        let location = record.load(MemoryPoolLayout.location, as: UInt64.self)
        let most = record.load(MemoryPoolLayout.mostBytes, as: UInt64.self)
        let usage = UInt64(record.load(MemoryPoolLayout.usage, as: UInt16.self))
        words = (kind, location, 0, most, usage, 0, 0, 0, 0, 0, 0)
    }

    /// The GPU, if it is memory of one.
    var device: Int32? { MemoryLocation.gpu(words.1) }

    /// Whether it is memory that stays on the GPU: no other is counted.
    var isPinned: Bool { words.0 == 1 }

    mutating func withCUDA(_ body: (OpaquePointer) -> CUresult) -> CUresult {
        withUnsafeMutablePointer(to: &words) { body(OpaquePointer($0)) }
    }
}
