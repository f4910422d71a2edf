package import CUDAABI
internal import Driver
internal import DriverFrontend

extension SoftCalls {
    package static func cuCtxCreate_v2(
        _ context: UnsafeMutablePointer<CUcontext?>?,
        _ flags: UInt32,
        _ device: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let (context, device) = (try required(context), try driver.device(device))
            try ContextFlags.check(flags)
            let slot = ContextSlot(device: device, isPrimary: false)
            slot.flags = flags
            slot.handle = driver.contexts.insert(slot)
            do throws(Failure) {
                try slot.retain(driver)
                let status = ContextStack.push(slot.handle)
                guard status == Status.success else {
                    slot.reset()
                    throw Failure(status)
                }
            } catch {
                driver.contexts.remove(slot.handle)
                throw error
            }
            context.pointee = handle(slot.handle)
        }
    }

    package static func cuCtxCreate_v3(
        _ context: UnsafeMutablePointer<CUcontext?>?,
        _ parameters: OpaquePointer?,
        _ parameterCount: Int32,
        _ flags: UInt32,
        _ device: CUdevice
    ) -> CUresult {
        guard parameterCount == 0 else { return notSupported("cuCtxCreate_v3 with affinities") }
        return cuCtxCreate_v2(context, flags, device)
    }

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

    package static func cuCtxDestroy_v2(_ context: CUcontext?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            guard let slot = driver.contexts.object(number(context)), !slot.isPrimary else {
                throw .invalidContext
            }
            ContextStack.drop(slot.handle)
            driver.contexts.remove(slot.handle)
            slot.reset()
        }
    }

    package static func cuCtxAttach(
        _ context: UnsafeMutablePointer<CUcontext?>?,
        _ flags: UInt32
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let context = try required(context)
            guard flags == 0 else { throw .invalidValue }
            let slot = try driver.currentSlot()
            try slot.retain(driver)
            context.pointee = handle(slot.handle)
        }
    }

    package static func cuCtxDetach(_ context: CUcontext?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let slot = try driver.slot(number(context))
            try slot.release()
            if !slot.isPrimary, slot.liveContext == nil {
                ContextStack.drop(slot.handle)
                driver.contexts.remove(slot.handle)
            }
        }
    }

    package static func cuCtxPushCurrent_v2(_ context: CUcontext?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let slot = try driver.slot(number(context))
            let status = ContextStack.push(slot.handle)
            guard status == Status.success else { throw Failure(status) }
        }
    }

    package static func cuCtxPopCurrent_v2(
        _ context: UnsafeMutablePointer<CUcontext?>?
    ) -> CUresult {
        withDriver { (_) throws(Failure) in
            guard let popped = ContextStack.pop() else { throw .invalidContext }
            context?.pointee = handle(popped)
        }
    }

    package static func cuCtxSetCurrent(_ context: CUcontext?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            if context != nil { _ = try driver.slot(number(context)) }
            ContextStack.replace(number(context))
        }
    }

    package static func cuCtxGetCurrent(
        _ context: UnsafeMutablePointer<CUcontext?>?
    ) -> CUresult {
        withDriver { (_) throws(Failure) in
            try required(context).pointee = handle(ContextStack.current)
        }
    }

    package static func cuCtxGetDevice(_ device: UnsafeMutablePointer<CUdevice>?) -> CUresult {
        cuCtxGetDevice_v2(device, nil)
    }

    package static func cuCtxGetDevice_v2(
        _ device: UnsafeMutablePointer<CUdevice>?,
        _ context: CUcontext?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let slot = try slot(context, driver)
            try required(device).pointee = Int32(slot.device.ordinal)
        }
    }

    package static func cuCtxSynchronize() -> CUresult {
        withContext { (context) throws(Failure) in
            try context.forbidCapture()
            context.synchronize()
            context.device.pools.trimAfterWait()
            try context.check()
        }
    }

    package static func cuCtxSynchronize_v2(_ context: CUcontext?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let context = try slot(context, driver).requireLive()
            try context.check()
            try context.forbidCapture()
            context.synchronize()
            context.device.pools.trimAfterWait()
            try context.check()
        }
    }

    /// The context of a handle, 0 meaning the current one.
    static func slot(
        _ context: CUcontext?,
        _ driver: SoftDriver
    ) throws(Failure) -> ContextSlot {
        context == nil ? try driver.currentSlot() : try driver.slot(number(context))
    }
}
