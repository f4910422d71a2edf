internal import CUDAABI
internal import Driver
internal import Wire

/// What the client's management library asks of the server. Used by the reader thread alone.
package final class Management {
    private let driver: DriverTable
    /// Loaded when it is asked for: most programs never do.
    private lazy var library = ManagementLibrary(besideDriverWith: driver.cuInit)
    private lazy var driverVersion = library?.driverVersion ?? ""
    private lazy var libraryVersion = library?.libraryVersion ?? ""

    init(_ driver: DriverTable) { self.driver = driver }

    /// Versions of the driver and of the library, empty when they are not known.
    var versions: (driver: String, library: String) { (driverVersion, libraryVersion) }

    /// A device's memory as the client is to see it.
    ///
    /// - Parameters:
    ///   - slice: Bytes that the client may take.
    ///   - available: What it has not taken of them.
    func memory(_ device: Int32, slice: UInt64, available: UInt64) -> ManagementLibrary.Memory {
        guard let uuid = uuid(device), let memory = library?.memory(uuid) else {
            return ManagementLibrary.Memory(total: slice, reserved: 0, free: available)
        }
        var whole = 0
        _ = driver.cuDeviceTotalMem_v2?(&whole, device)
        return Self.share(memory, whole: UInt64(max(0, whole)), slice: slice, available: available)
    }

    /// What a client sees that has a slice of a GPU.
    ///
    /// - Parameters:
    ///   - memory: What the management library of the server says.
    ///   - whole: What the driver says that the device has. It is less than the management library says
    ///     by what the driver keeps; when by far, the device is a part of that GPU.
    ///   - slice: Bytes that the client may take.
    ///   - available: What it has not taken of them.
    package static func share(
        _ memory: ManagementLibrary.Memory,
        whole: UInt64,
        slice: UInt64,
        available: UInt64
    ) -> ManagementLibrary.Memory {
        let isAll = slice >= whole && whole >= memory.total / 8 * 7
        let total = isAll ? memory.total : slice
        let reserved = isAll ? min(memory.reserved, total) : 0
        // A library that does not see what this process has, as the software GPU's, is corrected.
        let taken = slice - min(slice, available)
        let left = total - reserved
        return ManagementLibrary.Memory(
            total: total,
            reserved: reserved,
            free: min(memory.free, left - min(left, taken))
        )
    }

    /// Whether a device can use the memory of another one, and whether with atomic operations.
    func access(of device: Int32, to peer: Int32) -> (access: Bool, atomics: Bool) {
        func has(_ attribute: CUdevice_P2PAttribute) -> Bool {
            var answer: Int32 = 0
            let status = driver.cuDeviceGetP2PAttribute?(&answer, attribute, device, peer)
            return status == Status.success && answer != 0
        }
        // CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED, …_NATIVE_ATOMIC_SUPPORTED
        return device == peer ? (false, false) : (has(2), has(3))
    }

    private func uuid(_ device: Int32) -> DeviceUUID? {
        var uuid = CUuuid()
        guard let ask = driver.cuDeviceGetUuid_v2, ask(&uuid, device) == Status.success else {
            return nil
        }
        return DeviceUUID(uuid)
    }
}

extension Executor {
    /// `management`
    func manage(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: ManagementLayout.size)
        guard record.wantsReply else { throw .malformed(.management) }
        let device = record.load(ManagementLayout.device, as: Int32.self)
        let other = record.load(ManagementLayout.peer, as: Int32.self)
        guard isDevice(device), isDevice(other) else {
            return finish(record, Status.invalidDevice)
        }
        let peer = management.access(of: device, to: other)
        countPools(of: device)
        let memory = management.memory(
            device,
            slice: slices.total(device),
            available: slices.available(device)
        )
        let versions = management.versions
        finish(record, Status.success, size: ManagementLayout.replySize) { reply in
            func put(_ value: UInt64, _ offset: Int) {
                reply.storeBytes(of: value, toByteOffset: offset, as: UInt64.self)
            }
            func put(_ text: String, _ offset: Int) {
                let most = ManagementLayout.versionSize - 1
                for (index, byte) in text.utf8.prefix(most).enumerated() {
                    reply.storeBytes(of: byte, toByteOffset: offset + index, as: UInt8.self)
                }
            }
            put(memory.total, ManagementLayout.total)
            put(memory.reserved, ManagementLayout.reserved)
            put(memory.free, ManagementLayout.free)
            put(memory.total - memory.reserved - memory.free, ManagementLayout.used)
            put(versions.driver, ManagementLayout.driverVersion)
            put(versions.library, ManagementLayout.libraryVersion)
            reply.storeBytes(
                of: peer.access ? 1 : 0,
                toByteOffset: ManagementLayout.peerAccess,
                as: UInt32.self
            )
            reply.storeBytes(
                of: peer.atomics ? 1 : 0,
                toByteOffset: ManagementLayout.peerAtomics,
                as: UInt32.self
            )
        }
    }
}
