internal import Synchronization

/// One piece of device memory that a program has allocated.
struct Allocation {
    /// Where it starts.
    var base: UInt64
    /// Its bytes.
    var size: Int
    /// The context that it ends with.
    var context: Context
    /// Whether it was allocated as managed memory.
    var isManaged: Bool
    /// The memory pool that it is from, which it ends with instead; `nil` for none.
    var pool: MemoryPool?
    /// Whether nodes of a graph take it and give it back (`GraphMemory`).
    var isOfGraph: Bool
    /// What the attribute "buffer id" says: never used twice.
    var id: UInt64
}

/// Who owns which piece of a GPU's memory. Variables of modules are not in it, so they cannot be
/// freed. Safe to use from any thread.
final class AllocationTable: @unchecked Sendable {
    private let lock = Lock()
    private var entries: [UInt64: Allocation] = [:]
    private static let lastID = Atomic<UInt64>(0)

    func add(
        base: UInt64,
        size: Int,
        context: Context,
        isManaged: Bool,
        pool: MemoryPool? = nil,
        isOfGraph: Bool = false
    ) {
        let allocation = Allocation(
            base: base,
            size: size,
            context: context,
            isManaged: isManaged,
            pool: pool,
            isOfGraph: isOfGraph,
            id: Self.lastID.add(1, ordering: .relaxed).newValue
        )
        lock.withLock { entries[base] = allocation }
    }

    /// The allocation that starts at an address.
    func find(_ base: UInt64) -> Allocation? {
        lock.withLock { entries[base] }
    }

    /// Takes an allocation out.
    func remove(_ base: UInt64) -> Allocation? {
        lock.withLock { entries.removeValue(forKey: base) }
    }

    /// Takes out all that end with a context and returns where they start.
    func removeAll(of context: Context) -> [UInt64] {
        lock.withLock {
            let bases = entries.filter { $0.value.context === context && $0.value.pool == nil }
                .map(\.key)
            for base in bases { entries[base] = nil }
            return bases
        }
    }
}
