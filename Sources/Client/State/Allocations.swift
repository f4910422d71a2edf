internal import CLinux
internal import Driver
internal import DriverFrontend

/// A range of device memory that the program owns.
struct Allocation {
    var address: UInt64
    var size: Int
    var context: UInt64
    /// A module's variable: it cannot be freed by the program.
    var isVariable: Bool
}

/// The program's device memory, sorted by address, so that pointers can be told apart and checked
/// without asking the server. Thread-safe.
struct Allocations: ~Copyable {
    private struct List {
        var entries: UnsafeMutablePointer<Allocation>
        var count: Int
        var capacity: Int
    }

    private let lock = ForkSafeLock()
    private let list: UnsafeMutablePointer<List>

    init() {
        list = .allocate(capacity: 1)
        list.initialize(to: List(entries: .allocate(capacity: 256), count: 0, capacity: 256))
    }

    /// Remembers a range. A variable that is asked for again is kept once.
    func insert(_ allocation: Allocation) {
        lock.lock()
        defer { lock.unlock() }
        let index = upperBound(allocation.address)
        if index > 0, list.pointee.entries[index - 1].address == allocation.address {
            list.pointee.entries[index - 1] = allocation
            return
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
    func remove(_ address: UInt64) -> Allocation? {
        lock.lock()
        defer { lock.unlock() }
        let index = upperBound(address) - 1
        guard index >= 0, list.pointee.entries[index].address == address,
            !list.pointee.entries[index].isVariable
        else { return nil }
        let found = list.pointee.entries[index]
        take(index)
        return found
    }

    /// Forgets everything that belongs to a context.
    func removeAll(context: UInt64) {
        lock.lock()
        defer { lock.unlock() }
        var index = list.pointee.count - 1
        while index >= 0 {
            if list.pointee.entries[index].context == context { take(index) }
            index -= 1
        }
    }

    /// The allocation that `address` lies in.
    func find(_ address: UInt64) -> Allocation? {
        lock.lock()
        defer { lock.unlock() }
        let index = upperBound(address) - 1
        guard index >= 0 else { return nil }
        let entry = list.pointee.entries[index]
        return address - entry.address < UInt64(entry.size) ? entry : nil
    }

    /// Whether `bytes` bytes from `address` lie within one allocation.
    func contains(_ address: UInt64, _ bytes: Int) -> Bool {
        guard bytes >= 0, let entry = find(address) else { return false }
        return UInt64(bytes) <= UInt64(entry.size) - (address - entry.address)
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
