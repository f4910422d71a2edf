package import CUDAABI
internal import Wire

/// A memory pool of the driver's.
package struct MemoryPool: BitwiseCopyable {
    /// The driver's handle.
    package var pool: CUmemoryPool?
    /// Whose memory it is.
    package var device: Int32
    /// Whether the driver made it, so that it cannot be destroyed.
    package var isStandard: Bool
    /// Bytes that count against the slice: what the pool had of the GPU's memory when that was asked last.
    package var charge: UInt64 = 0
    /// Allocations of it that the client has.
    package var allocations = 0

    /// A pool of which nothing is in use.
    package init(pool: CUmemoryPool?, device: Int32, isStandard: Bool) {
        self.pool = pool
        self.device = device
        self.isStandard = isStandard
    }
}

/// The pools that the client has, and those that it has destroyed but that still have memory: the driver
/// keeps it until it was given back, and so it counts as long.
///
/// Used by the reader thread alone; lives as long as the process.
package final class MemoryPoolTable: @unchecked Sendable {
    /// Pools at most.
    package static let most = 4096

    /// By the client's handles; those of destroyed pools, too.
    package private(set) var pools: [UInt64: MemoryPool] = [:]
    /// Which of them the client has destroyed.
    private var destroyed: Set<UInt64> = []

    package init() {}

    package var isEmpty: Bool { pools.isEmpty }

    /// Whether a pool can be made under this handle.
    package func accepts(_ handle: UInt64, kind: UInt64) -> Bool {
        HandleKind.kind(handle) == kind && pools[handle] == nil && pools.count < Self.most
    }

    /// A pool that the client has.
    package func find(_ handle: UInt64) -> MemoryPool? {
        destroyed.isEmpty || !destroyed.contains(handle) ? pools[handle] : nil
    }

    /// Keeps a pool.
    package func insert(_ handle: UInt64, _ pool: MemoryPool) { pools[handle] = pool }

    /// Changes what is known of a pool, destroyed or not.
    package func update(_ handle: UInt64, _ body: (inout MemoryPool) -> Void) {
        guard var pool = pools[handle] else { return }
        body(&pool)
        pools[handle] = pool
    }

    /// The client has destroyed a pool.
    package func destroy(_ handle: UInt64) { destroyed.insert(handle) }

    /// Pools that the client has destroyed and that the driver still has.
    package var waiting: [UInt64] { Array(destroyed) }

    /// The driver has destroyed a pool, too.
    package func remove(_ handle: UInt64) {
        pools[handle] = nil
        destroyed.remove(handle)
    }

    /// Whether the client has a name for the pool that a GPU has from the beginning.
    package func hasStandard(of device: Int32) -> Bool {
        pools.contains { $0.value.isStandard && $0.value.device == device }
    }
}
