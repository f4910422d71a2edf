import Foundation
import NVML
public import NVMLABI

/// The GPUs that the library of these tests has; changed by one test at a time.
nonisolated(unsafe) var fake = Fake()

struct Fake {
    var start: Int32 = 0
    var count: Int32 = 2
    var describe: Int32 = 0
    var use: Int32 = 0
    var version: Int32 = 0
    /// What is said of GPU 0; the others differ in UUID and bus.
    var facts = Fake.known

    static var known: ferry_nvml_facts {
        var facts = ferry_nvml_facts()
        withUnsafeMutableBytes(of: &facts.name) { $0.copyBytes(from: Array("A GPU".utf8)) }
        withUnsafeMutableBytes(of: &facts.uuid) { bytes in
            for index in 0..<16 { bytes[index] = UInt8(index * 16 + 10) }
        }
        facts.domain = 0x1A
        facts.bus = 0xAF
        facts.device = 0x1
        facts.major = 9
        facts.minorNumber = 3
        facts.brand = 14
        facts.busWidth = 5120
        facts.computeMode = 3
        facts.persistenceMode = 1
        facts.displayMode = 0
        facts.isMultiple = 1
        return facts
    }
}

/// Says what the test wants.
@c @implementation
public func ferry_nvml_start() -> Int32 { fake.start }

/// Says what the test wants.
@c @implementation
public func ferry_nvml_count() -> Int32 { fake.count }

/// GPUs that differ in UUID and bus.
@c @implementation
public func ferry_nvml_describe(
    _ index: UInt32,
    _ facts: UnsafeMutablePointer<ferry_nvml_facts>!
) -> Int32 {
    facts.pointee = fake.facts
    facts.pointee.bus += Int32(index)
    withUnsafeMutableBytes(of: &facts.pointee.uuid) { $0[15] &+= UInt8(index) }
    return fake.describe
}

/// Always the same memory.
@c @implementation
public func ferry_nvml_use(
    _ index: UInt32,
    _ use: UnsafeMutablePointer<ferry_nvml_memory_use>!
) -> Int32 {
    use.pointee = ferry_nvml_memory_use(total: 100, reserved: 2, free: 50, used: 48)
    return fake.use
}

/// Each capability has a status of its own.
@c @implementation
public func ferry_nvml_peer(
    _ index: UInt32,
    _ peer: UInt32,
    _ capability: Int32,
    _ status: UnsafeMutablePointer<Int32>!
) -> Int32 {
    status.pointee = Int32(index * 100 + peer * 10) + capability
    return fake.use
}

/// 13.2.
@c @implementation
public func ferry_nvml_cuda_version() -> Int32 { 13_020 }

/// Always the same version.
@c @implementation
public func ferry_nvml_driver_version(_ text: UnsafeMutablePointer<CChar>!) -> Int32 {
    strcpy(text, "580.65.06")
    return fake.version
}

/// Always the same version.
@c @implementation
public func ferry_nvml_library_version(_ text: UnsafeMutablePointer<CChar>!) -> Int32 {
    strcpy(text, "13.580.65.06")
    return fake.version
}
