internal import CLinux
public import NVMLABI
internal import SoftDevice

// A software GPU's memory belongs to the process that uses it, so none of it is in use here.

/// A GPU's memory.
@c @implementation
public func nvmlDeviceGetMemoryInfo(
    _ device: ferry_nvml_device!,
    _ memory: UnsafeMutablePointer<ferry_nvml_memory>!
) -> Int32 {
    give(device, memory) {
        let total = UInt64($0.memoryBytes)
        return ferry_nvml_memory(total: total, free: total, used: 0)
    }
}

/// A GPU's memory.
@c @implementation
public func nvmlDeviceGetMemoryInfo_v2(
    _ device: ferry_nvml_device!,
    _ memory: UnsafeMutablePointer<ferry_nvml_memory_v2>!
) -> Int32 {
    withDevice(device) { description in
        guard let memory else { return Result.invalidArgument }
        let version = UInt32(MemoryLayout<ferry_nvml_memory_v2>.size | 2 << 24)
        guard memory.pointee.version == version else { return Result.versionMismatch }
        let total = UInt64(description.memoryBytes)
        memory.pointee = ferry_nvml_memory_v2(
            version: version,
            total: total,
            reserved: 0,
            free: total,
            used: 0
        )
        return Result.success
    }
}

/// The compute capability that a GPU claims.
@c @implementation
public func nvmlDeviceGetCudaComputeCapability(
    _ device: ferry_nvml_device!,
    _ major: UnsafeMutablePointer<Int32>!,
    _ minor: UnsafeMutablePointer<Int32>!
) -> Int32 {
    withDevice(device) { description in
        guard let major, let minor else { return Result.invalidArgument }
        major.pointee = Int32(description.capability.major)
        minor.pointee = Int32(description.capability.minor)
        return Result.success
    }
}

/// 0, an unknown brand.
@c @implementation
public func nvmlDeviceGetBrand(
    _ device: ferry_nvml_device!,
    _ brand: UnsafeMutablePointer<Int32>!
) -> Int32 {
    give(device, brand) { _ in 0 }
}

/// 0: any number of processes may use a GPU.
@c @implementation
public func nvmlDeviceGetComputeMode(
    _ device: ferry_nvml_device!,
    _ mode: UnsafeMutablePointer<Int32>!
) -> Int32 {
    give(device, mode) { _ in 0 }
}

/// 0: off.
@c @implementation
public func nvmlDeviceGetPersistenceMode(
    _ device: ferry_nvml_device!,
    _ mode: UnsafeMutablePointer<Int32>!
) -> Int32 {
    give(device, mode) { _ in 0 }
}

/// 0: no display is connected.
@c @implementation
public func nvmlDeviceGetDisplayMode(
    _ device: ferry_nvml_device!,
    _ mode: UnsafeMutablePointer<Int32>!
) -> Int32 {
    give(device, mode) { _ in 0 }
}

/// 0: no display is in use.
@c @implementation
public func nvmlDeviceGetDisplayActive(
    _ device: ferry_nvml_device!,
    _ mode: UnsafeMutablePointer<Int32>!
) -> Int32 {
    give(device, mode) { _ in 0 }
}

/// 0: each GPU is alone.
@c @implementation
public func nvmlDeviceGetMultiGpuBoard(
    _ device: ferry_nvml_device!,
    _ isMultiple: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    give(device, isMultiple) { _ in 0 }
}

/// Bits of the memory bus, as `cuDeviceGetAttribute` says.
@c @implementation
public func nvmlDeviceGetMemoryBusWidth(
    _ device: ferry_nvml_device!,
    _ bits: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    give(device, bits) { UInt32($0.attribute(37)) }
}

/// 0: GPUs reach each other's memory.
@c @implementation
public func nvmlDeviceGetP2PStatus(
    _ device: ferry_nvml_device!,
    _ peer: ferry_nvml_device!,
    _ capability: Int32,
    _ status: UnsafeMutablePointer<Int32>!
) -> Int32 {
    withDevice(device) { _ in
        guard let status, Library.index(peer) != nil else { return Result.invalidArgument }
        status.pointee = 0
        return Result.success
    }
}
