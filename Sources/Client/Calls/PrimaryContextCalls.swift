internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Primary contexts: one a device, shared by all copies of the runtime.

extension ClientCalls {
    /// `cuDevicePrimaryCtxRetain`: the server makes the context at its first use.
    package static func cuDevicePrimaryCtxRetain(
        _ context: UnsafeMutablePointer<CUcontext?>?,
        _ device: CUdevice
    ) -> CUresult {
        withDevice(device) { state in
            guard let context else { return Status.invalidValue }
            let lost = state.pointee.lostStatus
            guard lost == 0 else { return lost }
            state.pointee.objectLock.lock()
            defer { state.pointee.objectLock.unlock() }
            let entry = state.pointee.contexts.primary(device)
            entry.pointee.retainCount += 1
            state.pointee.contexts.activate(entry)
            context.pointee = Handles.pointer(entry.pointee.handle)
            return Status.success
        }
    }

    /// `cuDevicePrimaryCtxRelease_v2`: the last one resets it.
    package static func cuDevicePrimaryCtxRelease_v2(_ device: CUdevice) -> CUresult {
        withDevice(device) { state in
            state.pointee.objectLock.lock()
            let entry = state.pointee.contexts.primary(device)
            guard entry.pointee.retainCount > 0 else {
                state.pointee.objectLock.unlock()
                return Status.invalidContext
            }
            entry.pointee.retainCount -= 1
            let isLast = entry.pointee.retainCount == 0
            state.pointee.objectLock.unlock()
            return isLast ? reset(state, device) : Status.success
        }
    }

    /// `cuDevicePrimaryCtxReset_v2`: releases nothing, but the context is gone until somebody retains
    /// it again (driver API reference).
    package static func cuDevicePrimaryCtxReset_v2(_ device: CUdevice) -> CUresult {
        withDevice(device) { state in reset(state, device) }
    }

    private static func reset(
        _ state: UnsafeMutablePointer<SessionState>,
        _ device: CUdevice
    ) -> CUresult {
        let entry = state.pointee.contexts.primary(device)
        guard entry.pointee.isActive else { return Status.success }
        ExportTables.storage.values.removeAll(context: entry.pointee.handle)
        let ordinal = state.pointee.devices.serverOrdinal(device)
        MemoryPools.giveAllBack(state)
        let status = Session.wait(
            state,
            .cuDevicePrimaryCtxReset_v2,
            context: 0,
            size: ContextLayout.destroySize
        ) { body in
            body.storeBytes(of: ordinal, as: Int32.self)
            body.storeBytes(of: 0, toByteOffset: 4, as: UInt32.self)
        }
        forgetObjects(state, of: entry.pointee.handle)
        state.pointee.objectLock.lock()
        state.pointee.contexts.reset(entry)
        state.pointee.objectLock.unlock()
        return status
    }

    /// `cuDevicePrimaryCtxGetState`
    package static func cuDevicePrimaryCtxGetState(
        _ device: CUdevice,
        _ flags: UnsafeMutablePointer<UInt32>?,
        _ active: UnsafeMutablePointer<Int32>?
    ) -> CUresult {
        withDevice(device) { state in
            guard let flags, let active else { return Status.invalidValue }
            let entry = state.pointee.contexts.primary(device)
            flags.pointee = entry.pointee.flags
            active.pointee = entry.pointee.isActive ? 1 : 0
            return Status.success
        }
    }

    /// `cuDevicePrimaryCtxSetFlags_v2`
    package static func cuDevicePrimaryCtxSetFlags_v2(
        _ device: CUdevice,
        _ flags: UInt32
    ) -> CUresult {
        withDevice(device) { state in
            state.pointee.objectLock.withLock {
                state.pointee.contexts.primary(device).pointee.flags = flags
            }
            return Status.success
        }
    }
}
