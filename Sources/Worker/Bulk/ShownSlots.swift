internal import Wire

/// Slots that a channel has shown to its client and that the client has not read yet, oldest first.
struct ShownSlots {
    private var slots: InlineArray<4, Int> = .init(repeating: 0)
    private var first = 0
    private var count = 0

    /// Whether there are as many as a channel may have.
    var isFull: Bool { count == BulkFrame.mostUnclaimed }
    /// Whether there are none.
    var isEmpty: Bool { count == 0 }

    /// Adds a slot; not full.
    mutating func append(_ slot: Int) {
        slots[(first + count) % BulkFrame.mostUnclaimed] = slot
        count += 1
    }

    /// Takes the oldest; not empty.
    mutating func removeFirst() -> Int {
        defer {
            first = (first + 1) % BulkFrame.mostUnclaimed
            count -= 1
        }
        return slots[first]
    }
}
