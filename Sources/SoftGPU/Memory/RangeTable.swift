import CLanes

/// Foreign memory that kernels may use, readable without a lock while it changes: each change
/// makes a new list, and old lists stay until the table goes, because a running kernel may be
/// looking at one.
final class RangeTable: @unchecked Sendable {
    /// What handlers read: the count is lowered before and raised after the list changes.
    let table: UnsafeMutablePointer<LaneRanges>
    private let lock = Lock()
    private var lists: [UnsafeMutablePointer<LaneRange>] = []
    private var current: [LaneRange] = []

    init() {
        table = .allocate(capacity: 1)
        table.initialize(to: LaneRanges(count: 0, first: nil))
    }

    deinit {
        for list in lists { list.deallocate() }
        table.deallocate()
    }

    func add(_ range: LaneRange) {
        lock.withLock {
            current.removeAll { $0.base == range.base }
            current.append(range)
            publish()
        }
    }

    func remove(_ base: UInt64) {
        lock.withLock {
            current.removeAll { $0.base == base }
            publish()
        }
    }

    /// A reader sees the old count with the old or the new list, then the new ones; lists are
    /// padded to the longest so far, so that any count it pairs with a list is within bounds.
    private func publish() {
        let room = max(16, Int(current.count), Int(table.pointee.count))
        let list = UnsafeMutablePointer<LaneRange>.allocate(capacity: room)
        list.initialize(repeating: LaneRange(base: 0, size: 0, shadow: nil), count: room)
        for (k, range) in current.enumerated() { list[k] = range }
        lists.append(list)
        let fewer = min(Int(table.pointee.count), current.count)
        table.pointee.count = UInt64(fewer)
        lane_fence()
        table.pointee.first = UnsafePointer(list)
        lane_fence()
        table.pointee.count = UInt64(current.count)
    }
}
