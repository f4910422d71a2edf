internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Contexts: the stack, primary contexts and their life are kept here (rule 8).

extension ClientCalls {
    private static func raw(_ context: CUcontext?) -> UInt64 { UInt64(UInt(bitPattern: context)) }

    /// `cuCtxGetCurrent`
    package static func cuCtxGetCurrent(
        _ context: UnsafeMutablePointer<CUcontext?>?
    ) -> CUresult {
        withSession { _ in
            guard let context else { return Status.invalidValue }
            context.pointee = Handles.pointer(ContextStack.current)
            return Status.success
        }
    }

    /// `cuCtxSetCurrent`
    package static func cuCtxSetCurrent(_ context: CUcontext?) -> CUresult {
        withSession { state in
            let handle = raw(context)
            guard handle == 0 || state.pointee.contexts.find(handle) != nil else {
                return Status.invalidContext
            }
            ContextStack.replace(handle)
            return Status.success
        }
    }

    /// `cuCtxPushCurrent_v2`
    package static func cuCtxPushCurrent_v2(_ context: CUcontext?) -> CUresult {
        withSession { state in
            guard state.pointee.contexts.find(raw(context)) != nil else {
                return Status.invalidContext
            }
            return ContextStack.push(raw(context))
        }
    }

    /// `cuCtxPopCurrent_v2`
    package static func cuCtxPopCurrent_v2(
        _ context: UnsafeMutablePointer<CUcontext?>?
    ) -> CUresult {
        withSession { _ in
            guard let popped = ContextStack.pop() else { return Status.invalidContext }
            context?.pointee = Handles.pointer(popped)
            return Status.success
        }
    }

    /// The entry of `context`, or of the current one for NULL.
    private static func withEntry(
        _ context: CUcontext?,
        _ body: (UnsafeMutablePointer<ContextEntry>) -> CUresult
    ) -> CUresult {
        withSession { state in
            let handle = context == nil ? ContextStack.current : raw(context)
            guard handle != 0, let entry = state.pointee.contexts.find(handle) else {
                return Status.invalidContext
            }
            return body(entry)
        }
    }

    /// `cuCtxGetDevice`
    package static func cuCtxGetDevice(_ device: UnsafeMutablePointer<CUdevice>?) -> CUresult {
        cuCtxGetDevice_v2(device, nil)
    }

    /// `cuCtxGetDevice_v2`
    package static func cuCtxGetDevice_v2(
        _ device: UnsafeMutablePointer<CUdevice>?,
        _ context: CUcontext?
    ) -> CUresult {
        withEntry(context) { entry in
            guard let device else { return Status.invalidValue }
            device.pointee = entry.pointee.device
            return Status.success
        }
    }

    /// `cuCtxGetFlags`
    package static func cuCtxGetFlags(_ flags: UnsafeMutablePointer<UInt32>?) -> CUresult {
        withEntry(nil) { entry in
            guard let flags else { return Status.invalidValue }
            flags.pointee = entry.pointee.flags
            return Status.success
        }
    }

    /// `cuCtxSetFlags`
    package static func cuCtxSetFlags(_ flags: UInt32) -> CUresult {
        withEntry(nil) { entry in
            entry.pointee.flags = flags
            return Status.success
        }
    }

    /// `cuCtxGetId`
    package static func cuCtxGetId(
        _ context: CUcontext?,
        _ identifier: UnsafeMutablePointer<UInt64>?
    ) -> CUresult {
        withSession { state in
            let handle = context == nil ? ContextStack.current : raw(context)
            let life = state.pointee.contexts.life(handle)
            guard life != 0 else { return Status.invalidContext }
            guard let identifier else { return Status.invalidValue }
            identifier.pointee = life
            return Status.success
        }
    }

    /// `cuCtxGetApiVersion`
    package static func cuCtxGetApiVersion(
        _ context: CUcontext?,
        _ version: UnsafeMutablePointer<UInt32>?
    ) -> CUresult {
        withEntry(context) { _ in
            guard let version else { return Status.invalidValue }
            version.pointee = 3020
            return Status.success
        }
    }

    /// `cuCtxGetCacheConfig`: no preference.
    package static func cuCtxGetCacheConfig(
        _ config: UnsafeMutablePointer<CUfunc_cache>?
    ) -> CUresult {
        withEntry(nil) { _ in
            guard let config else { return Status.invalidValue }
            config.pointee = 0
            return Status.success
        }
    }

