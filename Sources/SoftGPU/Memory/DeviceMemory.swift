package import CLanes
import CLinux

/// The memory of one software GPU: a reserved range of this process' address space, so that a
/// device address is the host address of the same byte.
///
/// Bounds are exact to the byte: a shadow table holds, for each 256-byte granule, how many of its
/// bytes are allocated, and between two allocations at least one granule is not. Pages are taken
/// from the system when first touched and given back when freed. Safe to use from any thread; a
/// kernel that still uses freed memory gets an illegal-address fault or stale bytes, as on a GPU.
public final class DeviceMemory: @unchecked Sendable {
    /// Why memory could not be set up.
    public enum SetupError: Error {
        /// The system refused memory or a file, with the `errno`.
        case reservationFailed(errno: Int32)
    }

    /// Bytes per granule of the shadow table; also the least alignment.
    static let granule: UInt64 = 256

    /// The GPU's ordinal.
    public let ordinal: Int
    /// Bytes that may be allocated in all.
    public let capacity: Int

    /// Where the arena starts.
    let base: UInt64
    /// Bytes reserved; more than `capacity`, because of guards, fragmentation, and programs that reserve
    /// addresses for all the memory that there is before they take any; and Ferry's client 64 GiB at once, for memory
    /// of the program (docs/adr/0028).
    let size: UInt64
    let shadow: UnsafeMutablePointer<UInt16>
    /// The file that the arena is, at the same offsets; `nil` for memory of this process alone.
    package let file: Int32?
    private let shadowBytes: Int
    private let ranges: RangeTable
    let lock = Lock()
    var allocator: RangeAllocator
    var usedBytes = 0
    /// What is mapped where addresses were reserved.
    var virtual = VirtualMemory()

