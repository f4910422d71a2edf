internal import CLinux
package import CUDAABI
internal import Driver

// Devices: everything is answered from the snapshot.

extension ClientCalls {
    /// `cuDeviceGet`
    package static func cuDeviceGet(
        _ device: UnsafeMutablePointer<CUdevice>?,
        _ ordinal: Int32
    ) -> CUresult {
        withDevice(ordinal) { _ in
            guard let device else { return Status.invalidValue }
            device.pointee = ordinal
            return Status.success
        }
    }

    /// `cuDeviceGetCount`
    package static func cuDeviceGetCount(_ count: UnsafeMutablePointer<Int32>?) -> CUresult {
        withSession { state in
            guard let count else { return Status.invalidValue }
            count.pointee = state.pointee.devices.count
            return Status.success
        }
    }

    /// `cuDeviceGetName`
    package static func cuDeviceGetName(
        _ name: UnsafeMutablePointer<CChar>?,
        _ length: Int32,
        _ device: CUdevice
    ) -> CUresult {
        withDevice(device) { state in
            guard let name, length > 0 else { return Status.invalidValue }
            strncpy(name, state.pointee.devices.name(device), Int(length))
            name[Int(length) - 1] = 0
            return Status.success
        }
    }

    /// `cuDeviceGetUuid`
    package static func cuDeviceGetUuid(
        _ uuid: UnsafeMutablePointer<CUuuid>?,
        _ device: CUdevice
    ) -> CUresult {
        withDevice(device) { state in
            guard let uuid else { return Status.invalidValue }
            uuid.pointee = state.pointee.devices.uuid(device)
            return Status.success
        }
    }

    /// `cuDeviceGetUuid_v2`
    package static func cuDeviceGetUuid_v2(
        _ uuid: UnsafeMutablePointer<CUuuid>?,
        _ device: CUdevice
    ) -> CUresult {
        cuDeviceGetUuid(uuid, device)
    }

    /// `cuDeviceTotalMem_v2`: the slice.
    package static func cuDeviceTotalMem_v2(
        _ bytes: UnsafeMutablePointer<Int>?,
        _ device: CUdevice
    ) -> CUresult {
        withDevice(device) { state in
            guard let bytes else { return Status.invalidValue }
            bytes.pointee = state.pointee.devices.totalMemory(device)
            return Status.success
        }
    }

    /// `cuDeviceGetAttribute`
    package static func cuDeviceGetAttribute(
        _ value: UnsafeMutablePointer<Int32>?,
        _ attribute: CUdevice_attribute,
        _ device: CUdevice
    ) -> CUresult {
        withDevice(device) { state in
            guard let value, attribute > 0, attribute <= Devices.maxAttribute else {
                return Status.invalidValue
            }
            value.pointee = state.pointee.devices.attribute(device, attribute)
            return Status.success
        }
    }

    /// `cuDeviceGetProperties`, from before there were attributes.
    package static func cuDeviceGetProperties(
        _ properties: UnsafeMutablePointer<CUdevprop>?,
        _ device: CUdevice
    ) -> CUresult {
        withDevice(device) { state in
            guard let properties else { return Status.invalidValue }
            func attribute(_ identifier: Int32) -> Int32 {
                state.pointee.devices.attribute(device, identifier)
            }
            properties.pointee = CUdevprop(
                maxThreadsPerBlock: attribute(1),
                maxThreadsDim: (attribute(2), attribute(3), attribute(4)),
                maxGridSize: (attribute(5), attribute(6), attribute(7)),
                sharedMemPerBlock: attribute(8),
                totalConstantMemory: attribute(9),
                SIMDWidth: attribute(10),
                memPitch: attribute(11),
                regsPerBlock: attribute(12),
                clockRate: attribute(13),
                textureAlign: attribute(14)
            )
            return Status.success
        }
    }

    /// `cuDeviceComputeCapability`
    package static func cuDeviceComputeCapability(
        _ major: UnsafeMutablePointer<Int32>?,
        _ minor: UnsafeMutablePointer<Int32>?,
        _ device: CUdevice
    ) -> CUresult {
        withDevice(device) { state in
            guard let major, let minor else { return Status.invalidValue }
            major.pointee = state.pointee.devices.attribute(device, 75)
            minor.pointee = state.pointee.devices.attribute(device, 76)
            return Status.success
        }
    }

    /// `cuDeviceGetPCIBusId`: domain:bus:device.0
    package static func cuDeviceGetPCIBusId(
        _ text: UnsafeMutablePointer<CChar>?,
        _ length: Int32,
        _ device: CUdevice
    ) -> CUresult {
        withDevice(device) { state in
            guard let text, length >= 13 else { return Status.invalidValue }
            ferry_format_pci(
                text,
                Int(length),
                state.pointee.devices.attribute(device, 50),
                state.pointee.devices.attribute(device, 33),
                state.pointee.devices.attribute(device, 34)
            )
            return Status.success
        }
    }

    /// `cuDeviceGetByPCIBusId`
    package static func cuDeviceGetByPCIBusId(
        _ device: UnsafeMutablePointer<CUdevice>?,
        _ text: UnsafePointer<CChar>?
    ) -> CUresult {
        withSession { state in
            guard let device, let text else { return Status.invalidValue }
            var domain: UInt32 = 0
            var bus: UInt32 = 0
            var number: UInt32 = 0
            guard ferry_parse_pci(text, &domain, &bus, &number) != 0 else {
                return Status.invalidValue
            }
            for candidate in 0..<state.pointee.devices.count
            where state.pointee.devices.attribute(candidate, 50) == Int32(bitPattern: domain)
                && state.pointee.devices.attribute(candidate, 33) == Int32(bitPattern: bus)
                && state.pointee.devices.attribute(candidate, 34) == Int32(bitPattern: number)
            {
                device.pointee = candidate
                return Status.success
            }
            return Status.invalidValue
        }
    }

    /// `cuDeviceGetExecAffinitySupport`: no.
    package static func cuDeviceGetExecAffinitySupport(
        _ value: UnsafeMutablePointer<Int32>?,
        _ type: CUexecAffinityType,
        _ device: CUdevice
    ) -> CUresult {
        withDevice(device) { _ in
            guard let value else { return Status.invalidValue }
            value.pointee = 0
            return Status.success
        }
    }
}
