import CLinux
import DriverFrontend
import Foundation
import TestSupport
import Testing

@Suite struct ForkSafeLockTests {
    /// A counter that only the lock protects.
    private final class Counter: @unchecked Sendable {
        let lock = ForkSafeLock()
        var value = 0
        var inside = 0
        var overlaps = 0

        func count(_ times: Int) {
            for _ in 0..<times {
                lock.withLock {
                    inside += 1
                    if inside != 1 { overlaps += 1 }
                    value += 1
                    inside -= 1
                }
            }
        }

        /// Counts in several threads at once.
        func run(threads: Int, times: Int) {
            let gates = (0..<threads).map { _ in Gate() }
            for gate in gates {
                Thread.detachNewThread { [self] in
                    count(times)
                    gate.open()
                }
            }
            for gate in gates { gate.wait() }
        }
    }

    @Test func `one thread at a time`() {
        let counter = Counter()
        counter.run(threads: 8, times: 50_000)
        #expect(counter.value == 400_000)
        #expect(counter.overlaps == 0)
    }

    @Test func `trying does not wait`() {
        let lock = ForkSafeLock()
        let taken = [lock.tryLock(), lock.tryLock()]
        lock.unlock()
        #expect(taken == [true, false])
        let again = lock.tryLock()
        #expect(again)
    }

    @Test func `an error gives the lock back`() {
        struct Problem: Error {}
        let lock = ForkSafeLock()
        #expect(throws: Problem.self) { try lock.withLock { throw Problem() } }
        let isFree = lock.tryLock()
        #expect(isFree)
    }

    @Test func `a waiter gets it after the holder`() {
        let counter = Counter()
        counter.lock.lock()
        let gate = Gate()
        Thread.detachNewThread {
            counter.count(1)
            gate.open()
        }
        usleep(20_000)
        #expect(counter.value == 0)
        counter.lock.unlock()
        gate.wait()
        #expect(counter.value == 1)
    }

    /// `Synchronization.Mutex` traps here: the child has its parent's cached thread id.
    @Test func `a forked child uses it under contention`() async {
        await #expect(processExitsWith: .success) {
            let counter = Counter()
            counter.run(threads: 4, times: 10_000)
            let child = fork()
            if child == 0 {
                alarm(20)
                counter.run(threads: 4, times: 10_000)
                _exit(counter.value == 80_000 && counter.overlaps == 0 ? 0 : 1)
            }
            var status: Int32 = -1
            #expect(waitpid(child, &status, 0) == child)
            #expect(status == 0)
        }
    }
}