    /// Reserves the arena of the GPU `ordinal` with room for `capacity` bytes.
    ///
    /// The arena lies at 0x0200_0000_0000 + 1 TiB · ordinal if that is free, else where the system
    /// puts it.
    ///
    /// - Parameter isShared: Whether other processes may be given allocations. They have pages of their
    ///   own then.
    public init(ordinal: Int, capacity: Int, isShared: Bool = false) throws(SetupError) {
        self.ordinal = ordinal
        self.capacity = capacity
        let gibibyte: UInt64 = 1 << 30
        let wanted = UInt64(max(capacity, 0)) &* 4 &+ 130 &* gibibyte
        size = min(wanted, 1 << 40) & ~0xffff
        let hint = 0x0200_0000_0000 &+ UInt64(max(ordinal, 0)) << 40
        file = isShared ? try Self.makeFile(Int(size)) : nil
        base = UInt64(UInt(bitPattern: try Self.reserve(Int(size), at: UInt(hint), file)))
        shadowBytes = Int(size / Self.granule) * MemoryLayout<UInt16>.size
        do {
            shadow = try Self.reserve(shadowBytes, at: 0).assumingMemoryBound(to: UInt16.self)
        } catch {
            munmap(UnsafeMutableRawPointer(bitPattern: UInt(base)), Int(size))
            throw error
        }
        ranges = RangeTable()
        // The first granule stays free, so that base − 1 and base are never both valid.
        allocator = RangeAllocator(first: base + Self.granule, end: base + size)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(bitPattern: UInt(base)), Int(size))
        munmap(shadow, shadowBytes)
        if let file { close(file) }
    }

    private static func makeFile(_ bytes: Int) throws(SetupError) -> Int32 {
        let file = ferry_memfd("ferry-soft-gpu", 1)  // MFD_CLOEXEC
        guard file >= 0, ftruncate(file, bytes) == 0 else {
            let code = ferry_errno()
            if file >= 0 { close(file) }
            throw .reservationFailed(errno: code)
        }
        return file
    }

    private static func reserve(
        _ bytes: Int,
        at hint: UInt,
        _ file: Int32? = nil
    ) throws(SetupError) -> UnsafeMutableRawPointer {
        let pointer = mmap(
            UnsafeMutableRawPointer(bitPattern: hint),
            bytes,
            PROT_READ | PROT_WRITE,
            (file == nil ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED) | MAP_NORESERVE,
            file ?? -1,
            0
        )
        guard let pointer, ferry_map_failed(pointer) == 0 else {
            throw SetupError.reservationFailed(errno: ferry_errno())
        }
        return pointer
    }

    /// Bytes allocated now.
    public var used: Int { lock.withLock { usedBytes } }

    /// Takes `bytes` (at least 1) of memory, aligned to `alignment` (a power of two, at least 256
    /// is used). The contents are undefined. Nil when there is not enough.
    public func allocate(_ bytes: Int, alignment: Int = 256) -> UInt64? {
        guard bytes > 0, alignment > 0, alignment & (alignment - 1) == 0 else { return nil }
        return lock.withLock {
            guard bytes <= capacity - usedBytes else { return nil }
            let align = max(UInt64(alignment), file == nil ? Self.granule : 4096)
            guard
                let address = allocator.allocate(
                    UInt64(bytes),
                    alignment: align,
                    guardBytes: Self.granule
                )
            else { return nil }
            usedBytes += bytes
            mark(address, UInt64(bytes))
            preferLargePages(address, UInt64(bytes))
            return address
        }
    }

    /// Gives an allocation back; false when `address` is not the start of one.
    public func free(_ address: UInt64) -> Bool {
        lock.withLock {
            guard let bytes = allocator.free(address) else { return false }
            usedBytes -= Int(bytes)
            unmark(address, bytes)
            release(address, bytes)
            return true
        }
    }

    /// The allocation that holds `address`, or the mapped memory around it that can be used in one piece;
    /// nil when there is none.
    public func allocation(containing address: UInt64) -> (base: UInt64, size: Int)? {
        lock.withLock {
            guard let found = allocator.allocation(containing: address) else { return nil }
            return virtual.isReserved(found.base) ? virtual.run(containing: address) : found
        }
    }

    /// The allocation that lies nearest to `address`, for messages.
    public func nearestAllocation(to address: UInt64) -> (base: UInt64, size: Int)? {
        lock.withLock { allocator.nearest(to: address) }
    }

    /// Whether all of [address, address + bytes) lies in one allocation.
    public func contains(_ address: UInt64, _ bytes: Int) -> Bool {
        guard bytes >= 0, let found = allocation(containing: address) else { return false }
        return UInt64(bytes) <= found.base + UInt64(found.size) - address
    }

    /// Lets kernels of this GPU use memory that is not its own: the host's (mapped, registered), or
    /// another GPU's. The caller keeps it alive until `unmapForeign`.
    public func mapForeign(_ address: UInt64, _ bytes: Int) {
        guard bytes > 0 else { return }
        ranges.add(LaneRange(base: address, size: UInt64(bytes), shadow: nil))
    }

    /// Takes that back.
    public func unmapForeign(_ address: UInt64) {
        ranges.remove(address)
    }

    /// Lets kernels of this GPU use the memory of `peer`, which must outlive this use.
    public func enablePeer(_ peer: DeviceMemory) {
        guard peer !== self else { return }
        ranges.add(LaneRange(base: peer.base, size: peer.size, shadow: UnsafePointer(peer.shadow)))
    }

    /// Takes that back.
    public func disablePeer(_ peer: DeviceMemory) {
        ranges.remove(peer.base)
    }

    /// What handlers look foreign memory up in; valid as long as this object.
    package var foreignRanges: UnsafePointer<LaneRanges> { UnsafePointer(ranges.table) }

    func mark(_ address: UInt64, _ bytes: UInt64) {
        let first = Int((address - base) / Self.granule)
        let whole = Int(bytes / Self.granule)
        (shadow + first).update(repeating: UInt16(Self.granule), count: whole)
        let rest = bytes % Self.granule
        if rest != 0 { shadow[first + whole] = UInt16(rest) }
    }

    func unmark(_ address: UInt64, _ bytes: UInt64) {
        let first = Int((address - base) / Self.granule)
        let count = Int((bytes + Self.granule - 1) / Self.granule)
        (shadow + first).update(repeating: 0, count: count)
    }

    /// Asks the system for pages of 2 MiB in the inside of a large allocation. A grid goes through
    /// an array in strides, so that with pages of 4 KiB nearly every access of a warp misses the
    /// processor's table of pages. Small allocations would hold much more memory than they use.
    private func preferLargePages(_ address: UInt64, _ bytes: UInt64) {
        guard file == nil else { return }
        let page: UInt64 = 2 << 20
        let first = (address + page - 1) & ~(page - 1)
        let end = (address + bytes) & ~(page - 1)
        guard end > first, end - first >= 2 * page else { return }
        // A system without them refuses, and all is as before.
        madvise(UnsafeMutableRawPointer(bitPattern: UInt(first)), Int(end - first), MADV_HUGEPAGE)
    }

    /// Returns whole pages of a large freed range to the system.
    private func release(_ address: UInt64, _ bytes: UInt64) {
        let page: UInt64 = 4096
        let first = (address + page - 1) & ~(page - 1)
        let end = (address + bytes) & ~(page - 1)
        guard end > first, end - first >= 64 * page else { return }
        // Pages of a file go with the file's part only.
        let advice = file == nil ? MADV_DONTNEED : MADV_REMOVE
        madvise(UnsafeMutableRawPointer(bitPattern: UInt(first)), Int(end - first), advice)
    }
}
