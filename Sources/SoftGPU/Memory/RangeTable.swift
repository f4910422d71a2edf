import CLanes

/// Foreign memory that kernels may use, readable without a lock while it changes.
///
/// A reader takes the sequence number before and after its search and searches again when it
/// changed. Lists that grew stay until the table goes, because a reader may still look at one.
final class RangeTable: @unchecked Sendable {
    /// What handlers read.
    let table: UnsafeMutablePointer<LaneRanges>
    private let lock = Lock()
    private var lists: [UnsafeMutablePointer<LaneRange>] = []
    private var capacity = 0
    private var current: [LaneRange] = []

    init() {
        table = .allocate(capacity: 1)
        table.initialize(to: LaneRanges(sequence: 0, count: 0, first: nil))
    }

    deinit {
        for list in lists { list.deallocate() }
        table.deallocate()
    }

    /// Adds a range, or replaces the one with the same start.
    func add(_ range: LaneRange) {
        lock.withLock {
            current.removeAll { $0.base == range.base }
            current.append(range)
            publish()
        }
    }

    /// Takes out the range that starts at `base`.
    func remove(_ base: UInt64) {
        lock.withLock {
            guard let k = current.firstIndex(where: { $0.base == base }) else { return }
            current.remove(at: k)
            publish()
        }
    }

    private func publish() {
        let sequence = UnsafeMutableRawPointer(table).assumingMemoryBound(to: UInt64.self)
        _ = lane_atomic_add_u64(sequence, 1)
        if current.count > capacity {
            capacity = max(16, current.count * 2)
            let list = UnsafeMutablePointer<LaneRange>.allocate(capacity: capacity)
            list.initialize(
                repeating: LaneRange(base: 0, size: 0, shadow: nil),
                count: capacity
            )
            lists.append(list)
        }
        if let list = lists.last {
            for (k, range) in current.enumerated() { list[k] = range }
            table.pointee.first = UnsafePointer(list)
        }
        table.pointee.count = UInt64(current.count)
        _ = lane_atomic_add_u64(sequence, 1)
    }
}
