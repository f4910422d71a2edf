internal import CUDAABI
internal import DriverFrontend
internal import Synchronization

/// Launches that are not executed and were found to be in order: the same ones need not be checked
/// again until something that the check depends on has changed.
///
/// Without it the checks, which are nothing beside a kernel, would be most of what is measured.
/// Safe to use from any thread.
enum RememberedLaunches {
    /// All that the check depends on, besides what `forget` is called for.
    struct Key: Equatable {
        var context: UInt64
        var function: UInt64
        var stream: UInt64
        var grid: Dimensions
        var block: Dimensions
        var sharedBytes: Int
        var isCooperative: Bool

        @inline(__always)
        init(
            context: UInt64,
            function: CUfunction?,
            stream: CUstream?,
            _ configuration: LaunchConfiguration
        ) {
            self.context = context
            self.function = number(function)
            self.stream = number(stream)
            grid = configuration.grid
            block = configuration.block
            sharedBytes = configuration.dynamicSharedBytes
            isCooperative = configuration.cooperative
        }
    }

    struct Answer {
        /// Addresses that the launch must bring.
        var parameterCount: Int
        /// How long the call takes.
        var nanoseconds: UInt64
    }

    private struct Entry {
        var key: Key
        var answer: Answer
        var epoch: UInt64
    }

    private static let size = 64
    private static let epochs = Atomic<UInt64>(1)
    private static let isUsed = Atomic<Bool>(false)
    private static let lock = ForkSafeLock()
    /// Guarded by `lock`.
    nonisolated(unsafe) private static let entries: UnsafeMutablePointer<Entry?> = {
        let entries = UnsafeMutablePointer<Entry?>.allocate(capacity: size)
        entries.initialize(repeating: nil, count: size)
        return entries
    }()

    /// Changes when something changes that a check depends on.
    static var epoch: UInt64 { epochs.load(ordering: .acquiring) }

    /// Something has changed: a handle or a context has ended, or a setting is another one.
    static func forget() {
        epochs.add(1, ordering: .acquiringAndReleasing)
    }

    /// The answer to a launch that has been checked before.
    @inline(__always)
    static func find(_ key: Key) -> Answer? {
        guard isUsed.load(ordering: .relaxed) else { return nil }
        lock.lock()
        defer { lock.unlock() }
        guard let entry = entries[place(key)], entry.epoch == epoch, entry.key == key else {
            return nil
        }
        return entry.answer
    }

    /// Keeps the answer to a launch that was checked when the epoch was `epoch`.
    static func remember(_ key: Key, _ answer: Answer, since epoch: UInt64) {
        isUsed.store(true, ordering: .relaxed)
        lock.withLock {
            entries[place(key)] = Entry(key: key, answer: answer, epoch: epoch)
        }
    }

    @inline(__always)
    private static func place(_ key: Key) -> Int {
        let mixed = (key.function &+ key.stream &* 31 &+ UInt64(key.grid.x)) >> 4
        return Int(truncatingIfNeeded: mixed) & (size - 1)
    }
}