    /// `cuCtxSetCacheConfig`: a preference that no GPU of today has.
    package static func cuCtxSetCacheConfig(_ config: CUfunc_cache) -> CUresult {
        withEntry(nil) { _ in config >= 0 && config <= 3 ? Status.success : Status.invalidValue }
    }

    /// `cuCtxGetSharedMemConfig`: banks of four bytes.
    package static func cuCtxGetSharedMemConfig(
        _ config: UnsafeMutablePointer<CUsharedconfig>?
    ) -> CUresult {
        withEntry(nil) { _ in
            guard let config else { return Status.invalidValue }
            config.pointee = 1
            return Status.success
        }
    }

    /// `cuCtxSetSharedMemConfig`: bank sizes cannot be chosen any more.
    package static func cuCtxSetSharedMemConfig(_ config: CUsharedconfig) -> CUresult {
        withEntry(nil) { _ in config >= 0 && config <= 2 ? Status.success : Status.invalidValue }
    }

    /// `cuCtxGetStreamPriorityRange`
    package static func cuCtxGetStreamPriorityRange(
        _ least: UnsafeMutablePointer<Int32>?,
        _ greatest: UnsafeMutablePointer<Int32>?
    ) -> CUresult {
        withContext { state, _ in
            let handle = ContextStack.current
            let device = state.pointee.contexts.find(handle)?.pointee.device ?? 0
            let hasPriorities = state.pointee.devices.attribute(device, 78) != 0
            least?.pointee = 0
            greatest?.pointee = hasPriorities ? -5 : 0
            return Status.success
        }
    }

    /// `cuCtxGetExecAffinity`: contexts use the whole GPU.
    package static func cuCtxGetExecAffinity(
        _ affinity: OpaquePointer?,
        _ type: CUexecAffinityType
    ) -> CUresult {
        withContext { _, _ in Status.notSupported }
    }

    /// `cuCtxAttach`
    package static func cuCtxAttach(
        _ context: UnsafeMutablePointer<CUcontext?>?,
        _ flags: UInt32
    ) -> CUresult {
        withContext { _, _ in
            guard let context, flags == 0 else { return Status.invalidValue }
            context.pointee = Handles.pointer(ContextStack.current)
            return Status.success
        }
    }

    /// `cuCtxDetach`
    package static func cuCtxDetach(_ context: CUcontext?) -> CUresult {
        cuCtxDestroy_v2(context)
    }

    /// `cuCtxCreate_v2`
    package static func cuCtxCreate_v2(
        _ context: UnsafeMutablePointer<CUcontext?>?,
        _ flags: UInt32,
        _ device: CUdevice
    ) -> CUresult {
        withDevice(device) { state in
            guard let context else { return Status.invalidValue }
            state.pointee.objectLock.lock()
            let entry = state.pointee.contexts.create(device: device, flags: flags)
            state.pointee.objectLock.unlock()
            guard let entry,
                let identifier = state.pointee.contexts.identifier(
                    entry.pointee.handle
                )
            else { return Status.outOfMemory }
            let ordinal = state.pointee.devices.serverOrdinal(device)
            let status = Session.wait(
                state,
                .cuCtxCreate_v2,
                context: 0,
                size: ContextLayout.createSize
            ) { body in
                body.storeBytes(of: identifier, as: UInt32.self)
                body.storeBytes(of: flags, toByteOffset: ContextLayout.flags, as: UInt32.self)
                body.storeBytes(of: ordinal, toByteOffset: ContextLayout.device, as: Int32.self)
                body.storeBytes(of: 0, toByteOffset: 12, as: UInt32.self)
            }
            guard status == 0 else {
                state.pointee.objectLock.withLock { state.pointee.contexts.destroy(entry) }
                return status
            }
            context.pointee = Handles.pointer(entry.pointee.handle)
            return ContextStack.push(entry.pointee.handle)
        }
    }

    /// `cuCtxCreate_v3`: as version 2 when no affinity is asked for.
    package static func cuCtxCreate_v3(
        _ context: UnsafeMutablePointer<CUcontext?>?,
        _ affinities: OpaquePointer?,
        _ count: Int32,
        _ flags: UInt32,
        _ device: CUdevice
    ) -> CUresult {
        guard count == 0 else { return notSupported("cuCtxCreate_v3 with affinities") }
        return cuCtxCreate_v2(context, flags, device)
    }

