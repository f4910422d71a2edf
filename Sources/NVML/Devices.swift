internal import CLinux
public import NVMLABI

/// The number of GPUs.
@c @implementation
public func nvmlDeviceGetCount(_ count: UnsafeMutablePointer<UInt32>!) -> Int32 {
    guard let known = Library.count else { return Result.uninitialized }
    guard let count else { return Result.invalidArgument }
    count.pointee = known
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
    find(device, otherwise: Result.invalidArgument) { candidate, _ in candidate == index }
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
    return find(device, otherwise: Result.notFound) { _, facts in
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Names.uuidSize) { text in
            guard let base = text.baseAddress else { return false }
            Names.writeUUID(facts, to: base)
            return Names.areEqual(base, uuid)
        }
    }
}

/// A GPU by its PCI address.
@c @implementation
public func nvmlDeviceGetHandleByPciBusId(
    _ address: UnsafePointer<CChar>!,
    _ device: UnsafeMutablePointer<ferry_nvml_device?>!
) -> Int32 {
    guard let address else { return Result.invalidArgument }
    var (domain, bus, number) = (UInt32(0), UInt32(0), UInt32(0))
    guard ferry_parse_pci(address, &domain, &bus, &number) != 0 else {
        return Result.invalidArgument
    }
    return find(device, otherwise: Result.notFound) { _, facts in
        facts.domain == Int32(bitPattern: domain) && facts.bus == Int32(bitPattern: bus)
            && facts.device == Int32(bitPattern: number)
    }
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
    _ fits: (UInt32, borrowing ferry_nvml_facts) -> Bool
) -> Int32 {
    guard let count = Library.count else { return Result.uninitialized }
    guard let target else { return Result.invalidArgument }
    for index in 0..<count {
        var facts = ferry_nvml_facts()
        let result = ferry_nvml_describe(index, &facts)
        guard result == Result.success else { return result }
        if fits(index, facts) {
            target.pointee = Library.handle(index)
            return Result.success
        }
    }
    return otherwise
}

/// A GPU's name.
@c @implementation
public func nvmlDeviceGetName(
    _ device: ferry_nvml_device!,
    _ name: UnsafeMutablePointer<CChar>!,
    _ length: UInt32
) -> Int32 {
    withDevice(device) { facts in
        withUnsafeBytes(of: facts.name) { bytes in
            guard let text = bytes.baseAddress else { return Result.invalidArgument }
            return write(text.assumingMemoryBound(to: CChar.self), name, length)
        }
    }
}

/// A GPU's UUID.
@c @implementation
public func nvmlDeviceGetUUID(
    _ device: ferry_nvml_device!,
    _ uuid: UnsafeMutablePointer<CChar>!,
    _ length: UInt32
) -> Int32 {
    withDevice(device) { facts in
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Names.uuidSize) { text in
            guard let base = text.baseAddress else { return Result.invalidArgument }
            Names.writeUUID(facts, to: base)
            return write(base, uuid, length)
        }
    }
}

/// A GPU's number.
@c @implementation
public func nvmlDeviceGetIndex(
    _ device: ferry_nvml_device!,
    _ index: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    withIndex(device) { number in
        guard let index else { return Result.invalidArgument }
        index.pointee = number
        return Result.success
    }
}

/// The number of the GPU's device file.
@c @implementation
public func nvmlDeviceGetMinorNumber(
    _ device: ferry_nvml_device!,
    _ minor: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    giveKnown(device, minor) { $0.minorNumber }
}

/// 0: none is a partition of a GPU.
@c @implementation
public func nvmlDeviceIsMigDeviceHandle(
    _ device: ferry_nvml_device!,
    _ isMIG: UnsafeMutablePointer<UInt32>!
) -> Int32 {
    give(device, isMIG) { _ in 0 }
}
