internal import CLinux
internal import Synchronization

/// A lock that survives `fork()`.
///
/// `Synchronization.Mutex` on Linux keeps a cached thread id, so a forked child that inherited a
/// warm cache traps at the first contended unlock. This one knows three states only: 0 free,
/// 1 held, 3 held with waiters. Not recursive.
package struct ForkSafeLock: ~Copyable, @unchecked Sendable {
    private let word = Atomic<UInt32>(0)

    /// How often a thread looks at a lock that is held before it sleeps: a microsecond or two.
    private static let looks = 100

    /// A free lock.
    package init() {}

    /// Waits until the lock is free and takes it.
    @inline(__always)
    package borrowing func lock() {
        if tryLock() { return }
        lockSlow()
    }

    /// Takes the lock if it is free.
    @inline(__always)
    package borrowing func tryLock() -> Bool {
        // One bit is asked for and set: a single instruction on x86.
        word.bitwiseOr(1, ordering: .acquiring).oldValue & 1 == 0
    }

    /// Gives the lock back.
    @inline(__always)
    package borrowing func unlock() {
        if release() { wake() }
    }

    /// Gives the lock back, and leaves it to the caller to `wake` somebody.
    ///
    /// - Returns: Whether somebody waits for it.
    @inline(__always)
    package borrowing func release() -> Bool { word.exchange(0, ordering: .releasing) == 3 }

    /// Makes the lock free, whoever holds it: in a child, which has not inherited that thread.
    package borrowing func forceFree() { word.store(0, ordering: .releasing) }

    /// Runs `body` with the lock held.
    package borrowing func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        lock()
        defer { unlock() }
        return try body()
    }

    @inline(never)
    private borrowing func lockSlow() {
        // What it guards takes less time than to fall asleep and be woken.
        for _ in 0..<Self.looks {
            if word.load(ordering: .relaxed) == 0, tryLock() { return }
            ferry_pause_cpu()
        }
        while word.exchange(3, ordering: .acquiring) & 1 != 0 {
            withUnsafePointer(to: self) {
                _ = ferry_futex(UnsafeMutableRawPointer(mutating: $0), 128, 3, nil)
            }
        }
    }

    /// Wakes one that waits.
    @inline(never)
    package borrowing func wake() {
        withUnsafePointer(to: self) {
            _ = ferry_futex(UnsafeMutableRawPointer(mutating: $0), 129, 1, nil)
        }
    }
}
