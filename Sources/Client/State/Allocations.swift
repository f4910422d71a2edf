internal import CLinux
internal import Driver
internal import DriverFrontend

/// A range of device memory that the program owns.
package struct Allocation: Equatable, Sendable {
    /// Where it begins.
    package var address: UInt64
    /// Bytes.
    package var size: Int
    /// Handle of its context.
    package var context: UInt64
    /// Handle of the module whose variable it is, 0 if none, `ofGraph` for memory of nodes. The program cannot
    /// free these.
    package var image: UInt64
    /// Handle of the memory pool that it is from, 0 if none. It belongs to no context then.
    package var pool: UInt64
    /// Whether the program can use it, too (docs/adr/0022).
    package var sharing: Sharing

    /// As what the program can use memory of the GPU.
    package enum Sharing: Equatable, Sendable {
        case none
        /// `cuMemAllocManaged`, `__managed__`.
        case managed
        /// Page-locked memory that is mapped for the GPU (`CU_MEMHOSTALLOC_DEVICEMAP`).
        case pageLocked
    }

    /// Whether it is managed memory.
    package var isManaged: Bool { sharing == .managed }

    /// In the place of `image`, for what is mapped: no handle is this number.
    private static let mapped = UInt64.max
    /// The same for memory that nodes of a graph take and give back.
    package static let ofGraph = UInt64.max - 1
    /// The same for memory of another process.
    package static let opened = UInt64.max - 2

    /// Whether memory was mapped there (`cuMemMap`). It belongs to no context; neighbours are used in one
    /// piece, and `cuMemFree` is not for it.
    package var isMapping: Bool { image == Self.mapped }

    /// A range with these properties.
    package init(
        address: UInt64,
        size: Int,
        context: UInt64,
        image: UInt64 = 0,
        pool: UInt64 = 0,
        isMapping: Bool = false,
        sharing: Sharing = .none
    ) {
        self.address = address
        self.size = size
        self.context = context
        self.pool = pool
        self.sharing = sharing
        self.image = isMapping ? Self.mapped : image
    }
}

