internal import CLinux
public import NVMLABI
internal import SoftDevice

/// The number of GPUs.
@c @implementation
public func nvmlDeviceGetCount(_ count: UnsafeMutablePointer<UInt32>!) -> Int32 {
    guard let devices = Library.devices() else { return Result.uninitialized }
    guard let count else { return Result.invalidArgument }
    count.pointee = UInt32(devices.count)
    return Result.success
}

/// The number of GPUs.
@c @implementation
public func nvmlDeviceGetCount_v2(_ count: UnsafeMutablePointer<UInt32>!) -> Int32 {
    nvmlDeviceGetCount(count)
}

/// A GPU by its number.
@c @implementation
public func nvmlDeviceGetHandleByIndex(
    _ index: UInt32,
    _ device: UnsafeMutablePointer<ferry_nvml_device?>!
) -> Int32 {
    find(device, otherwise: Result.invalidArgument) { $0.identity.index == Int(index) }
}

/// A GPU by its number.
@c @implementation
public func nvmlDeviceGetHandleByIndex_v2(
    _ index: UInt32,
    _ device: UnsafeMutablePointer<ferry_nvml_device?>!
) -> Int32 {
    nvmlDeviceGetHandleByIndex(index, device)
}

/// A GPU by its UUID, "GPU-" and hexadecimal digits.
@c @implementation
public func nvmlDeviceGetHandleByUUID(
    _ uuid: UnsafePointer<CChar>!,
    _ device: UnsafeMutablePointer<ferry_nvml_device?>!
) -> Int32 {
    guard let uuid else { return Result.invalidArgument }
    let wanted = String(cString: uuid).lowercased()
    return find(device, otherwise: Result.notFound) {
        $0.identity.uuidText.lowercased() == wanted
    }
}

/// A GPU by its PCI address.
@c @implementation
public func nvmlDeviceGetHandleByPciBusId(
    _ address: UnsafePointer<CChar>!,
    _ device: UnsafeMutablePointer<ferry_nvml_device?>!
) -> Int32 {
    guard let address else { return Result.invalidArgument }
    let index = Identity.index(ofPCIAddress: String(cString: address), count: 8)
    return find(device, otherwise: Result.notFound) { $0.identity.index == index }
}

/// A GPU by its PCI address.
@c @implementation
public func nvmlDeviceGetHandleByPciBusId_v2(
    _ address: UnsafePointer<CChar>!,
    _ device: UnsafeMutablePointer<ferry_nvml_device?>!
) -> Int32 {
    nvmlDeviceGetHandleByPciBusId(address, device)
}

private func find(
    _ target: UnsafeMutablePointer<ferry_nvml_device?>?,
    otherwise: Int32,
    _ fits: (DeviceDescription) -> Bool
) -> Int32 {
    guard let devices = Library.devices() else { return Result.uninitialized }
    guard let target else { return Result.invalidArgument }
    guard let index = devices.firstIndex(where: fits) else { return otherwise }
    target.pointee = Library.handle(index)
    return Result.success
}

/// A GPU's name.
@c @implementation
public func nvmlDeviceGetName(
    _ device: ferry_nvml_device!,
    _ name: UnsafeMutablePointer<CChar>!,
    _ length: UInt32
) -> Int32 {
    withDevice(device) { write($0.name, name, length) }
}

/// A GPU's UUID.
@c @implementation
public func nvmlDeviceGetUUID(
    _ device: ferry_nvml_device!,
    _ uuid: UnsafeMutablePointer<CChar>!,
    _ length: UInt32
) -> Int32 {
    withDevice(device) { write($0.identity.uuidText, uuid, length) }
}

/// A GPU's number.
@c @implementation
public func nvmlDeviceGetIndex(
    _ device: ferry_nvml_device!,
    _ index: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    give(device, index) { UInt32($0.identity.index) }
}

/// The number of the GPU's device file, if it had one.
@c @implementation
public func nvmlDeviceGetMinorNumber(
    _ device: ferry_nvml_device!,
    _ minor: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    give(device, minor) { UInt32($0.identity.index) }
}

/// A GPU's PCI address.
@c @implementation
public func nvmlDeviceGetPciInfo_v3(
    _ device: ferry_nvml_device!,
    _ pci: UnsafeMutablePointer<ferry_nvml_pci>!
) -> Int32 {
    give(device, pci) { description in
        let identity = description.identity
        var result = ferry_nvml_pci()
        result.domain = UInt32(identity.pci.domain)
        result.bus = UInt32(identity.pci.bus)
        result.device = UInt32(identity.pci.device)
        withUnsafeMutableBytes(of: &result.shortAddress) {
            $0.copyBytes(from: identity.pciText.utf8)
        }
        withUnsafeMutableBytes(of: &result.address) {
            $0.copyBytes(from: "0000\(identity.pciText)".utf8)
        }
        return result
    }
}

/// A GPU's PCI address.
@c @implementation
public func nvmlDeviceGetPciInfo_v2(
    _ device: ferry_nvml_device!,
    _ pci: UnsafeMutablePointer<ferry_nvml_pci_v2>!
) -> Int32 {
    var whole = ferry_nvml_pci()
    let result = nvmlDeviceGetPciInfo_v3(device, &whole)
    guard result == Result.success else { return result }
    guard let pci else { return Result.invalidArgument }
    pci.pointee = ferry_nvml_pci_v2(
        shortAddress: whole.shortAddress,
        domain: whole.domain,
        bus: whole.bus,
        device: whole.device,
        deviceID: whole.deviceID,
        subsystemID: whole.subsystemID
    )
    return Result.success
}

/// A GPU's PCI address.
@c @implementation
public func nvmlDeviceGetPciInfo(
    _ device: ferry_nvml_device!,
    _ pci: UnsafeMutablePointer<ferry_nvml_pci_v2>!
) -> Int32 {
    nvmlDeviceGetPciInfo_v2(device, pci)
}
