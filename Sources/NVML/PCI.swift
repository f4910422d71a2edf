public import NVMLABI

// Addresses; the numbers of vendor and model are not known and 0.

/// A GPU's PCI address.
@c @implementation
public func nvmlDeviceGetPciInfo_v3(
    _ device: ferry_nvml_device!,
    _ pci: UnsafeMutablePointer<ferry_nvml_pci>!
) -> Int32 {
    give(device, pci) { facts in
        var result = ferry_nvml_pci()
        result.domain = UInt32(bitPattern: facts.domain)
        result.bus = UInt32(bitPattern: facts.bus)
        result.device = UInt32(bitPattern: facts.device)
        withUnsafeMutableBytes(of: &result.shortAddress) { bytes in
            guard let base = bytes.baseAddress else { return }
            Names.writeAddress(facts, domain: 4, to: base.assumingMemoryBound(to: CChar.self))
        }
        withUnsafeMutableBytes(of: &result.address) { bytes in
            guard let base = bytes.baseAddress else { return }
            Names.writeAddress(facts, domain: 8, to: base.assumingMemoryBound(to: CChar.self))
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

/// A GPU's PCI address and class: 3.2, a 3D controller.
@c @implementation
public func nvmlDeviceGetPciInfoExt(
    _ device: ferry_nvml_device!,
    _ pci: UnsafeMutablePointer<ferry_nvml_pci_extended>!
) -> Int32 {
    var whole = ferry_nvml_pci()
    let result = nvmlDeviceGetPciInfo_v3(device, &whole)
    guard result == Result.success else { return result }
    guard let pci else { return Result.invalidArgument }
    let version = UInt32(MemoryLayout<ferry_nvml_pci_extended>.size | 1 << 24)
    guard pci.pointee.version == version else { return Result.versionMismatch }
    pci.pointee.domain = whole.domain
    pci.pointee.bus = whole.bus
    pci.pointee.device = whole.device
    pci.pointee.deviceID = whole.deviceID
    pci.pointee.subsystemID = whole.subsystemID
    pci.pointee.baseClass = 3
    pci.pointee.subClass = 2
    pci.pointee.address = whole.address
    return Result.success
}
