package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// CUDA arrays: made on the server, which must be asked whether there is memory; what they are is
// known here.

extension ClientCalls {
    /// `cuArrayCreate_v2`: width, height, format, channels.
    package static func cuArrayCreate_v2(
        _ array: UnsafeMutablePointer<CUarray?>?,
        _ description: OpaquePointer?
    ) -> CUresult {
        withContext { state, context in
            guard let array, let description else { return Status.invalidValue }
            let from = UnsafeRawPointer(description)
            let entry = ArrayEntry(
                context: ContextStack.current,
                width: from.load(as: Int.self),
                height: from.load(fromByteOffset: 8, as: Int.self),
                depth: 0,
                format: from.load(fromByteOffset: 16, as: Int32.self),
                channels: from.load(fromByteOffset: 20, as: UInt32.self),
                flags: 0
            )
            return create(state, context, array, entry)
        }
    }

    /// `cuArray3DCreate_v2`: width, height, depth, format, channels, flags.
    package static func cuArray3DCreate_v2(
        _ array: UnsafeMutablePointer<CUarray?>?,
        _ description: OpaquePointer?
    ) -> CUresult {
        withContext { state, context in
            guard let array, let description else { return Status.invalidValue }
            let from = UnsafeRawPointer(description)
            let entry = ArrayEntry(
                context: ContextStack.current,
                width: from.load(as: Int.self),
                height: from.load(fromByteOffset: 8, as: Int.self),
                depth: from.load(fromByteOffset: 16, as: Int.self),
                format: from.load(fromByteOffset: 24, as: Int32.self),
                channels: from.load(fromByteOffset: 28, as: UInt32.self),
                flags: from.load(fromByteOffset: 32, as: UInt32.self)
            )
            return create(state, context, array, entry)
        }
    }

    private static func create(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ array: UnsafeMutablePointer<CUarray?>,
        _ entry: ArrayEntry
    ) -> CUresult {
        var entry = entry
        entry.extent = entry.knownExtent()
        let made = state.pointee.objectLock.withLock { state.pointee.arrays.insert(entry) }
        guard let handle = made else { return Status.outOfMemory }
        var isMade = false
        let size = ArrayLayout.createSize
        let status = MemoryPools.retrying(state) {
            Session.wait(state, .cuArray3DCreate_v2, context: context, size: size) {
                $0.storeBytes(of: handle, as: UInt64.self)
                entry.encode(to: $0)
            } reply: { _ in
                isMade = true
            }
        }
        if status == Status.success {
            array.pointee = Handles.pointer(handle)
        } else if isMade {
            // The error is that of an earlier call without a reply.
            _ = destroy(state, context, handle)
        } else {
            _ = state.pointee.objectLock.withLock { state.pointee.arrays.remove(handle) }
        }
        return status
    }

    private static func destroy(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ handle: UInt64
    ) -> CUresult {
        Session.sendLast(state, .cuArrayDestroy, context: context, handle: handle) {
            state.pointee.arrays.remove(handle) != nil
        }
    }

    /// `cuArrayDestroy`: what can be wrong with it is known here, so nothing is waited for.
    package static func cuArrayDestroy(_ array: CUarray?) -> CUresult {
        withArray(array) { state, entry in
            guard let context = state.pointee.contexts.identifier(entry.context) else {
                return Status.invalidHandle
            }
            return destroy(state, context, Handles.raw(array))
        }
    }

    /// What is known of an array.
    static func withArray(
        _ array: CUarray?,
        _ body: (UnsafeMutablePointer<SessionState>, ArrayEntry) -> CUresult
    ) -> CUresult {
        withContext { state, _ in
            guard let entry = state.pointee.arrays.find(Handles.raw(array)) else {
                return Status.invalidHandle
            }
            return body(state, entry.pointee)
        }
    }

    /// `cuArrayGetDescriptor_v2`
    package static func cuArrayGetDescriptor_v2(
        _ description: OpaquePointer?,
        _ array: CUarray?
    ) -> CUresult {
        withContext { _, _ in
            guard let description else { return Status.invalidValue }
            return withArray(array) { _, entry in
                let to = UnsafeMutableRawPointer(description)
                to.storeBytes(of: entry.width, as: Int.self)
                to.storeBytes(of: entry.height, toByteOffset: 8, as: Int.self)
                to.storeBytes(of: entry.format, toByteOffset: 16, as: Int32.self)
                to.storeBytes(of: entry.channels, toByteOffset: 20, as: UInt32.self)
                return Status.success
            }
        }
    }

    /// `cuArray3DGetDescriptor_v2`
    package static func cuArray3DGetDescriptor_v2(
        _ description: OpaquePointer?,
        _ array: CUarray?
    ) -> CUresult {
        withContext { _, _ in
            guard let description else { return Status.invalidValue }
            return withArray(array) { _, entry in
                let to = UnsafeMutableRawPointer(description)
                to.storeBytes(of: entry.width, as: Int.self)
                to.storeBytes(of: entry.height, toByteOffset: 8, as: Int.self)
                to.storeBytes(of: entry.depth, toByteOffset: 16, as: Int.self)
                to.storeBytes(of: entry.format, toByteOffset: 24, as: Int32.self)
                to.storeBytes(of: entry.channels, toByteOffset: 28, as: UInt32.self)
                to.storeBytes(of: entry.flags, toByteOffset: 32, as: UInt32.self)
                return Status.success
            }
        }
    }
}

extension ArrayEntry {
    /// Writes the body of `cuArray3DCreate_v2` behind the handle.
    fileprivate func encode(to body: UnsafeMutableRawPointer) {
        func store(_ value: Int, _ offset: Int) {
            body.storeBytes(
                of: UInt64(bitPattern: Int64(value)),
                toByteOffset: offset,
                as: UInt64.self
            )
        }
        store(width, ArrayLayout.width)
        store(height, ArrayLayout.height)
        store(depth, ArrayLayout.depth)
        body.storeBytes(of: format, toByteOffset: ArrayLayout.format, as: Int32.self)
        body.storeBytes(of: channels, toByteOffset: ArrayLayout.channels, as: UInt32.self)
        body.storeBytes(of: UInt64(flags), toByteOffset: ArrayLayout.flags, as: UInt64.self)
    }

    /// The array in bytes, if its texels are channels of 8, 16 or 32 bits.
    fileprivate func knownExtent() -> BoxExtent? {
        guard let bytes = TexelFormat.bytes(format), width > 0, height >= 0, depth >= 0,
            channels <= 4
        else { return nil }
        let (row, isTooWide) = UInt64(width)
            .multipliedReportingOverflow(by: UInt64(bytes) * UInt64(channels))
        guard !isTooWide else { return nil }
        return BoxExtent(checking: row, UInt64(max(height, 1)), UInt64(max(depth, 1)))
    }
}
