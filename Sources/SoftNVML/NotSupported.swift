public import NVMLABI

// What a GPU made of threads has not: sensors, clocks, links, and counters of other processes.

/// Not supported.
@c @implementation
public func nvmlDeviceGetSerial(
    _ device: ferry_nvml_device!,
    _ serial: UnsafeMutablePointer<CChar>!,
    _ length: UInt32
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetVbiosVersion(
    _ device: ferry_nvml_device!,
    _ version: UnsafeMutablePointer<CChar>!,
    _ length: UInt32
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetBoardPartNumber(
    _ device: ferry_nvml_device!,
    _ number: UnsafeMutablePointer<CChar>!,
    _ length: UInt32
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetInforomImageVersion(
    _ device: ferry_nvml_device!,
    _ version: UnsafeMutablePointer<CChar>!,
    _ length: UInt32
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetUtilizationRates(
    _ device: ferry_nvml_device!,
    _ utilization: UnsafeMutablePointer<ferry_nvml_utilization>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetEncoderUtilization(
    _ device: ferry_nvml_device!,
    _ percent: UnsafeMutablePointer<UInt32>!,
    _ period: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetDecoderUtilization(
    _ device: ferry_nvml_device!,
    _ percent: UnsafeMutablePointer<UInt32>!,
    _ period: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetTemperature(
    _ device: ferry_nvml_device!,
    _ sensor: Int32,
    _ degrees: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetTemperatureV(
    _ device: ferry_nvml_device!,
    _ temperature: UnsafeMutableRawPointer!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetTemperatureThreshold(
    _ device: ferry_nvml_device!,
    _ threshold: Int32,
    _ degrees: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetPowerUsage(
    _ device: ferry_nvml_device!,
    _ milliwatts: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetTotalEnergyConsumption(
    _ device: ferry_nvml_device!,
    _ millijoules: UnsafeMutablePointer<UInt64>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetEnforcedPowerLimit(
    _ device: ferry_nvml_device!,
    _ milliwatts: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetPowerManagementLimit(
    _ device: ferry_nvml_device!,
    _ milliwatts: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetPowerManagementDefaultLimit(
    _ device: ferry_nvml_device!,
    _ milliwatts: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetPowerManagementLimitConstraints(
    _ device: ferry_nvml_device!,
    _ least: UnsafeMutablePointer<UInt32>!,
    _ most: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetPowerState(
    _ device: ferry_nvml_device!,
    _ state: UnsafeMutablePointer<Int32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetPerformanceState(
    _ device: ferry_nvml_device!,
    _ state: UnsafeMutablePointer<Int32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetFanSpeed(
    _ device: ferry_nvml_device!,
    _ percent: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetFanSpeed_v2(
    _ device: ferry_nvml_device!,
    _ fan: UInt32,
    _ percent: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetClockInfo(
    _ device: ferry_nvml_device!,
    _ type: Int32,
    _ megahertz: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetMaxClockInfo(
    _ device: ferry_nvml_device!,
    _ type: Int32,
    _ megahertz: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetApplicationsClock(
    _ device: ferry_nvml_device!,
    _ type: Int32,
    _ megahertz: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetCurrentClocksThrottleReasons(
    _ device: ferry_nvml_device!,
    _ reasons: UnsafeMutablePointer<UInt64>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetCurrentClocksEventReasons(
    _ device: ferry_nvml_device!,
    _ reasons: UnsafeMutablePointer<UInt64>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetEccMode(
    _ device: ferry_nvml_device!,
    _ current: UnsafeMutablePointer<Int32>!,
    _ pending: UnsafeMutablePointer<Int32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetTotalEccErrors(
    _ device: ferry_nvml_device!,
    _ type: Int32,
    _ counter: Int32,
    _ count: UnsafeMutablePointer<UInt64>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetRetiredPages(
    _ device: ferry_nvml_device!,
    _ cause: Int32,
    _ count: UnsafeMutablePointer<UInt32>!,
    _ addresses: UnsafeMutablePointer<UInt64>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetBAR1MemoryInfo(
    _ device: ferry_nvml_device!,
    _ memory: UnsafeMutablePointer<ferry_nvml_memory>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetMigMode(
    _ device: ferry_nvml_device!,
    _ current: UnsafeMutablePointer<UInt32>!,
    _ pending: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

/// Not supported.
@c @implementation
public func nvmlDeviceGetMaxMigDeviceCount(
    _ device: ferry_nvml_device!,
    _ count: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    notSupported(device)
}

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
