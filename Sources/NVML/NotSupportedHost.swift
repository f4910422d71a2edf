public import NVMLABI

// What is about the processors and the partitions of a host.

/// Not supported.
@c @implementation
public func nvmlDeviceSetCpuAffinity(
    _ device: ferry_nvml_device!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceClearCpuAffinity(
    _ device: ferry_nvml_device!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetCpuAffinityWithinScope(
    _ device: ferry_nvml_device!,
    _ size: UInt32,
    _ set: UnsafeMutablePointer<UInt>!,
    _ scope: UInt32
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetMemoryAffinity(
    _ device: ferry_nvml_device!,
    _ size: UInt32,
    _ set: UnsafeMutablePointer<UInt>!,
    _ scope: UInt32
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetNumaNodeId(
    _ device: ferry_nvml_device!,
    _ node: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetNumGpuCores(
    _ device: ferry_nvml_device!,
    _ count: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetAttributes_v2(
    _ device: ferry_nvml_device!,
    _ attributes: UnsafeMutableRawPointer!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetTopologyCommonAncestor(
    _ device: ferry_nvml_device!,
    _ other: ferry_nvml_device!,
    _ level: UnsafeMutablePointer<Int32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetMigDeviceHandleByIndex(
    _ device: ferry_nvml_device!,
    _ index: UInt32,
    _ mig: UnsafeMutablePointer<ferry_nvml_device?>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetGspFirmwareVersion(
    _ device: ferry_nvml_device!,
    _ version: UnsafeMutablePointer<CChar>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetVirtualizationMode(
    _ device: ferry_nvml_device!,
    _ mode: UnsafeMutablePointer<Int32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlSystemGetConfComputeState(
    _ state: UnsafeMutableRawPointer!
) -> Int32 {
    Library.count == nil ? Result.uninitialized : Result.notSupported
}

/// Not supported.
@c @implementation
public func nvmlSystemGetConfComputeSettings(
    _ settings: UnsafeMutableRawPointer!
) -> Int32 {
    Library.count == nil ? Result.uninitialized : Result.notSupported
}
