internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Texture and surface objects. Their values are the driver's: programs hand them to kernels among
// parameters of which nothing is known, so no other value could be translated there. What they are
// is remembered here.

extension ClientCalls {
    /// `cuTexObjectCreate`
    package static func cuTexObjectCreate(
        _ object: UnsafeMutablePointer<CUtexObject>?,
        _ resource: OpaquePointer?,
        _ settings: OpaquePointer?,
        _ view: OpaquePointer?
    ) -> CUresult {
        withContext { state, context in
            guard let object, let resource, let settings else { return Status.invalidValue }
            let (from, how) = (UnsafeRawPointer(resource), UnsafeRawPointer(settings))
            let range = view.map { UnsafeRawPointer($0) }
            guard let place = place(of: from) else { return Status.invalidHandle }
            let size = TextureLayout.size
            return make(state, context, .cuTexObjectCreate, size, object) { body in
                encode(resource: from, place, to: body)
                encode(settings: how, to: body)
                encode(view: range, to: body)
            } describe: { description in
                memcpy(description, from, 144)
                memcpy(description + TextureDescription.texture, how, 104)
                if let range { memcpy(description + TextureDescription.view, range, 112) }
                return range != nil
            }
        }
    }

    /// `cuSurfObjectCreate`
    package static func cuSurfObjectCreate(
        _ object: UnsafeMutablePointer<CUsurfObject>?,
        _ resource: OpaquePointer?
    ) -> CUresult {
        withContext { state, context in
            guard let object, let resource else { return Status.invalidValue }
            let from = UnsafeRawPointer(resource)
            guard let place = place(of: from) else { return Status.invalidHandle }
            let size = TextureLayout.surfaceSize
            return make(state, context, .cuSurfObjectCreate, size, object) { body in
                encode(resource: from, place, to: body)
            } describe: { description in
                memcpy(description, from, 144)
                return false
            }
        }
    }

    /// Has the server make an object, and remembers it.
    ///
    /// - Parameter describe: Writes a `TextureDescription`; says whether it has a view.
    private static func make(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ opcode: Opcode,
        _ size: Int,
        _ object: UnsafeMutablePointer<UInt64>,
        _ encode: (UnsafeMutableRawPointer) -> Void,
        describe: (UnsafeMutableRawPointer) -> Bool
    ) -> CUresult {
        var found: UInt64?
        let replySize = ReplyLayout.values + 8
        let status = Session.wait(
            state,
            opcode,
            context: context,
            size: size,
            replySize: replySize
        ) { body in
            memset(body, 0, size)
            encode(body)
        } reply: {
            found = $0.loadUnaligned(fromByteOffset: ReplyLayout.values, as: UInt64.self)
        }
        guard let found else { return status }
        let isSurface = opcode == .cuSurfObjectCreate
        let key = TextureObject(found, context: ContextStack.current, isSurface: isSurface)
        state.pointee.textures.insert(key, describe)
        guard status == Status.success else {
            // The error is that of an earlier call without a reply.
            _ = destroy(found, isSurface: isSurface)
            return status
        }
        object.pointee = found
        return Status.success
    }

    /// The array's handle, or the address, of a `CUDA_RESOURCE_DESC`; `nil` when there is no such
    /// array.
    private static func place(of resource: UnsafeRawPointer) -> UInt64? {
        let value = resource.load(fromByteOffset: 8, as: UInt64.self)
        let isArray = resource.load(as: UInt32.self) == 0
        return isArray ? Handles.array(Handles.pointer(value)) : value
    }

    /// `CUDA_RESOURCE_DESC`: type at 0, what it is about from 8 on, flags at 136.
    private static func encode(
        resource: UnsafeRawPointer,
        _ place: UInt64,
        to body: UnsafeMutableRawPointer
    ) {
        let kind = resource.load(as: UInt32.self)
        let flags = resource.load(fromByteOffset: 136, as: UInt32.self)
        body.storeBytes(of: kind, toByteOffset: TextureLayout.kind, as: UInt32.self)
        body.storeBytes(of: flags, toByteOffset: TextureLayout.resourceFlags, as: UInt32.self)
        body.storeBytes(of: place, toByteOffset: TextureLayout.place, as: UInt64.self)
        // Format, channels and width; height and pitch of pitched memory.
        if kind == TextureLayout.linear { memcpy(body + TextureLayout.format, resource + 16, 16) }
        if kind == TextureLayout.pitched { memcpy(body + TextureLayout.format, resource + 16, 32) }
    }