/// The program's device memory, sorted by address, so that pointers can be told apart and checked
/// without asking the server. Thread-safe.
package struct Allocations: ~Copyable {
    private struct List {
        var entries: UnsafeMutablePointer<Allocation>
        var count: Int
        var capacity: Int
    }

    private let lock = ForkSafeLock()
    private let list: UnsafeMutablePointer<List>

    /// No memory yet.
    package init() {
        list = .allocate(capacity: 1)
        list.initialize(to: List(entries: .allocate(capacity: 256), count: 0, capacity: 256))
    }

    /// Remembers a range. What was known of the same memory before is out of date: a variable that
    /// is asked for again, or one whose module is gone.
    package func insert(_ allocation: Allocation) {
        lock.lock()
        defer { lock.unlock() }
        var index = upperBound(allocation.address)
        while index > 0, overlaps(list.pointee.entries[index - 1], allocation) {
            index -= 1
            take(index)
        }
        while index < list.pointee.count, overlaps(list.pointee.entries[index], allocation) {
            take(index)
        }
        if list.pointee.count == list.pointee.capacity { grow() }
        let entries = list.pointee.entries
        memmove(
            entries + index + 1,
            entries + index,
            (list.pointee.count - index) * MemoryLayout<Allocation>.stride
        )
        entries[index] = allocation
        list.pointee.count += 1
    }

    /// Forgets the allocation that starts at `address`; `nil` if none that may be freed does.
    ///
    /// - Parameter isPageLocked: Whether it is to be mapped page-locked memory, or anything but that.
    package func remove(_ address: UInt64, isPageLocked: Bool = false) -> Allocation? {
        lock.lock()
        defer { lock.unlock() }
        let index = upperBound(address) - 1
        guard index >= 0, list.pointee.entries[index].address == address,
            list.pointee.entries[index].image == 0,
            (list.pointee.entries[index].sharing == .pageLocked) == isPageLocked
        else { return nil }
        let found = list.pointee.entries[index]
        take(index)
        return found
    }

    /// Memory that starts at `address` becomes that of a graph's nodes: the program cannot free it any more.
    package func giveToGraph(_ address: UInt64) {
        setImage(of: address, from: 0, to: Allocation.ofGraph)
    }

    /// The same the other way round.
    package func takeFromGraph(_ address: UInt64) {
        setImage(of: address, from: Allocation.ofGraph, to: 0)
    }

    private func setImage(of address: UInt64, from old: UInt64, to new: UInt64) {
        lock.lock()
        defer { lock.unlock() }
        let index = upperBound(address) - 1
        guard index >= 0, list.pointee.entries[index].address == address,
            list.pointee.entries[index].image == old
        else { return }
        list.pointee.entries[index].image = new
    }

    /// Forgets everything that belongs to a context.
    package func removeAll(context: UInt64) {
        removeAll { $0.context == context && !$0.isMapping && $0.pool == 0 }
    }

    /// Forgets memory of another process that starts at `address`.
    package func removeOpened(_ address: UInt64) {
        removeAll { $0.address == address && $0.image == Allocation.opened }
    }

    /// Forgets what was mapped in a range.
    package func removeMappings(_ address: UInt64, _ size: Int) {
        removeAll {
            $0.isMapping && $0.address >= address && $0.address - address < UInt64(size)
        }
    }

    /// Forgets the variables of a module.
    package func removeAll(image: UInt64) {
        removeAll { $0.image == image }
    }

    private func removeAll(where isGone: (Allocation) -> Bool) {
        lock.lock()
        defer { lock.unlock() }
        var index = list.pointee.count - 1
        while index >= 0 {
            if isGone(list.pointee.entries[index]) { take(index) }
            index -= 1
        }
    }

    private func overlaps(_ old: Allocation, _ new: Allocation) -> Bool {
        if old.address == new.address { return true }
        return old.address < new.address
            ? new.address - old.address < UInt64(old.size)
            : old.address - new.address < UInt64(new.size)
    }

    /// The allocation that `address` lies in.
    package func find(_ address: UInt64) -> Allocation? {
        lock.lock()
        defer { lock.unlock() }
        let index = upperBound(address) - 1
        guard index >= 0 else { return nil }
        let entry = list.pointee.entries[index]
        return address - entry.address < UInt64(entry.size) ? entry : nil
    }

    /// Whether `bytes` bytes from `address` lie within one allocation, or in mappings one behind another.
    package func contains(_ address: UInt64, _ bytes: Int) -> Bool {
        guard bytes >= 0 else { return false }
        lock.lock()
        let index = upperBound(address) - 1
        guard index >= 0 else {
            lock.unlock()
            return false
        }
        // Not the whole entry: this is asked for every copy.
        let offset = address - list.pointee.entries[index].address
        let size = UInt64(list.pointee.entries[index].size)
        let isMapping = list.pointee.entries[index].isMapping
        lock.unlock()
        if UInt64(bytes) <= size, offset <= size - UInt64(bytes) { return offset < size }
        guard offset < size, isMapping, let entry = find(address) else { return false }
        return goesOn(behind: entry, address, bytes)
    }

    /// Whether mappings one behind another hold what the first one does not.
    @inline(never)
    private func goesOn(behind first: Allocation, _ address: UInt64, _ bytes: Int) -> Bool {
        var (entry, start, left) = (first, address, UInt64(bytes))
        while true {
            let here = UInt64(entry.size) - (start - entry.address)
            if left <= here { return true }
            left -= here
            start = entry.address &+ UInt64(entry.size)
            guard let next = find(start), next.isMapping else { return false }
            entry = next
        }
    }

    /// Index of the first entry above `address`.
    private func upperBound(_ address: UInt64) -> Int {
        var low = 0
        var high = list.pointee.count
        while low < high {
            let middle = (low + high) / 2
            if list.pointee.entries[middle].address <= address {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    private func take(_ index: Int) {
        let entries = list.pointee.entries
        memmove(
            entries + index,
            entries + index + 1,
            (list.pointee.count - index - 1) * MemoryLayout<Allocation>.stride
        )
        list.pointee.count -= 1
    }

    private func grow() {
        let larger = UnsafeMutablePointer<Allocation>.allocate(capacity: list.pointee.capacity * 2)
        larger.moveInitialize(from: list.pointee.entries, count: list.pointee.count)
        list.pointee.entries.deallocate()
        list.pointee.entries = larger
        list.pointee.capacity *= 2
    }
}