    /// `cuCtxCreate_v4`: as version 2 when the parameters ask for nothing.
    package static func cuCtxCreate_v4(
        _ context: UnsafeMutablePointer<CUcontext?>?,
        _ parameters: OpaquePointer?,
        _ flags: UInt32,
        _ device: CUdevice
    ) -> CUresult {
        switch ContextParameters.check(parameters) {
        case .none: return cuCtxCreate_v2(context, flags, device)
        case .wrong: return Status.invalidValue
        case .asked: return notSupported("cuCtxCreate_v4 with affinities or graphics")
        }
    }

    /// `cuCtxDestroy_v2`
    package static func cuCtxDestroy_v2(_ context: CUcontext?) -> CUresult {
        withSession { state in
            let handle = raw(context)
            guard let entry = state.pointee.contexts.find(handle),
                let identifier = state.pointee.contexts.identifier(handle)
            else { return Status.invalidContext }
            // A primary context is released, never destroyed.
            guard identifier > UInt32(WireFormat.maxDevices) else { return Status.invalidContext }
            ExportTables.storage.values.removeAll(context: handle)
            // In the order of its streams, as long as there are any.
            MemoryPools.giveAllBack(state)
            let status = Session.wait(
                state,
                .cuCtxDestroy_v2,
                context: 0,
                size: ContextLayout.destroySize
            ) { body in
                body.storeBytes(of: UInt64(identifier), as: UInt64.self)
            }
            forgetObjects(state, of: handle)
            state.pointee.objectLock.withLock { state.pointee.contexts.destroy(entry) }
            ContextStack.drop(handle)
            return status
        }
    }

    /// `cuCtxSynchronize`
    package static func cuCtxSynchronize() -> CUresult {
        withContext { state, context in
            let refusal = Capturing.forbid(state, context: ContextStack.current)
            guard refusal == Status.success else { return refusal }
            MemoryPools.willWait(state)
            return Session.wait(state, .cuCtxSynchronize, context: context, size: 0) { _ in }
        }
    }

    /// `cuCtxSynchronize_v2`
    package static func cuCtxSynchronize_v2(_ context: CUcontext?) -> CUresult {
        guard context != nil else { return cuCtxSynchronize() }
        return withSession { state in
            guard let identifier = state.pointee.contexts.usable(raw(context)) else {
                return state.pointee.contexts.problem(raw(context))
            }
            ManagedMemory.release(state)
            let refusal = Capturing.forbid(state, context: raw(context))
            guard refusal == Status.success else { return refusal }
            MemoryPools.willWait(state)
            return Session.wait(state, .cuCtxSynchronize_v2, context: identifier, size: 0) { _ in }
        }
    }

    /// Everything that lived in a context is gone.
    static func forgetObjects(_ state: UnsafeMutablePointer<SessionState>, of context: UInt64) {
        state.pointee.limits.clear()
        state.pointee.memory.removeAll(context: context)
        state.pointee.textures.removeAll(context: context)
        state.pointee.hostFunctions.removeAll(context: context)
        Graphs.forget(state, context: context)
        state.pointee.objectLock.withLock { forgetHandles(state, of: context) }
        ManagedMemory.removeAll(state, context: context)
        ManagedMemory.removeVariables(state)
    }

    /// Forgets what is in the tables. Called with the object lock held.
    private static func forgetHandles(
        _ state: UnsafeMutablePointer<SessionState>,
        of context: UInt64
    ) {
        state.pointee.arrays.forEach { handle, array in
            if array.pointee.context == context { _ = state.pointee.arrays.remove(handle) }
        }
        state.pointee.references.forEach { handle, reference in
            if reference.pointee.context == context { forget(state, reference: handle) }
        }
        state.pointee.streams.forEach { handle, stream in
            if stream.pointee.context == context { _ = state.pointee.streams.remove(handle) }
        }
        state.pointee.events.forEach { handle, event in
            if event.pointee.context == context { _ = state.pointee.events.remove(handle) }
        }
        state.pointee.images.forEach { handle, image in
            // Libraries outlive the contexts that they are used in.
            if image.pointee.context == context, !image.pointee.isLibrary {
                forget(state, image: handle)
            }
        }
    }
}