    /// `CUDA_TEXTURE_DESC`: address modes, filter, flags, anisotropy, mipmap filter, bias, clamps,
    /// border colour, which lie on the wire as they lie here.
    private static func encode(
        settings: UnsafeRawPointer,
        to body: UnsafeMutableRawPointer
    ) {
        let size = TextureLayout.hasView - TextureLayout.addressModes
        memcpy(body + TextureLayout.addressModes, settings, size)
    }

    /// `CUDA_RESOURCE_VIEW_DESC`: format, extents from 8 on, ranges from 32 on.
    private static func encode(view: UnsafeRawPointer?, to body: UnsafeMutableRawPointer) {
        guard let view else { return }
        body.storeBytes(of: 1, toByteOffset: TextureLayout.hasView, as: UInt32.self)
        memcpy(body + TextureLayout.viewFormat, view, 4)
        memcpy(body + TextureLayout.viewExtents, view + 8, 24)
        memcpy(body + TextureLayout.viewRanges, view + 32, 16)
    }

    /// `cuTexObjectDestroy`
    package static func cuTexObjectDestroy(_ object: CUtexObject) -> CUresult {
        destroy(object, isSurface: false)
    }

    /// `cuSurfObjectDestroy`
    package static func cuSurfObjectDestroy(_ object: CUsurfObject) -> CUresult {
        destroy(object, isSurface: true)
    }

    private static func destroy(_ object: UInt64, isSurface: Bool) -> CUresult {
        withContext { state, context in
            let current = ContextStack.current
            let key = TextureObject(object, context: current, isSurface: isSurface)
            let opcode = isSurface ? Opcode.cuSurfObjectDestroy : .cuTexObjectDestroy
            let status = Session.sendLast(state, opcode, context: context, handle: object) {
                state.pointee.textures.remove(key)
            }
            // The driver's answer to an object that is none.
            return status == Status.invalidHandle ? Status.invalidValue : status
        }
    }

    /// `cuTexObjectGetResourceDesc`
    package static func cuTexObjectGetResourceDesc(
        _ resource: OpaquePointer?,
        _ object: CUtexObject
    ) -> CUresult {
        describe(object, TextureDescription.resource, 144, resource)
    }

    /// `cuTexObjectGetTextureDesc`
    package static func cuTexObjectGetTextureDesc(
        _ settings: OpaquePointer?,
        _ object: CUtexObject
    ) -> CUresult {
        describe(object, TextureDescription.texture, 104, settings)
    }

    /// `cuTexObjectGetResourceViewDesc`
    package static func cuTexObjectGetResourceViewDesc(
        _ view: OpaquePointer?,
        _ object: CUtexObject
    ) -> CUresult {
        describe(object, TextureDescription.view, 112, view)
    }

    /// `cuSurfObjectGetResourceDesc`
    package static func cuSurfObjectGetResourceDesc(
        _ resource: OpaquePointer?,
        _ object: CUsurfObject
    ) -> CUresult {
        describe(object, TextureDescription.resource, 144, resource, isSurface: true)
    }

    private static func describe(
        _ object: UInt64,
        _ offset: Int,
        _ size: Int,
        _ target: OpaquePointer?,
        isSurface: Bool = false
    ) -> CUresult {
        withContext { state, _ in
            guard let target else { return Status.invalidValue }
            let current = ContextStack.current
            let key = TextureObject(object, context: current, isSurface: isSurface)
            return state.pointee.textures.copy(
                key,
                offset,
                size,
                to: UnsafeMutableRawPointer(target)
            )
        }
    }

    /// `cuDeviceGetTexture1DLinearMaxWidth`
    package static func cuDeviceGetTexture1DLinearMaxWidth(
        _ width: UnsafeMutablePointer<Int>?,
        _ format: CUarray_format,
        _ channels: UInt32,
        _ device: CUdevice
    ) -> CUresult {
        withDevice(device) { state in
            guard let width else { return Status.invalidValue }
            let lost = state.pointee.lostStatus
            guard lost == 0 else { return lost }
            let ordinal = state.pointee.devices.serverOrdinal(device)
            let size = TextureLayout.maxWidthSize
            let replySize = ReplyLayout.values + 8
            return Session.wait(
                state,
                .cuDeviceGetTexture1DLinearMaxWidth,
                context: 0,
                size: size,
                replySize: replySize
            ) {
                $0.storeBytes(of: format, as: Int32.self)
                $0.storeBytes(of: channels, toByteOffset: 4, as: UInt32.self)
                $0.storeBytes(
                    of: UInt64(UInt32(bitPattern: ordinal)),
                    toByteOffset: 8,
                    as: UInt64.self
                )
            } reply: {
                let found = $0.loadUnaligned(fromByteOffset: ReplyLayout.values, as: UInt64.self)
                width.pointee = Int(truncatingIfNeeded: found)
            }
        }
    }
}
