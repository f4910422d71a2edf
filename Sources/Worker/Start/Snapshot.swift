internal import Driver
internal import Wire

/// The first record of a worker: everything about its devices that programs ask for at start
/// (rule 8 of the data plane).
struct Snapshot {
    var driverVersion: Int32
    var process: Int32
    /// The devices, with the memory that the client may take.
    var devices: [DeviceFacts]

    /// The devices of a driver, which must be exactly those that were granted, in that order.
    init(
        _ driver: DriverTable,
        grants: [DeviceGrant],
        process: Int32
    ) throws(WorkerFailure) {
        self.process = process
        var version: Int32 = 0
        _ = driver.cuDriverGetVersion?(&version)
        driverVersion = version
        var found = try DeviceFacts.all(driver)
        guard found.map(\.uuid) == grants.map(\.uuid) else {
            let shown = found.map(\.uuid.text).joined(separator: ", ")
            let wanted = grants.map(\.uuid.text).joined(separator: ", ")
            throw WorkerFailure(
                .driver,
                status: Status.noDevice,
                "the lease has \(wanted), but the driver shows \(shown.isEmpty ? "none" : shown)"
            )
        }
        for index in found.indices {
            found[index].memory = min(found[index].memory, grants[index].memory)
        }
        devices = found
    }

    /// The record.
    ///
    /// - Parameter images: `ImageCache.prefixes`; `nil` when images are not kept.
    func encoded(images: [UInt32]?) -> [UInt8] {
        let deviceSize = SnapshotLayout.deviceSize(attributeCount: DeviceFacts.attributeCount)
        let imagesSize = images.map { WireFormat.padded(SnapshotLayout.images + 4 * $0.count) }
        let size =
            WireFormat.headerSize + SnapshotLayout.fixedSize + devices.count * deviceSize
            + (imagesSize ?? 0)
        var record = [UInt8](repeating: 0, count: size)
        record.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            RecordHeader(size: size, opcode: .snapshot, flags: 0, sequence: 0, context: 0)
                .write(to: base)
            var body = base + WireFormat.headerSize
            body.storeBytes(of: driverVersion, toByteOffset: 0, as: Int32.self)
            body.storeBytes(
                of: UInt32(devices.count),
                toByteOffset: SnapshotLayout.deviceCount,
                as: UInt32.self
            )
            body.storeBytes(
                of: UInt32(DeviceFacts.attributeCount),
                toByteOffset: SnapshotLayout.attributeCount,
                as: UInt32.self
            )
            body.storeBytes(
                of: UInt32(bitPattern: process),
                toByteOffset: SnapshotLayout.workerProcess,
                as: UInt32.self
            )
            body += SnapshotLayout.fixedSize
            for device in devices {
                Self.write(device, to: body)
                body += deviceSize
            }
            if let images { Self.write(images, to: body) }
        }
        return record
    }

    private static func write(_ images: [UInt32], to body: UnsafeMutableRawPointer) {
        let count = UInt32(images.count)
        body.storeBytes(of: count, toByteOffset: SnapshotLayout.imageCount, as: UInt32.self)
        for (index, prefix) in images.enumerated() {
            let offset = SnapshotLayout.images + 4 * index
            body.storeBytes(of: prefix, toByteOffset: offset, as: UInt32.self)
        }
    }

    private static func write(_ device: DeviceFacts, to body: UnsafeMutableRawPointer) {
        for (index, byte) in device.uuid.bytes.enumerated() {
            body.storeBytes(of: byte, toByteOffset: SnapshotLayout.uuid + index, as: UInt8.self)
        }
        body.storeBytes(
            of: device.memory,
            toByteOffset: SnapshotLayout.totalMemory,
            as: UInt64.self
        )
        for (index, byte) in device.name.utf8.prefix(127).enumerated() {
            body.storeBytes(of: byte, toByteOffset: SnapshotLayout.name + index, as: UInt8.self)
        }
        for (index, value) in device.attributes.enumerated() {
            body.storeBytes(
                of: value,
                toByteOffset: SnapshotLayout.attributes + 4 * index,
                as: Int32.self
            )
        }
    }
}
