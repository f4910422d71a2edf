public import NVMLABI

// What is about the place that a GPU sits in: sensors, clocks, counters. A software GPU sits nowhere,
// and one that is borrowed somewhere else.

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
