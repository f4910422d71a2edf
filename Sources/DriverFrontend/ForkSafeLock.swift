internal import CLinux
internal import Synchronization

/// A lock that survives `fork()`.
///
/// `Synchronization.Mutex` on Linux keeps a cached thread id, so a forked child that inherited a
/// warm cache traps at the first contended unlock. This one knows three states only: 0 free,
/// 1 held, 2 held with waiters. Not recursive.
package struct ForkSafeLock: ~Copyable, @unchecked Sendable {
    private let word = Atomic<UInt32>(0)

    /// A free lock.
    package init() {}

    /// Waits until the lock is free and takes it.
    @inline(__always)
    package borrowing func lock() {
        if word.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged { return }
        lockSlow()
    }

    /// Takes the lock if it is free.
    package borrowing func tryLock() -> Bool {
        word.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged
    }

    /// Gives the lock back.
    @inline(__always)
    package borrowing func unlock() {
        if word.exchange(0, ordering: .releasing) == 2 { wake() }
    }

    /// Runs `body` with the lock held.
    package borrowing func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        lock()
        defer { unlock() }
        return try body()
    }

    @inline(never)
    private borrowing func lockSlow() {
        while word.exchange(2, ordering: .acquiring) != 0 {
            withUnsafePointer(to: self) {
                _ = ferry_futex(UnsafeMutableRawPointer(mutating: $0), 128, 2, nil)
            }
        }
    }

    @inline(never)
    private borrowing func wake() {
        withUnsafePointer(to: self) {
            _ = ferry_futex(UnsafeMutableRawPointer(mutating: $0), 129, 1, nil)
        }
    }
}
