package import CUDAABI
internal import Driver

/// Numbers of `CUpointer_attribute`.
private enum PointerAttribute {
    static let context: Int32 = 1
    static let memoryType: Int32 = 2
    static let devicePointer: Int32 = 3
    static let hostPointer: Int32 = 4
    static let syncMemops: Int32 = 6
    static let bufferID: Int32 = 7
    static let isManaged: Int32 = 8
    static let deviceOrdinal: Int32 = 9
    static let isIPCCapable: Int32 = 10
    static let rangeStart: Int32 = 11
    static let rangeSize: Int32 = 12
    static let isMapped: Int32 = 13
    static let handleTypes: Int32 = 14
    static let isRDMACapable: Int32 = 15
    static let accessFlags: Int32 = 16
    static let memoryPool: Int32 = 17
    static let mappingSize: Int32 = 18
    static let mappingBase: Int32 = 19
    static let blockID: Int32 = 20
    static let isDecompressCapable: Int32 = 21
}

extension SoftCalls {
    /// A question about a pointer, which needs no context: CuPy asks whether memory of the host is
    /// pinned before it has one (`cupy.array([])` as the first thing that a program does). The
    /// error of a context that there is shows all the same.
    private static func withPointers(
        _ body: (SoftDriver) throws(Failure) -> Void
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            do throws(Failure) {
                _ = try driver.currentContext()
            } catch  where error.status == Status.invalidContext {}
            try body(driver)
        }
    }

    package static func cuPointerGetAttribute(
        _ data: UnsafeMutableRawPointer?,
        _ attribute: CUpointer_attribute,
        _ address: CUdeviceptr
    ) -> CUresult {
        withPointers { (driver) throws(Failure) in
            let data = try required(data)
            let region = driver.region(at: address)
            if case .other = region { throw .invalidValue }
            try write(attribute, of: address, region, driver, to: data)
        }
    }

    package static func cuPointerGetAttributes(
        _ count: UInt32,
        _ attributes: UnsafeMutablePointer<CUpointer_attribute>?,
        _ data: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ address: CUdeviceptr
    ) -> CUresult {
        withPointers { (driver) throws(Failure) in
            let (attributes, data) = (try required(attributes), try required(data))
            guard count > 0 else { throw .invalidValue }
            let region = driver.region(at: address)
            for index in 0..<Int(count) {
                let target = try required(data[index])
                do throws(Failure) {
                    try write(attributes[index], of: address, region, driver, to: target)
                } catch {
                    // What does not apply to the memory is no error here.
                    try writeDefault(attributes[index], to: target)
                }
            }
        }
    }

    package static func cuPointerSetAttribute(
        _ value: UnsafeRawPointer?,
        _ attribute: CUpointer_attribute,
        _ address: CUdeviceptr
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            _ = try required(value)
            guard attribute == PointerAttribute.syncMemops,
                case .device = context.driver.region(at: address)
            else { throw .invalidValue }
        }
    }

    private static func write(
        _ attribute: CUpointer_attribute,
        of address: CUdeviceptr,
        _ region: Region,
        _ driver: SoftDriver,
        to data: UnsafeMutableRawPointer
    ) throws(Failure) {
        let facts: PointerFacts
        switch region {
        case .device(let device, let base, let size):
            facts = PointerFacts(device, base, size)
        case .pinned(let block): facts = PointerFacts(block, driver)
        case .other: throw .invalidValue
        }
        switch attribute {
        case PointerAttribute.context: store(facts.context, data)
        case PointerAttribute.memoryType: store(facts.memoryType, data)
        case PointerAttribute.devicePointer: store(address, data)
        case PointerAttribute.hostPointer:
            guard facts.isOnHost else { throw .invalidValue }
            store(address, data)
        case PointerAttribute.bufferID, PointerAttribute.blockID: store(facts.id, data)
        case PointerAttribute.isManaged: store(UInt32(facts.isManaged ? 1 : 0), data)
        case PointerAttribute.deviceOrdinal: store(facts.ordinal, data)
        case PointerAttribute.rangeStart, PointerAttribute.mappingBase: store(facts.base, data)
        case PointerAttribute.rangeSize, PointerAttribute.mappingSize: store(facts.size, data)
        case PointerAttribute.isMapped: store(UInt32(1), data)
        case PointerAttribute.accessFlags: store(UInt32(3), data)
        case PointerAttribute.memoryPool: store(facts.pool, data)
        case PointerAttribute.handleTypes: store(UInt64(0), data)
        case PointerAttribute.syncMemops, PointerAttribute.isIPCCapable,
            PointerAttribute.isRDMACapable, PointerAttribute.isDecompressCapable:
            store(UInt32(0), data)
        default: throw .invalidValue
        }
    }

    /// What is said where an attribute does not apply, or of memory that the driver does not know.
    private static func writeDefault(
        _ attribute: CUpointer_attribute,
        to data: UnsafeMutableRawPointer
    ) throws(Failure) {
        switch attribute {
        case PointerAttribute.deviceOrdinal: store(Int32(-2), data)
        case PointerAttribute.memoryType, PointerAttribute.isManaged,
            PointerAttribute.isMapped, PointerAttribute.syncMemops,
            PointerAttribute.isIPCCapable, PointerAttribute.isRDMACapable,
            PointerAttribute.accessFlags, PointerAttribute.isDecompressCapable:
            store(UInt32(0), data)
        case 1...21: store(UInt64(0), data)
        default: throw .invalidValue
        }
    }

    private static func store<T: BitwiseCopyable>(_ value: T, _ data: UnsafeMutableRawPointer) {
        data.storeBytes(of: value, as: T.self)
    }
}

/// What the attributes of a pointer are derived from.
private struct PointerFacts {
    var context: UInt64
    /// 1 host, 2 device.
    var memoryType: UInt32
    var isOnHost: Bool
    var isManaged: Bool
    var ordinal: Int32
    var base: UInt64
    var size: Int
    var id: UInt64
    /// The memory pool that it is from; 0 for none.
    var pool: UInt64 = 0

    init(_ device: Device, _ base: UInt64, _ size: Int) {
        let allocation = device.allocations.find(base)
        pool = allocation?.pool?.handle ?? 0
        // Memory of a pool may be of another GPU than its stream.
        let slot = pool == 0 ? allocation?.context.slot : nil
        context = (slot ?? device.primarySlot).handle
        memoryType = 2
        isManaged = allocation?.isManaged ?? false
        isOnHost = isManaged
        ordinal = Int32(device.ordinal)
        self.base = base
        self.size = size
        id = allocation?.id ?? base
    }

    init(_ block: HostBlock, _ driver: SoftDriver) {
        let slot: ContextSlot = block.context?.slot ?? driver.devices[0].primarySlot
        context = slot.handle
        memoryType = block.isManaged ? 2 : 1
        isOnHost = true
        isManaged = block.isManaged
        ordinal = Int32(slot.device.ordinal)
        base = block.base
        size = block.size
        id = block.base
    }
}
