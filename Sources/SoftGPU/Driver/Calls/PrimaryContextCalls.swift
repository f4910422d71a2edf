package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuDevicePrimaryCtxRetain(
        _ context: UnsafeMutablePointer<CUcontext?>?,
        _ device: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let (context, device) = (try required(context), try driver.device(device))
            try device.primarySlot.retain(driver)
            context.pointee = handle(device.primarySlot.handle)
        }
    }

    package static func cuDevicePrimaryCtxRelease_v2(_ device: CUdevice) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try driver.device(device).primarySlot.release()
        }
    }

    package static func cuDevicePrimaryCtxReset_v2(_ device: CUdevice) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try driver.device(device).primarySlot.reset()
        }
    }

    package static func cuDevicePrimaryCtxGetState(
        _ device: CUdevice,
        _ flags: UnsafeMutablePointer<UInt32>?,
        _ active: UnsafeMutablePointer<Int32>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let slot = try driver.device(device).primarySlot
            guard let slot else { throw Failure(Status.invalidDevice) }
            try required(flags).pointee = slot.flags
            try required(active).pointee = slot.liveContext == nil ? 0 : 1
        }
    }

    package static func cuDevicePrimaryCtxSetFlags_v2(
        _ device: CUdevice,
        _ flags: UInt32
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let device = try driver.device(device)
            try ContextFlags.check(flags)
            device.primarySlot.flags = flags
        }
    }
}

/// Flags of contexts.
enum ContextFlags {
    /// Scheduling (one of 0, 1, 2, 4), 8 mapped host memory, 16 keep local memory, and what came
    /// later up to 0x80.
    static func check(_ flags: UInt32) throws(Failure) {
        guard flags & ~0xFF == 0, [0, 1, 2, 4].contains(flags & 7) else { throw .invalidValue }
    }
}
