/// A range of a GPU's memory that the client has been told of.
struct Allocation {
    var address: UInt64
    var bytes: UInt64
    /// Bytes that count against the slice.
    var charge: UInt64
    var device: Int32
    var context: UInt32
    /// The handle of the image whose global variable it is; 0 for memory that was allocated.
    var image: UInt64
    /// The handle of the memory pool that it is from; 0 for other memory.
    var pool: UInt64 = 0
}

/// The ranges by address. Used by the reader thread alone; lives as long as the process.
struct AllocationTable: @unchecked Sendable {
    private struct State {
        var entries: UnsafeMutablePointer<Allocation>
        var count = 0
        var capacity = 256
    }

    /// Ranges at most.
    static let most = 1 << 20
    private let state: UnsafeMutablePointer<State>

    init() {
        state = .allocate(capacity: 1)
        state.initialize(to: State(entries: .allocate(capacity: 256)))
    }

    var isFull: Bool { state.pointee.count >= Self.most }

    /// The range that an address lies in.
    @inline(__always)
    func find(_ address: UInt64) -> Allocation? {
        let index = upperBound(address) - 1
        guard index >= 0 else { return nil }
        let entry = state.pointee.entries[index]
        return address - entry.address < max(1, entry.bytes) ? entry : nil
    }

    /// Keeps a range; one that starts at the same address is replaced.
    func insert(_ allocation: Allocation) {
        let index = upperBound(allocation.address)
        if index > 0, state.pointee.entries[index - 1].address == allocation.address {
            state.pointee.entries[index - 1] = allocation
            return
        }
        if state.pointee.count == state.pointee.capacity { grow() }
        let entries = state.pointee.entries
        let tail = state.pointee.count - index
        (entries + index + 1).update(from: entries + index, count: tail)
        entries[index] = allocation
        state.pointee.count += 1
    }

    /// Forgets the range that starts at this address.
    func remove(_ address: UInt64) {
        let index = upperBound(address) - 1
        guard index >= 0, state.pointee.entries[index].address == address else { return }
        let entries = state.pointee.entries
        (entries + index).update(from: entries + index + 1, count: state.pointee.count - index - 1)
        state.pointee.count -= 1
    }

    /// Forgets all ranges for which `body` says so.
    func removeAll(where body: (Allocation) -> Bool) {
        let entries = state.pointee.entries
        var kept = 0
        for index in 0..<state.pointee.count where !body(entries[index]) {
            entries[kept] = entries[index]
            kept += 1
        }
        state.pointee.count = kept
    }

    /// Index of the first range above the address.
    @inline(__always)
    private func upperBound(_ address: UInt64) -> Int {
        var low = 0
        var high = state.pointee.count
        while low < high {
            let middle = (low + high) / 2
            if state.pointee.entries[middle].address <= address {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    private func grow() {
        let capacity = state.pointee.capacity * 2
        let entries = UnsafeMutablePointer<Allocation>.allocate(capacity: capacity)
        entries.moveInitialize(from: state.pointee.entries, count: state.pointee.count)
        state.pointee.entries.deallocate()
        state.pointee.entries = entries
        state.pointee.capacity = capacity
    }
}
