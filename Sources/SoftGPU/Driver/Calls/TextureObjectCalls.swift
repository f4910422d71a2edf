package import CUDAABI
internal import Driver
internal import Lanes

extension SoftCalls {
    package static func cuTexObjectCreate(
        _ object: UnsafeMutablePointer<CUtexObject>?,
        _ resource: OpaquePointer?,
        _ settings: OpaquePointer?,
        _ view: OpaquePointer?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let object = try required(object)
            let resource = UnsafeRawPointer(try required(resource))
            let settings = UnsafeRawPointer(try required(settings))
            // Other formats and ranges of the same memory.
            guard view == nil else { throw .notSupported }
            let driver = context.driver
            var texture = try TextureResource(resource, driver).laneTexture(driver)
            try TextureSettings(settings).apply(to: &texture)
            object.pointee = try driver.textures.insert(
                texture,
                TextureRecord(
                    context: context,
                    resource: copied(resource, TextureObjects.resourceBytes),
                    settings: copied(settings, TextureObjects.settingsBytes)
                ),
                tag: TextureTag.texture
            )
        }
    }

    package static func cuTexObjectDestroy(_ object: CUtexObject) -> CUresult {
        withContext { (context) throws(Failure) in
            try context.driver.textures.remove(object, tag: TextureTag.texture)
        }
    }

    package static func cuTexObjectGetResourceDesc(
        _ resource: OpaquePointer?,
        _ object: CUtexObject
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let record = try context.driver.textures.record(object, tag: TextureTag.texture)
            store(record.resource, try required(resource))
        }
    }

    package static func cuTexObjectGetTextureDesc(
        _ settings: OpaquePointer?,
        _ object: CUtexObject
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let record = try context.driver.textures.record(object, tag: TextureTag.texture)
            store(record.settings, try required(settings))
        }
    }

    /// No object has a view.
    package static func cuTexObjectGetResourceViewDesc(
        _ view: OpaquePointer?,
        _ object: CUtexObject
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            _ = try required(view)
            _ = try context.driver.textures.record(object, tag: TextureTag.texture)
            throw .invalidValue
        }
    }

    package static func cuDeviceGetTexture1DLinearMaxWidth(
        _ width: UnsafeMutablePointer<Int>?,
        _ format: CUarray_format,
        _ channels: UInt32,
        _ device: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            _ = try driver.device(device)
            let width = try required(width)
            _ = try TextureResource.format(format, channels)
            width.pointee = TextureResource.mostLinear
        }
    }

    package static func cuSurfObjectCreate(
        _ object: UnsafeMutablePointer<CUsurfObject>?,
        _ resource: OpaquePointer?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let object = try required(object)
            let resource = UnsafeRawPointer(try required(resource))
            let driver = context.driver
            guard case .array(let array) = try TextureResource(resource, driver) else {
                throw .invalidValue
            }
            try array.requireSurface()
            object.pointee = try driver.textures.insert(
                array.laneTexture(),
                TextureRecord(
                    context: context,
                    resource: copied(resource, TextureObjects.resourceBytes),
                    settings: []
                ),
                tag: TextureTag.surface
            )
        }
    }

    package static func cuSurfObjectDestroy(_ object: CUsurfObject) -> CUresult {
        withContext { (context) throws(Failure) in
            try context.driver.textures.remove(object, tag: TextureTag.surface)
        }
    }

    package static func cuSurfObjectGetResourceDesc(
        _ resource: OpaquePointer?,
        _ object: CUsurfObject
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let record = try context.driver.textures.record(object, tag: TextureTag.surface)
            store(record.resource, try required(resource))
        }
    }

    private static func copied(_ bytes: UnsafeRawPointer, _ count: Int) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    private static func store(_ bytes: [UInt8], _ target: OpaquePointer) {
        bytes.withUnsafeBytes { from in
            if let start = from.baseAddress {
                UnsafeMutableRawPointer(target).copyMemory(from: start, byteCount: from.count)
            }
        }
    }
}

extension CUDAArray {
    /// Fails for arrays that were not made for surfaces.
    func requireSurface() throws(Failure) {
        guard shape.flags & ArrayShape.surface != 0 else { throw .invalidValue }
    }
}

extension TextureSettings {
    /// Reads a `CUDA_TEXTURE_DESC`: three address modes, filter, flags, anisotropy, three fields of
    /// mipmaps, border colour at 40. Anisotropy and mipmaps need levels of detail to matter.
    fileprivate init(_ bytes: UnsafeRawPointer) {
        func integer(_ offset: Int) -> Int32 { bytes.load(fromByteOffset: offset, as: Int32.self) }
        addressing = [integer(0), integer(4), integer(8)]
        filter = integer(12)
        flags = bytes.load(fromByteOffset: 16, as: UInt32.self)
        border = (0..<4).map { bytes.load(fromByteOffset: 40 + $0 * 4, as: Float.self) }
    }
}
