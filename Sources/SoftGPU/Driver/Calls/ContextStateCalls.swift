package import CUDAABI
internal import Driver
internal import DriverFrontend

extension SoftCalls {
    package static func cuCtxGetId(
        _ context: CUcontext?,
        _ id: UnsafeMutablePointer<UInt64>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try required(id).pointee = slot(context, driver).requireLive().id
        }
    }

    package static func cuCtxGetApiVersion(
        _ context: CUcontext?,
        _ version: UnsafeMutablePointer<UInt32>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            _ = try slot(context, driver)
            // The version of contexts made by cuCtxCreate_v2 and later.
            try required(version).pointee = 3020
        }
    }

    package static func cuCtxGetFlags(_ flags: UnsafeMutablePointer<UInt32>?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try required(flags).pointee = driver.currentSlot().flags
        }
    }

    package static func cuCtxSetFlags(_ flags: UInt32) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try ContextFlags.check(flags)
            try driver.currentSlot().flags = flags
        }
    }

    package static func cuCtxGetLimit(
        _ value: UnsafeMutablePointer<Int>?,
        _ limit: CUlimit
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            try required(value).pointee = context.settings.limit(limit)
        }
    }

    package static func cuCtxSetLimit(_ limit: CUlimit, _ value: Int) -> CUresult {
        withContext { (context) throws(Failure) in
            try context.settings.setLimit(limit, value)
            let value = try context.settings.limit(limit)
            if limit == 0 { context.machine.stackBytes = value }
            if limit == 2 { context.machine.heapBytes = value }
        }
    }

    package static func cuCtxGetCacheConfig(
        _ config: UnsafeMutablePointer<CUfunc_cache>?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            try required(config).pointee = context.settings.cache
        }
    }

    package static func cuCtxSetCacheConfig(_ config: CUfunc_cache) -> CUresult {
        withContext { (context) throws(Failure) in
            guard (0...3).contains(config) else { throw .invalidValue }
            context.settings.cache = config
        }
    }

    package static func cuCtxGetSharedMemConfig(
        _ config: UnsafeMutablePointer<CUsharedconfig>?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            try required(config).pointee = context.settings.sharedBanks
        }
    }

    package static func cuCtxSetSharedMemConfig(_ config: CUsharedconfig) -> CUresult {
        withContext { (context) throws(Failure) in
            guard (0...2).contains(config) else { throw .invalidValue }
            // 0 asks for the default, banks of four bytes.
            context.settings.sharedBanks = config == 0 ? 1 : config
        }
    }

    package static func cuCtxGetStreamPriorityRange(
        _ least: UnsafeMutablePointer<Int32>?,
        _ greatest: UnsafeMutablePointer<Int32>?
    ) -> CUresult {
        withContext { (_) throws(Failure) in
            least?.pointee = 0
            greatest?.pointee = StreamPriority.greatest
        }
    }

    package static func cuCtxGetExecAffinity(
        _ affinity: OpaquePointer?,
        _ type: CUexecAffinityType
    ) -> CUresult {
        withContext { (_) throws(Failure) in
            throw Failure(FERRY_CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY)
        }
    }

    package static func cuCtxResetPersistingL2Cache() -> CUresult {
        withContext { (_) throws(Failure) in }
    }

    /// No profiler can be attached to this GPU, so there is none to start.
    package static func cuProfilerStart() -> CUresult {
        withContext { (_) throws(Failure) in }
    }

    package static func cuProfilerStop() -> CUresult {
        withContext { (_) throws(Failure) in }
    }

    package static func cuCtxEnablePeerAccess(
        _ peer: CUcontext?,
        _ flags: UInt32
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            guard flags == 0 else { throw .invalidValue }
            let peer = try context.driver.slot(number(peer)).requireLive()
            guard peer.device !== context.device else { throw Failure(Status.invalidDevice) }
            guard context.peers.insert(peer.device.ordinal) else {
                throw Failure(FERRY_CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED)
            }
            context.memory.enablePeer(peer.memory)
        }
    }

    package static func cuCtxDisablePeerAccess(_ peer: CUcontext?) -> CUresult {
        withContext { (context) throws(Failure) in
            let peer = try context.driver.slot(number(peer)).requireLive()
            guard context.peers.remove(peer.device.ordinal) else {
                throw Failure(FERRY_CUDA_ERROR_PEER_ACCESS_NOT_ENABLED)
            }
            context.memory.disablePeer(peer.memory)
        }
    }
}
