internal import CUDAABI
internal import Driver
internal import Wire

/// What a client wants to make an array of, as it says so.
private struct ArrayShape {
    var width: UInt64
    var height: UInt64
    var depth: UInt64
    var format: Int32
    var channels: UInt32
    var flags: UInt32

    init(_ record: Record) {
        width = record.load(ArrayLayout.width, as: UInt64.self)
        height = record.load(ArrayLayout.height, as: UInt64.self)
        depth = record.load(ArrayLayout.depth, as: UInt64.self)
        format = record.load(ArrayLayout.format, as: Int32.self)
        channels = record.load(ArrayLayout.channels, as: UInt32.self)
        flags = record.load(ArrayLayout.flags, as: UInt32.self)
    }

    /// Whether the extents are below what any GPU has: 2²⁸ texels in a row, 2¹⁷ rows or slices.
    var isSensible: Bool { width <= 1 << 28 && height <= 1 << 17 && depth <= 1 << 17 }

    /// Bytes that the array counts: as many as a GPU takes at least, which lays texels out in
    /// blocks of 64 bytes and 8 rows. `nil` when it is larger than any GPU.
    ///
    /// Of formats that are not known here a texel counts 16 bytes, which is the most that any has.
    var charge: UInt64? {
        let known = TexelFormat.bytes(format).map { UInt64($0) * UInt64(min(channels, 4)) }
        let row = (width * max(known ?? 16, 1) + 63) / 64 * 64
        let rows = height > 1 ? (height + 7) / 8 * 8 : 1
        let (slice, isTooTall) = row.multipliedReportingOverflow(by: rows)
        let (all, isTooDeep) = slice.multipliedReportingOverflow(by: max(depth, 1))
        return isTooTall || isTooDeep ? nil : Slices.charge(all)
    }

    /// Calls `body` with a `CUDA_ARRAY3D_DESCRIPTOR`: extents, format at 24, channels, flags.
    func withDescriptor<Result>(_ body: (OpaquePointer?) -> Result) -> Result {
        withUnsafeTemporaryAllocation(byteCount: 40, alignment: 8) { memory in
            memory.initializeMemory(as: UInt8.self, repeating: 0)
            memory.storeBytes(of: width, as: UInt64.self)
            memory.storeBytes(of: height, toByteOffset: 8, as: UInt64.self)
            memory.storeBytes(of: depth, toByteOffset: 16, as: UInt64.self)
            memory.storeBytes(of: format, toByteOffset: 24, as: Int32.self)
            memory.storeBytes(of: channels, toByteOffset: 28, as: UInt32.self)
            memory.storeBytes(of: flags, toByteOffset: 32, as: UInt32.self)
            return body(memory.baseAddress.map { OpaquePointer($0) })
        }
    }
}

// CUDA arrays: memory of the GPU that counts against the slice, and that has no address.
extension Executor {
    func createArray(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: ArrayLayout.createSize)
        let handle = record.load(ArrayLayout.handle, as: UInt64.self)
        guard handles.arrays.entries.accepts(handle) else {
            return finish(record, Status.invalidHandle)
        }
        guard let device = device(of: record) else {
            return finish(record, Status.invalidContext)
        }
        let shape = ArrayShape(record)
        guard shape.isSensible else { return finish(record, Status.invalidValue) }
        guard let call = driver.cuArray3DCreate_v2 else { return finish(record, Status.notFound) }
        guard let charge = shape.charge, hasRoom(charge, device) else {
            return finish(record, Status.outOfMemory)
        }
        var array: CUarray?
        let status = shape.withDescriptor { call(&array, $0) }
        if status == Status.success {
            guard slices.take(charge, of: device) else {
                _ = driver.cuArrayDestroy?(array)
                return finish(record, Status.outOfMemory)
            }
            let entry = ArrayEntry(array: array, charge: charge, device: device)
            handles.arrays.entries.insert(handle, entry, context: record.context)
        }
        finish(record, status)
    }

    func destroyArray(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: ArrayLayout.destroySize)
        let handle = record.load(0, as: UInt64.self)
        guard let entry = handles.arrays.entries.find(handle) else {
            return finish(record, Status.invalidHandle)
        }
        guard let call = driver.cuArrayDestroy else { return finish(record, Status.notFound) }
        let status = call(entry.array)
        handles.arrays.entries.remove(handle)
        // What the driver keeps goes on counting.
        if status == Status.success { slices.giveBack(entry.charge, of: entry.device) }
        finish(record, status)
    }

    /// Forgets arrays, textures and references of a context that is about to go.
    func forgetTextures(context: UInt32) {
        handles.textures.removeAll(context: context)
        // Those of modules went with them; a library's module goes, the library does not.
        handles.references.removeAll(context: context)
        handles.arrays.entries.removeAll(context: context) {
            slices.giveBack($0.charge, of: $0.device)
        }
    }
}
