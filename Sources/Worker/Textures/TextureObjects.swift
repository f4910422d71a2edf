internal import CUDAABI
internal import Driver
internal import Wire

// Texture and surface objects, whose values are the driver's: kernels get them among parameters of
// which nothing is known.
extension Executor {
    func createTexture(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: TextureLayout.size)
        guard let call = driver.cuTexObjectCreate else { return finish(record, Status.notFound) }
        create(record, isSurface: false) { object, resource in
            withTextureStructures(record) { call(&object, resource, $0, $1) }
        }
    }

    func createSurface(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: TextureLayout.surfaceSize)
        guard let call = driver.cuSurfObjectCreate else { return finish(record, Status.notFound) }
        create(record, isSurface: true) { call(&$0, $1) }
    }

    private func create(
        _ record: Record,
        isSurface: Bool,
        _ call: (inout UInt64, OpaquePointer?) -> CUresult
    ) {
        guard !handles.textures.isFull else { return finish(record, Status.outOfMemory) }
        var object: UInt64 = 0
        let status = withResource(record) { call(&object, $0) }
        if status == Status.success {
            let context = record.context
            handles.textures.insert(
                TextureName(object: object, context: context, isSurface: isSurface)
            )
        }
        finish(record, status, size: 16) { reply in
            reply.storeBytes(of: object, toByteOffset: 8, as: UInt64.self)
        }
    }

    func destroyTexture(_ record: Record) throws(ProtocolViolation) {
        try destroy(record, isSurface: false, driver.cuTexObjectDestroy)
    }

    func destroySurface(_ record: Record) throws(ProtocolViolation) {
        try destroy(record, isSurface: true, driver.cuSurfObjectDestroy)
    }

    private func destroy(
        _ record: Record,
        isSurface: Bool,
        _ call: (@convention(c) (UInt64) -> CUresult)?
    ) throws(ProtocolViolation) {
        try record.expect(size: TextureLayout.destroySize)
        let object = record.load(0, as: UInt64.self)
        let name = TextureName(object: object, context: record.context, isSurface: isSurface)
        guard let call else { return finish(record, Status.notFound) }
        guard handles.textures.contains(name) else { return finish(record, Status.invalidValue) }
        let status = call(object)
        handles.textures.remove(name)
        finish(record, status)
    }

    func textureMaxWidth(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: TextureLayout.maxWidthSize)
        let device = record.load(8, as: Int32.self)
        guard device >= 0, device < deviceCount else {
            return finish(record, Status.invalidDevice)
        }
        guard let call = driver.cuDeviceGetTexture1DLinearMaxWidth else {
            return finish(record, Status.notFound)
        }
        var width = 0
        let format = record.load(0, as: Int32.self)
        let status = call(&width, format, record.load(4, as: UInt32.self), device)
        finish(record, status, size: 16) { reply in
            reply.storeBytes(of: UInt64(max(0, width)), toByteOffset: 8, as: UInt64.self)
        }
    }

    /// Calls `body` with a `CUDA_RESOURCE_DESC`, in which array and address are checked: kind at 0,
    /// what it is about from 8 on, flags at 136; 144 bytes.
    private func withResource(
        _ record: Record,
        _ body: (OpaquePointer?) -> CUresult
    ) -> CUresult {
        let kind = record.load(TextureLayout.kind, as: UInt32.self)
        var place = record.load(TextureLayout.place, as: UInt64.self)
        switch kind {
        case 0:
            guard let array = handles.arrays.find(place) else { return Status.invalidHandle }
            place = UInt64(UInt(bitPattern: array))
        case 1: return Status.notSupported
        case TextureLayout.linear:
            // It may be larger than the memory behind it (NVIDIA's sample convolutionFFT2D).
            let bytes = record.load(TextureLayout.width, as: UInt64.self)
            guard bytes <= 1 << 48, isDeviceRange(place, 1) else { return Status.invalidValue }
        case TextureLayout.pitched:
            let rows = record.load(TextureLayout.height, as: UInt64.self)
            let pitch = record.load(TextureLayout.pitch, as: UInt64.self)
            let (bytes, overflow) = pitch.multipliedReportingOverflow(by: max(rows, 1) - 1)
            guard !overflow, isDeviceRange(place, max(bytes, 1)) else {
                return Status.invalidValue
            }
        default: return Status.invalidValue
        }
        return withUnsafeTemporaryAllocation(byteCount: 144, alignment: 8) { memory in
            memory.initializeMemory(as: UInt8.self, repeating: 0)
            memory.storeBytes(of: kind, as: UInt32.self)
            memory.storeBytes(of: place, toByteOffset: 8, as: UInt64.self)
            if kind != 0 {
                let end = kind == TextureLayout.linear ? TextureLayout.height : 48
                memory.copyWords(of: record, from: TextureLayout.format..<end, to: 16)
            }
            let flags = record.load(TextureLayout.resourceFlags, as: UInt32.self)
            memory.storeBytes(of: flags, toByteOffset: 136, as: UInt32.self)
            return body(memory.baseAddress.map { OpaquePointer($0) })
        }
    }

    /// Calls `body` with a `CUDA_TEXTURE_DESC` of 104 bytes, and a `CUDA_RESOURCE_VIEW_DESC` of 112
    /// if there is one: format at 0, extents at 8, ranges at 32.
    private func withTextureStructures(
        _ record: Record,
        _ body: (OpaquePointer?, OpaquePointer?) -> CUresult
    ) -> CUresult {
        withUnsafeTemporaryAllocation(byteCount: 104 + 112, alignment: 8) { memory in
            memory.initializeMemory(as: UInt8.self, repeating: 0)
            let settings = TextureLayout.addressModes..<TextureLayout.hasView
            memory.copyWords(of: record, from: settings, to: 0)
            let base = memory.baseAddress
            let texture = base.map { OpaquePointer($0) }
            guard record.load(TextureLayout.hasView, as: UInt32.self) != 0 else {
                return body(texture, nil)
            }
            let format = TextureLayout.viewFormat
            memory.copyWords(of: record, from: format..<format + 4, to: 104)
            memory.copyWords(
                of: record,
                from: TextureLayout.viewExtents..<TextureLayout.size,
                to: 112
            )
            return body(texture, base.map { OpaquePointer($0 + 104) })
        }
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Copies words of four bytes of a record's body.
    fileprivate func copyWords(of record: Record, from range: Range<Int>, to start: Int) {
        for offset in stride(from: 0, to: range.count, by: 4) {
            let word = record.load(range.lowerBound + offset, as: UInt32.self)
            storeBytes(of: word, toByteOffset: start + offset, as: UInt32.self)
        }
    }
}
