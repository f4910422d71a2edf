internal import CUDAABI
internal import Driver
internal import Wire

// Texture and surface references: variables of a module, which go with it.
extension Executor {
    func findReference(_ record: Record) throws(ProtocolViolation) {
        try record.expect(atLeast: TextureReferenceLayout.name)
        let length = Int(record.load(TextureReferenceLayout.nameLength, as: UInt32.self))
        guard length <= GlobalLayout.maxName else { throw .malformed(record.opcode) }
        let name = TextureReferenceLayout.name
        try record.expect(size: name + WireFormat.padded(length))
        let handle = record.load(TextureReferenceLayout.reference, as: UInt64.self)
        let image = record.load(TextureReferenceLayout.image, as: UInt64.self)
        guard handles.references.accepts(handle), let entry = handles.images.find(image) else {
            return finish(record, Status.invalidHandle)
        }
        let isSurface = record.opcode == .cuModuleGetSurfRef
        guard let call = isSurface ? driver.cuModuleGetSurfRef : driver.cuModuleGetTexRef else {
            return finish(record, Status.notFound)
        }
        var module = entry.pointee.object
        var status = Status.success
        if entry.pointee.isLibrary {
            status = driver.cuLibraryGetModule?(&module, entry.pointee.object) ?? Status.notFound
        }
        var found: OpaquePointer?
        if status == Status.success {
            status = record.withName(at: name, length: length) { call(&found, module, $0) }
        }
        if status == Status.success {
            let reference = ReferenceEntry(reference: found, isSurface: isSurface)
            handles.references.insert(handle, reference, context: record.context)
            entry.pointee.references.append(handle)
        }
        finish(record, status)
    }

    func setReferenceAddress(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: TextureReferenceLayout.addressSize)
        guard let reference = handles.texrefs.find(record.load(0, as: UInt64.self)) else {
            return finish(record, Status.invalidHandle)
        }
        let address = record.load(8, as: UInt64.self)
        let bytes = record.load(16, as: UInt64.self)
        guard isDeviceRange(address, max(bytes, 1)) else {
            return finish(record, Status.invalidValue)
        }
        guard let call = driver.cuTexRefSetAddress_v2 else {
            return finish(record, Status.notFound)
        }
        var offset = 0
        let status = call(&offset, reference, address, Int(bytes))
        finish(record, status, size: 16) { reply in
            reply.storeBytes(of: UInt64(max(0, offset)), toByteOffset: 8, as: UInt64.self)
        }
    }

    func setReferenceAddress2D(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: TextureReferenceLayout.address2DSize)
        guard let reference = handles.texrefs.find(record.load(0, as: UInt64.self)) else {
            return finish(record, Status.invalidHandle)
        }
        let address = record.load(8, as: UInt64.self)
        let pitch = record.load(16, as: UInt64.self)
        let width = record.load(24, as: UInt64.self)
        let height = record.load(32, as: UInt64.self)
        let (bytes, overflow) = pitch.multipliedReportingOverflow(by: max(height, 1) - 1)
        guard !overflow, width <= 1 << 28, height <= 1 << 28, pitch <= 1 << 40,
            isDeviceRange(address, max(bytes, 1))
        else { return finish(record, Status.invalidValue) }
        guard let call = driver.cuTexRefSetAddress2D_v3 else {
            return finish(record, Status.notFound)
        }
        // CUDA_ARRAY_DESCRIPTOR: width, height, format, channels.
        var description = (width, height, record.load(40, as: UInt64.self))
        let status = withUnsafeMutablePointer(to: &description) {
            call(reference, OpaquePointer($0), address, Int(pitch))
        }
        finish(record, status)
    }

    func setReferenceBorder(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: TextureReferenceLayout.borderSize)
        guard let reference = handles.texrefs.find(record.load(0, as: UInt64.self)) else {
            return finish(record, Status.invalidHandle)
        }
        guard let call = driver.cuTexRefSetBorderColor else {
            return finish(record, Status.notFound)
        }
        var color = (0..<4).map { record.load(8 + $0 * 4, as: Float.self) }
        finish(record, call(reference, &color))
    }

    func referenceBorder(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: TextureReferenceLayout.getBorderSize)
        guard let reference = handles.texrefs.find(record.load(0, as: UInt64.self)) else {
            return finish(record, Status.invalidHandle)
        }
        guard let call = driver.cuTexRefGetBorderColor else {
            return finish(record, Status.notFound)
        }
        var color: [Float] = [0, 0, 0, 0]
        let status = call(&color, reference)
        finish(record, status, size: 24) { reply in
            for k in 0..<4 {
                reply.storeBytes(of: color[k], toByteOffset: 8 + k * 4, as: Float.self)
            }
        }
    }
}
