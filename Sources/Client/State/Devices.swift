internal import CLinux
package import CUDAABI
internal import Driver
internal import Wire

/// What the server said of the borrowed GPUs when the session began (rule 8 of the data plane):
/// every query about a device is answered from here. Constant after `init`.
package struct Devices: ~Copyable {
    /// What `cuDriverGetVersion` says.
    package let driverVersion: Int32
    /// Number of devices that the program sees.
    package let count: Int32
    /// Pid of the worker on its server.
    let workerProcess: UInt32
    private let ordinals: InlineArray<64, Int32>
    private let attributeCount: Int
    private let bytes: UnsafeMutableRawPointer
    private let deviceSize: Int

    private init(
        _ base: UnsafeRawPointer,
        size: Int,
        layout: (devices: Int32, attributes: Int, deviceSize: Int),
        ordinals: InlineArray<64, Int32>
    ) {
        driverVersion = base.load(fromByteOffset: SnapshotLayout.driverVersion, as: Int32.self)
        workerProcess = base.load(fromByteOffset: SnapshotLayout.workerProcess, as: UInt32.self)
        count = layout.devices
        attributeCount = layout.attributes
        deviceSize = layout.deviceSize
        self.ordinals = ordinals
        bytes = .allocate(byteCount: size, alignment: 8)
        bytes.copyMemory(from: base, byteCount: size)
        for device in 0..<Int(layout.devices) {
            let start = SnapshotLayout.fixedSize + device * layout.deviceSize
            // Names end with a NUL, whatever the server says.
            let last = start + SnapshotLayout.attributes - 1
            bytes.storeBytes(of: 0, toByteOffset: last, as: UInt8.self)
        }
    }

    /// Reads the body of a snapshot; `nil` when it does not hold together.
    package static func read(_ body: UnsafeRawBufferPointer) -> Devices? {
        var ordinals: InlineArray<64, Int32> = .init(repeating: 0)
        for index in 0..<64 { ordinals[index] = Int32(index) }
        return read(body, ordinals: ordinals)
    }

    private static func read(
        _ body: UnsafeRawBufferPointer,
        ordinals: InlineArray<64, Int32>
    ) -> Devices? {
        guard body.count >= SnapshotLayout.fixedSize, let base = body.baseAddress else {
            return nil
        }
        let devices = base.load(fromByteOffset: SnapshotLayout.deviceCount, as: UInt32.self)
        let attributes = base.load(fromByteOffset: SnapshotLayout.attributeCount, as: UInt32.self)
        guard devices <= UInt32(WireFormat.maxDevices), attributes <= 4096 else { return nil }
        let deviceSize = SnapshotLayout.deviceSize(attributeCount: Int(attributes))
        let size = SnapshotLayout.fixedSize + Int(devices) * deviceSize
        guard body.count >= size else { return nil }
        for device in 0..<Int(devices) {
            let start = SnapshotLayout.fixedSize + device * deviceSize
            let memory = base.loadUnaligned(
                fromByteOffset: start + SnapshotLayout.totalMemory,
                as: UInt64.self
            )
            guard memory <= UInt64(Int.max) else { return nil }
        }
        return Devices(
            base,
            size: size,
            layout: (Int32(devices), Int(attributes), deviceSize),
            ordinals: ordinals
        )
    }

    /// Where the devices end in a snapshot that was read before.
    var endInSnapshot: Int { SnapshotLayout.fixedSize + Int(count) * deviceSize }

    /// The same devices once more; `nil` when there is none.
    func copy() -> Devices? { selecting(ordinals, Int(count)) }

    /// The devices with these ordinals, in this order; `nil` when there is none.
    func selecting(_ order: InlineArray<64, Int32>, _ count: Int) -> Devices? {
        let size = SnapshotLayout.fixedSize + count * deviceSize
        let body = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 8)
        defer { body.deallocate() }
        body.copyMemory(from: bytes, byteCount: SnapshotLayout.fixedSize)
        body.storeBytes(
            of: UInt32(count),
            toByteOffset: SnapshotLayout.deviceCount,
            as: UInt32.self
        )
        for index in 0..<count {
            let target = body + SnapshotLayout.fixedSize + index * deviceSize
            target.copyMemory(from: record(order[index]), byteCount: deviceSize)
        }
        guard count > 0 else { return nil }
        return Devices.read(
            UnsafeRawBufferPointer(start: body, count: size),
            ordinals: order
        )
    }

    /// The number of a device on its server: what the wire's context identifiers count by.
    package func serverOrdinal(_ device: Int32) -> Int32 { ordinals[Int(device)] }

    deinit { bytes.deallocate() }

    /// Whether there is such a device.
    @inline(__always)
    package func contains(_ device: Int32) -> Bool { device >= 0 && device < count }

    private func record(_ device: Int32) -> UnsafeRawPointer {
        UnsafeRawPointer(bytes + SnapshotLayout.fixedSize + Int(device) * deviceSize)
    }

    /// Bytes of memory: the slice.
    package func totalMemory(_ device: Int32) -> Int {
        Int(record(device).load(fromByteOffset: SnapshotLayout.totalMemory, as: UInt64.self))
    }

    /// The UUID.
    package func uuid(_ device: Int32) -> CUuuid {
        record(device).loadUnaligned(fromByteOffset: SnapshotLayout.uuid, as: CUuuid.self)
    }

    /// The name, NUL-terminated, at most 128 bytes.
    package func name(_ device: Int32) -> UnsafePointer<CChar> {
        (record(device) + SnapshotLayout.name).assumingMemoryBound(to: CChar.self)
    }

    /// Numbers above this are not attributes. Newer runtimes ask for ones that the server may not
    /// know yet, so there is room above those of today.
    static let maxAttribute: Int32 = 511

    /// An attribute; 0 for one that the server does not know, because the runtime takes any
    /// error here as a failure to start (facts/cuda-driver.md §2.3).
    package func attribute(_ device: Int32, _ identifier: Int32) -> Int32 {
        if let own = Self.override(identifier) { return own }
        // CAN_MAP_HOST_MEMORY and MANAGED_MEMORY are made of VIRTUAL_MEMORY_MANAGEMENT (docs/adr/0022).
        if identifier == 19 || identifier == 83, attribute(device, 102) == 0 { return 0 }
        guard identifier >= 1, Int(identifier) <= attributeCount else { return 0 }
        let offset = SnapshotLayout.attributes + 4 * (Int(identifier) - 1)
        return record(device).load(fromByteOffset: offset, as: Int32.self)
    }

    /// What decides which code runs on each device.
    var codeTargets: [FatbinSelection.GPU] {
        var list: [FatbinSelection.GPU] = []
        for device in 0..<count {
            let capability = Int(attribute(device, 75)) * 10 + Int(attribute(device, 76))
            let isSoftware = SoftwareGPU.isOne(uuid(device))
            list.append(FatbinSelection.GPU(capability: capability, isSoftware: isSoftware))
        }
        return list
    }

    /// Capabilities that a GPU has and Ferry does not carry yet: they are not claimed.
    private static func override(_ identifier: Int32) -> Int32? {
        switch identifier {
        case 84, 89: 0  // MULTI_GPU_BOARD, CONCURRENT_MANAGED_ACCESS
        case 88, 100, 101: 0  // PAGEABLE_MEMORY_ACCESS and its relatives
        case 91: 0  // CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM
        case 92, 93, 94: 0  // stream memory operations
        case 104, 105: 0  // handles of Windows
        case 110, 116, 117, 118, 119, 124, 128: 0  // GPUDirect, interprocess handles
        case 132: 0  // MULTICAST_SUPPORTED
        case 142: 0  // HOST_NUMA_MEMORY_POOLS_SUPPORTED
        default: nil
        }
    }
}
