internal import DriverFrontend

/// Answers of the server to questions of how many blocks of a function fit on a multiprocessor: they
/// stay true until an attribute of a function changes. Of a bounded size; thread-safe.
final class OccupancyCache: Sendable {
    /// What was asked.
    struct Question: Equatable, Sendable {
        /// The function's handle.
        var function: UInt64
        /// The current context's identifier.
        var context: UInt32
        var blockSize: Int32
        var sharedBytes: Int
        /// Flags of the call, or `freeMemory`.
        var flags: UInt64

        /// In the place of flags, which have 32 bits: how much dynamic shared memory is left.
        static let freeMemory: UInt64 = 1 << 32

        /// Where the answer is kept.
        var place: Int {
            var value = function ^ UInt64(truncatingIfNeeded: sharedBytes) &<< 20
            value ^= UInt64(UInt32(bitPattern: blockSize)) &<< 40 ^ flags
            value ^= UInt64(context) &<< 8
            return Int(truncatingIfNeeded: (value &* 0x9E37_79B9_7F4A_7C15) >> 55)
        }
    }

    private struct Entry {
        var question: Question
        var answer: Int
    }

    private static let capacity = 512
    private nonisolated(unsafe) let entries: UnsafeMutablePointer<Entry?>
    private let lock = ForkSafeLock()

    init() {
        entries = .allocate(capacity: Self.capacity)
        entries.initialize(repeating: nil, count: Self.capacity)
    }

    deinit { entries.deallocate() }

    /// What the server has answered before.
    func answer(_ question: Question) -> Int? {
        lock.withLock {
            guard let entry = entries[question.place], entry.question == question else {
                return nil
            }
            return entry.answer
        }
    }

    /// Notes an answer, in the place of an older one if need be.
    func note(_ question: Question, _ answer: Int) {
        lock.withLock { entries[question.place] = Entry(question: question, answer: answer) }
    }

    /// Forgets all: a function has changed, or is no more.
    func clear() {
        lock.withLock { entries.update(repeating: nil, count: Self.capacity) }
    }
}
