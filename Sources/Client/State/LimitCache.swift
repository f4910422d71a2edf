internal import DriverFrontend

/// What the server has said of the limits of contexts. They stay what they are until the program changes
/// one; cuBLASLt asks before each product of matrices. Of a bounded size; thread-safe.
package final class LimitCache: Sendable {
    private struct Entry {
        var context: UInt32
        var limit: Int32
        var value: Int
    }

    private static let capacity = 64
    private nonisolated(unsafe) let entries: UnsafeMutablePointer<Entry?>
    private let lock = ForkSafeLock()

    /// `CU_LIMIT_STACK_SIZE`, which the driver raises by itself when a kernel needs more.
    private static let stackSize: Int32 = 0

    /// No values yet.
    package init() {
        entries = .allocate(capacity: Self.capacity)
        entries.initialize(repeating: nil, count: Self.capacity)
    }

    deinit { entries.deallocate() }

    /// The value of a limit in a context, if it is known.
    package func value(of limit: Int32, in context: UInt32) -> Int? {
        lock.withLock {
            guard let entry = entries[Self.place(limit, context)], entry.limit == limit,
                entry.context == context
            else { return nil }
            return entry.value
        }
    }

    /// Notes what the server has said, in the place of another one if need be.
    package func note(_ value: Int, of limit: Int32, in context: UInt32) {
        guard limit != Self.stackSize else { return }
        let entry = Entry(context: context, limit: limit, value: value)
        lock.withLock { entries[Self.place(limit, context)] = entry }
    }

    /// Forgets all: a limit was changed, or a context has ended.
    package func clear() {
        lock.withLock { entries.update(repeating: nil, count: Self.capacity) }
    }

    private static func place(_ limit: Int32, _ context: UInt32) -> Int {
        (Int(context) &* 16 &+ Int(limit)) & (capacity - 1)
    }
}
