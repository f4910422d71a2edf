public import NVMLABI

/// A GPU's memory; what the driver keeps for itself is in use.
@c @implementation
public func nvmlDeviceGetMemoryInfo(
    _ device: ferry_nvml_device!,
    _ memory: UnsafeMutablePointer<ferry_nvml_memory>!
) -> Int32 {
    withUse(device) { use in
        guard let memory else { return Result.invalidArgument }
        memory.pointee = ferry_nvml_memory(
            total: use.total,
            free: use.free,
            used: use.reserved + use.used
        )
        return Result.success
    }
}

/// A GPU's memory.
@c @implementation
public func nvmlDeviceGetMemoryInfo_v2(
    _ device: ferry_nvml_device!,
    _ memory: UnsafeMutablePointer<ferry_nvml_memory_v2>!
) -> Int32 {
    withUse(device) { use in
        guard let memory else { return Result.invalidArgument }
        let version = UInt32(MemoryLayout<ferry_nvml_memory_v2>.size | 2 << 24)
        guard memory.pointee.version == version else { return Result.versionMismatch }
        memory.pointee = ferry_nvml_memory_v2(
            version: version,
            total: use.total,
            reserved: use.reserved,
            free: use.free,
            used: use.used
        )
        return Result.success
    }
}

private func withUse(
    _ device: ferry_nvml_device?,
    _ body: (borrowing ferry_nvml_memory_use) -> Int32
) -> Int32 {
    withIndex(device) { index in
        var use = ferry_nvml_memory_use()
        let result = ferry_nvml_use(index, &use)
        return result == Result.success ? body(use) : result
    }
}

/// Which generation a GPU is of, as its compute capability says.
@c @implementation
public func nvmlDeviceGetArchitecture(
    _ device: ferry_nvml_device!,
    _ architecture: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    giveKnown(device, architecture) { facts in
        switch (facts.major, facts.minor) {
        case (3, _): 2  // Kepler
        case (5, _): 3  // Maxwell
        case (6, _): 4  // Pascal
        case (7, 0...4): 5  // Volta
        case (7, _): 6  // Turing
        case (8, 9): 8  // Ada
        case (8, _): 7  // Ampere
        case (9, _): 9  // Hopper
        case (10...12, _): 10  // Blackwell
        default: -1
        }
    }
}

/// The compute capability that a GPU claims.
@c @implementation
public func nvmlDeviceGetCudaComputeCapability(
    _ device: ferry_nvml_device!,
    _ major: UnsafeMutablePointer<Int32>!,
    _ minor: UnsafeMutablePointer<Int32>!
) -> Int32 {
    withDevice(device) { facts in
        guard let major, let minor else { return Result.invalidArgument }
        major.pointee = facts.major
        minor.pointee = facts.minor
        return Result.success
    }
}

/// What a GPU is sold as; 0 is unknown.
@c @implementation
public func nvmlDeviceGetBrand(
    _ device: ferry_nvml_device!,
    _ brand: UnsafeMutablePointer<Int32>!
) -> Int32 {
    giveKnown(device, brand) { $0.brand }
}

/// Who may use a GPU; 0: any number of processes.
@c @implementation
public func nvmlDeviceGetComputeMode(
    _ device: ferry_nvml_device!,
    _ mode: UnsafeMutablePointer<Int32>!
) -> Int32 {
    giveKnown(device, mode) { $0.computeMode }
}

/// Whether the driver stays when nobody uses it.
@c @implementation
public func nvmlDeviceGetPersistenceMode(
    _ device: ferry_nvml_device!,
    _ mode: UnsafeMutablePointer<Int32>!
) -> Int32 {
    giveKnown(device, mode) { $0.persistenceMode }
}

/// Whether a display is connected.
@c @implementation
public func nvmlDeviceGetDisplayMode(
    _ device: ferry_nvml_device!,
    _ mode: UnsafeMutablePointer<Int32>!
) -> Int32 {
    giveKnown(device, mode) { $0.displayMode }
}

/// Whether a display is in use.
@c @implementation
public func nvmlDeviceGetDisplayActive(
    _ device: ferry_nvml_device!,
    _ mode: UnsafeMutablePointer<Int32>!
) -> Int32 {
    giveKnown(device, mode) { $0.displayMode }
}

/// Whether other GPUs are on the same board.
@c @implementation
public func nvmlDeviceGetMultiGpuBoard(
    _ device: ferry_nvml_device!,
    _ isMultiple: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    giveKnown(device, isMultiple) { $0.isMultiple }
}

/// Bits of the memory bus, as `cuDeviceGetAttribute` says.
@c @implementation
public func nvmlDeviceGetMemoryBusWidth(
    _ device: ferry_nvml_device!,
    _ bits: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    giveKnown(device, bits) { $0.busWidth }
}

/// Whether GPUs reach each other's memory; 0: they do.
@c @implementation
public func nvmlDeviceGetP2PStatus(
    _ device: ferry_nvml_device!,
    _ peer: ferry_nvml_device!,
    _ capability: Int32,
    _ status: UnsafeMutablePointer<Int32>!
) -> Int32 {
    withIndex(device) { index in
        withIndex(peer) { other in
            guard let status, (0...5).contains(capability) else { return Result.invalidArgument }
            return ferry_nvml_peer(index, other, capability, status)
        }
    }
}
