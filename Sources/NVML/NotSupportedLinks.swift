public import NVMLABI

// What is about the host that a GPU sits in: its buses, processors, links to other GPUs.

/// Not supported.
@c @implementation
public func nvmlDeviceGetCurrPcieLinkGeneration(
    _ device: ferry_nvml_device!,
    _ generation: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetCurrPcieLinkWidth(
    _ device: ferry_nvml_device!,
    _ width: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetMaxPcieLinkGeneration(
    _ device: ferry_nvml_device!,
    _ generation: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetMaxPcieLinkWidth(
    _ device: ferry_nvml_device!,
    _ width: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetPcieLinkMaxSpeed(
    _ device: ferry_nvml_device!,
    _ speed: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetPcieThroughput(
    _ device: ferry_nvml_device!,
    _ counter: Int32,
    _ kilobytes: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetNvLinkState(
    _ device: ferry_nvml_device!,
    _ link: UInt32,
    _ isActive: UnsafeMutablePointer<Int32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetNvLinkCapability(
    _ device: ferry_nvml_device!,
    _ link: UInt32,
    _ capability: Int32,
    _ result: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetNvLinkRemotePciInfo_v2(
    _ device: ferry_nvml_device!,
    _ link: UInt32,
    _ pci: UnsafeMutablePointer<ferry_nvml_pci>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetNvLinkRemoteDeviceType(
    _ device: ferry_nvml_device!,
    _ link: UInt32,
    _ type: UnsafeMutablePointer<Int32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetGpuFabricInfoV(
    _ device: ferry_nvml_device!,
    _ info: UnsafeMutableRawPointer!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetPlatformInfo(
    _ device: ferry_nvml_device!,
    _ info: UnsafeMutableRawPointer!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetFieldValues(
    _ device: ferry_nvml_device!,
    _ count: Int32,
    _ values: UnsafeMutableRawPointer!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetCpuAffinity(
    _ device: ferry_nvml_device!,
    _ size: UInt32,
    _ set: UnsafeMutablePointer<UInt>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetNvLinkVersion(
    _ device: ferry_nvml_device!,
    _ link: UInt32,
    _ version: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetNvLinkRemotePciInfo(
    _ device: ferry_nvml_device!,
    _ link: UInt32,
    _ pci: UnsafeMutablePointer<ferry_nvml_pci_v2>!
) -> Int32 {
    notSupported(device)
}
