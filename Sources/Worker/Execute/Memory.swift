internal import CUDAABI
internal import Driver
internal import Wire

// Memory of the GPU: the slice is enforced here, and addresses are checked.
extension Executor {
    /// Whether an address names memory of a GPU, so that the driver may be given it: anything
    /// else could be memory of this process.
    func isDeviceMemory(_ address: CUdeviceptr) -> Bool {
        if allocations.find(address) != nil { return true }
        // A variable of an image whose address the program got from a kernel, for example.
        guard let query = driver.cuPointerGetAttribute else { return false }
        let memoryType: CUpointer_attribute = 2
        let device: UInt32 = 2
        var type: UInt32 = 0
        return query(&type, memoryType, address) == Status.success && type == device
    }

    /// The same for so many bytes from an address on, at least 1.
    func isDeviceRange(_ address: CUdeviceptr, _ bytes: UInt64) -> Bool {
        if let range = allocations.find(address) {
            return bytes <= range.bytes - min(range.bytes, address - range.address)
        }
        let (last, overflow) = address.addingReportingOverflow(bytes - 1)
        return !overflow && isDeviceMemory(address) && isDeviceMemory(last)
    }

    func allocate(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: MemoryLayouts.allocSize)
        let bytes = record.load(0, as: UInt64.self)
        var address: CUdeviceptr = 0
        let status = allocate(record, bytes) { call in call(&address, Int(bytes)) }
        if status == Status.success, !keep(record, address, bytes) {
            return finish(record, Status.outOfMemory)
        }
        finish(record, status, number: address)
    }

    private typealias Allocate =
        @convention(c) (UnsafeMutablePointer<CUdeviceptr>?, Int) -> CUresult

    /// Checks the slice before memory is taken.
    private func allocate(
        _ record: Record,
        _ bytes: UInt64,
        _ body: (Allocate) -> CUresult
    ) -> CUresult {
        guard let device = device(of: record) else { return Status.invalidContext }
        guard bytes > 0 else { return Status.invalidValue }
        guard let call = driver.cuMemAlloc_v2 else { return Status.notFound }
        guard let charge = Slices.charge(bytes), hasRoom(charge, device),
            !allocations.isFull
        else { return Status.outOfMemory }
        return body(call)
    }

    func allocatePitch(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: MemoryLayouts.allocPitchSize)
        let width = record.load(0, as: UInt64.self)
        let height = record.load(8, as: UInt64.self)
        var address: CUdeviceptr = 0
        var pitch = 0
        let status = allocatePitch(record, width, height, &address, &pitch)
        finish(record, status, size: 24) { reply in
            reply.storeBytes(of: address, toByteOffset: 8, as: UInt64.self)
            reply.storeBytes(of: UInt64(pitch), toByteOffset: 16, as: UInt64.self)
        }
    }

    private func allocatePitch(
        _ record: Record,
        _ width: UInt64,
        _ height: UInt64,
        _ address: inout CUdeviceptr,
        _ pitch: inout Int
    ) -> CUresult {
        let (least, overflow) = width.multipliedReportingOverflow(by: height)
        guard !overflow else { return Status.outOfMemory }
        let elementSize = record.load(16, as: UInt32.self)
        let status = allocate(record, least) { _ in
            guard let call = driver.cuMemAllocPitch_v2 else { return Status.notFound }
            return call(&address, &pitch, Int(width), Int(height), elementSize)
        }
        guard status == Status.success, let device = device(of: record) else { return status }
        // Only the driver knows the pitch, so the exact size is checked afterwards.
        let (bytes, tooMany) = UInt64(pitch).multipliedReportingOverflow(by: height)
        guard !tooMany, let charge = Slices.charge(bytes), hasRoom(charge, device) else {
            _ = driver.cuMemFree_v2?(address)
            (address, pitch) = (0, 0)
            return Status.outOfMemory
        }
        guard keep(record, address, bytes) else {
            (address, pitch) = (0, 0)
            return Status.outOfMemory
        }
        return status
    }

    /// Notes memory; false, with the memory given back, when another process of the lease has been quicker.
    private func keep(_ record: Record, _ address: CUdeviceptr, _ bytes: UInt64) -> Bool {
        guard let device = device(of: record), let charge = Slices.charge(bytes),
            slices.take(charge, of: device)
        else {
            _ = driver.cuMemFree_v2?(address)
            return false
        }
        allocations.insert(
            Allocation(
                address: address,
                bytes: bytes,
                charge: charge,
                device: device,
                context: record.context,
                image: 0
            )
        )
        return true
    }

    func free(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: MemoryLayouts.freeSize)
        let address = record.load(0, as: UInt64.self)
        guard let call = driver.cuMemFree_v2 else { return finish(record, Status.notFound) }
        guard let allocation = allocations.find(address), allocation.address == address,
            allocation.image == 0
        else { return finish(record, Status.invalidValue) }
        let status = call(address)
        if status == Status.success { forget(allocation) }
        finish(record, status)
    }

    func memoryInfo(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 0)
        guard let device = device(of: record) else {
            return finish(record, Status.invalidContext)
        }
        guard let call = driver.cuMemGetInfo_v2 else { return finish(record, Status.notFound) }
        var free = 0
        var total = 0
        let status = call(&free, &total)
        let slice = slices.total(device)
        countPools(of: device)
        let visible = min(slices.available(device), UInt64(max(0, free)))
        finish(record, status, size: 24) { reply in
            reply.storeBytes(of: visible, toByteOffset: 8, as: UInt64.self)
            reply.storeBytes(of: slice, toByteOffset: 16, as: UInt64.self)
        }
    }

    /// Limits that take memory of the GPU may not reach beyond what is left of the slice.
    func setLimit(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: Request_cuCtxSetLimit.size)
        let limit = record.load(0, as: Int32.self)
        let value = record.load(8, as: UInt64.self)
        let printBuffer: Int32 = 1
        let heap: Int32 = 2
        if limit == printBuffer || limit == heap {
            guard let device = device(of: record), hasRoom(value, device) else {
                return finish(record, Status.outOfMemory)
            }
        }
        _ = try executePlain(record)
    }
}
