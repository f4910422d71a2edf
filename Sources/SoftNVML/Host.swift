internal import CLinux
internal import NVML
public import NVMLABI
internal import SoftDevice

/// The GPUs of this machine as the management library shows them: all of them, whatever
/// `CUDA_VISIBLE_DEVICES` says. `nil` if the configuration cannot be used.
private let gpus: [DeviceDescription]? = {
    guard var configuration = try? Configuration.ofProcess() else { return nil }
    configuration.visibleDevices = nil
    return DeviceDescription.visible(configuration)
}()

// Results of the management library.
private let success: Int32 = 0
private let uninitialized: Int32 = 1
private let driverNotLoaded: Int32 = 9

/// Reads the configuration.
@c @implementation
public func ferry_nvml_start() -> Int32 { gpus == nil ? driverNotLoaded : success }

/// All GPUs of the configuration.
@c @implementation
public func ferry_nvml_count() -> Int32 { gpus.map { Int32($0.count) } ?? -1 }

/// What the configuration says of a GPU.
@c @implementation
public func ferry_nvml_describe(
    _ index: UInt32,
    _ facts: UnsafeMutablePointer<ferry_nvml_facts>!
) -> Int32 {
    guard let gpus, Int(index) < gpus.count else { return uninitialized }
    let gpu = gpus[Int(index)]
    var result = ferry_nvml_facts()
    withUnsafeMutableBytes(of: &result.name) { $0.copyBytes(from: gpu.name.utf8.prefix(127)) }
    withUnsafeMutableBytes(of: &result.uuid) { $0.copyBytes(from: gpu.identity.uuid) }
    (result.domain, result.bus, result.device) = gpu.identity.pci
    result.major = Int32(gpu.capability.major)
    result.minor = Int32(gpu.capability.minor)
    result.minorNumber = Int32(gpu.identity.index)
    result.busWidth = gpu.attribute(37)
    facts.pointee = result
    return success
}

/// A software GPU's memory belongs to the process that uses it, so none of it is in use here.
@c @implementation
public func ferry_nvml_use(
    _ index: UInt32,
    _ use: UnsafeMutablePointer<ferry_nvml_memory_use>!
) -> Int32 {
    guard let gpus, Int(index) < gpus.count else { return uninitialized }
    let total = UInt64(gpus[Int(index)].memoryBytes)
    use.pointee = ferry_nvml_memory_use(total: total, reserved: 0, free: total, used: 0)
    return success
}

/// All GPUs reach each other, without a link of their own.
@c @implementation
public func ferry_nvml_peer(
    _ index: UInt32,
    _ peer: UInt32,
    _ capability: Int32,
    _ status: UnsafeMutablePointer<Int32>!
) -> Int32 {
    guard let gpus, Int(index) < gpus.count, Int(peer) < gpus.count else { return uninitialized }
    status.pointee = capability == 2 && index != peer ? 5 : 0  // NVLink: not supported
    return success
}

/// What `cuDriverGetVersion` says.
@c @implementation
public func ferry_nvml_cuda_version() -> Int32 { DeviceDescription.driverVersion }

/// A version in the form that NVIDIA's drivers of CUDA 13.0 have.
@c @implementation
public func ferry_nvml_driver_version(_ text: UnsafeMutablePointer<CChar>!) -> Int32 {
    strcpy(text, "580.0.0")
    return success
}

/// The version of the library that belongs to that driver.
@c @implementation
public func ferry_nvml_library_version(_ text: UnsafeMutablePointer<CChar>!) -> Int32 {
    strcpy(text, "13.580.0.0")
    return success
}
