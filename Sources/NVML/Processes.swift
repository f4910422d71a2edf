public import NVMLABI

// No process is shown. A software GPU lives in the process that uses it; those that use a borrowed GPU
// are processes of other machines. It is an empty list, as in a container that does not see the pids of
// others: PyTorch ends with another error than "out of memory" when it gets none.

/// An empty list.
private func noProcesses(
    _ device: ferry_nvml_device?,
    _ count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
    give(device, count) { _ in 0 }
}

/// No process.
@c @implementation
public func nvmlDeviceGetComputeRunningProcesses(
    _ device: ferry_nvml_device!,
    _ count: UnsafeMutablePointer<UInt32>!,
    _ processes: UnsafeMutableRawPointer!
) -> Int32 {
    noProcesses(device, count)
}

/// No process.
@c @implementation
public func nvmlDeviceGetComputeRunningProcesses_v2(
    _ device: ferry_nvml_device!,
    _ count: UnsafeMutablePointer<UInt32>!,
    _ processes: UnsafeMutableRawPointer!
) -> Int32 {
    noProcesses(device, count)
}

/// No process.
@c @implementation
public func nvmlDeviceGetComputeRunningProcesses_v3(
    _ device: ferry_nvml_device!,
    _ count: UnsafeMutablePointer<UInt32>!,
    _ processes: UnsafeMutableRawPointer!
) -> Int32 {
    noProcesses(device, count)
}

/// No process.
@c @implementation
public func nvmlDeviceGetGraphicsRunningProcesses(
    _ device: ferry_nvml_device!,
    _ count: UnsafeMutablePointer<UInt32>!,
    _ processes: UnsafeMutableRawPointer!
) -> Int32 {
    noProcesses(device, count)
}

/// No process.
@c @implementation
public func nvmlDeviceGetGraphicsRunningProcesses_v2(
    _ device: ferry_nvml_device!,
    _ count: UnsafeMutablePointer<UInt32>!,
    _ processes: UnsafeMutableRawPointer!
) -> Int32 {
    noProcesses(device, count)
}

/// No process.
@c @implementation
public func nvmlDeviceGetGraphicsRunningProcesses_v3(
    _ device: ferry_nvml_device!,
    _ count: UnsafeMutablePointer<UInt32>!,
    _ processes: UnsafeMutableRawPointer!
) -> Int32 {
    noProcesses(device, count)
}

/// No process.
@c @implementation
public func nvmlDeviceGetMPSComputeRunningProcesses(
    _ device: ferry_nvml_device!,
    _ count: UnsafeMutablePointer<UInt32>!,
    _ processes: UnsafeMutableRawPointer!
) -> Int32 {
    noProcesses(device, count)
}

/// No process.
@c @implementation
public func nvmlDeviceGetMPSComputeRunningProcesses_v2(
    _ device: ferry_nvml_device!,
    _ count: UnsafeMutablePointer<UInt32>!,
    _ processes: UnsafeMutableRawPointer!
) -> Int32 {
    noProcesses(device, count)
}

/// No process.
@c @implementation
public func nvmlDeviceGetMPSComputeRunningProcesses_v3(
    _ device: ferry_nvml_device!,
    _ count: UnsafeMutablePointer<UInt32>!,
    _ processes: UnsafeMutableRawPointer!
) -> Int32 {
    noProcesses(device, count)
}
