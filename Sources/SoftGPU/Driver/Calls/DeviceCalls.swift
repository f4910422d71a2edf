internal import CLinux
package import CUDAABI
internal import Driver
internal import SoftDevice

extension SoftCalls {
    package static func cuDeviceGet(
        _ device: UnsafeMutablePointer<CUdevice>?,
        _ ordinal: Int32
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try required(device).pointee = Int32(driver.device(ordinal).ordinal)
        }
    }

    package static func cuDeviceGetCount(_ count: UnsafeMutablePointer<Int32>?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try required(count).pointee = Int32(driver.devices.count)
        }
    }

    package static func cuDeviceGetName(
        _ name: UnsafeMutablePointer<CChar>?,
        _ length: Int32,
        _ device: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let text = try driver.device(device).description.name
            try write(text, to: name, length)
        }
    }

    package static func cuDeviceGetUuid(
        _ uuid: UnsafeMutablePointer<CUuuid>?,
        _ device: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try required(uuid).pointee = driver.uuid(driver.device(device).ordinal)
        }
    }

    package static func cuDeviceGetUuid_v2(
        _ uuid: UnsafeMutablePointer<CUuuid>?,
        _ device: CUdevice
    ) -> CUresult {
        cuDeviceGetUuid(uuid, device)
    }

    package static func cuDeviceTotalMem_v2(
        _ bytes: UnsafeMutablePointer<Int>?,
        _ device: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try required(bytes).pointee = driver.device(device).description.memoryBytes
        }
    }

    package static func cuDeviceGetAttribute(
        _ value: UnsafeMutablePointer<Int32>?,
        _ attribute: CUdevice_attribute,
        _ device: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let description = try driver.device(device).description
            // Runtimes newer than this driver ask for more than it knows; far numbers are nonsense.
            guard (1...255).contains(attribute) else { throw .invalidValue }
            try required(value).pointee = description.attribute(attribute)
        }
    }

    package static func cuDeviceComputeCapability(
        _ major: UnsafeMutablePointer<Int32>?,
        _ minor: UnsafeMutablePointer<Int32>?,
        _ device: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let capability = try driver.device(device).description.capability
            try required(major).pointee = Int32(capability.major)
            try required(minor).pointee = Int32(capability.minor)
        }
    }

    package static func cuDeviceGetProperties(
        _ properties: UnsafeMutablePointer<CUdevprop>?,
        _ device: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let description = try driver.device(device).description
            func value(_ attribute: Int32) -> Int32 { description.attribute(attribute) }
            try required(properties).pointee = CUdevprop(
                maxThreadsPerBlock: value(1),
                maxThreadsDim: (value(2), value(3), value(4)),
                maxGridSize: (value(5), value(6), value(7)),
                sharedMemPerBlock: value(8),
                totalConstantMemory: value(9),
                SIMDWidth: value(10),
                memPitch: value(11),
                regsPerBlock: value(12),
                clockRate: value(13),
                textureAlign: value(14)
            )
        }
    }

    package static func cuDeviceGetPCIBusId(
        _ text: UnsafeMutablePointer<CChar>?,
        _ length: Int32,
        _ device: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let address = try driver.device(device).description.identity.pciText
            try write(address, to: text, length)
        }
    }

    package static func cuDeviceGetByPCIBusId(
        _ device: UnsafeMutablePointer<CUdevice>?,
        _ text: UnsafePointer<CChar>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let (device, text) = (try required(device), try required(text))
            // The longest address has 13 characters.
            let bytes = UnsafeRawBufferPointer(start: text, count: strnlen(text, 32))
            let wanted = String(decoding: bytes, as: UTF8.self)
            let index = Identity.index(ofPCIAddress: wanted, count: 8)
            let found = driver.devices.first { $0.description.identity.index == index }
            guard let found else { throw .invalidValue }
            device.pointee = Int32(found.ordinal)
        }
    }

    package static func cuDeviceCanAccessPeer(
        _ canAccess: UnsafeMutablePointer<Int32>?,
        _ device: CUdevice,
        _ peer: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let (first, second) = (try driver.device(device), try driver.device(peer))
            try required(canAccess).pointee = first === second ? 0 : 1
        }
    }

    package static func cuDeviceGetP2PAttribute(
        _ value: UnsafeMutablePointer<Int32>?,
        _ attribute: CUdevice_P2PAttribute,
        _ source: CUdevice,
        _ target: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let (first, second) = (try driver.device(source), try driver.device(target))
            guard first !== second else { throw Failure(Status.invalidDevice) }
            // 1 performance rank, 2 access, 3 native atomics, 4 arrays, 5 partial atomics
            guard (1...5).contains(attribute) else { throw .invalidValue }
            try required(value).pointee = attribute == 2 || attribute == 3 ? 1 : 0
        }
    }

    package static func cuDeviceGetExecAffinitySupport(
        _ value: UnsafeMutablePointer<Int32>?,
        _ type: CUexecAffinityType,
        _ device: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            _ = try driver.device(device)
            try required(value).pointee = 0
        }
    }

    /// Writes a text with its NUL, cut to the room there is.
    private static func write(
        _ text: String,
        to target: UnsafeMutablePointer<CChar>?,
        _ length: Int32
    ) throws(Failure) {
        let target = try required(target)
        guard length > 0 else { throw .invalidValue }
        text.withCString { _ = strncpy(target, $0, Int(length)) }
        target[Int(length) - 1] = 0
    }
}
