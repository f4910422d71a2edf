import CLinux
import DriverFrontend
import Foundation
import TestSupport
import Testing

/// The stack belongs to a thread, so each test has one of its own.
@Suite struct ContextStackTests {
    /// Runs `body` on a new thread and returns what it returns.
    private func onNewThread<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }

    @Test func `push, replace, pop`() async {
        let seen = await onNewThread { () -> [UInt64] in
            var seen = [ContextStack.current]
            seen.append(UInt64(ContextStack.push(10)))
            seen.append(UInt64(ContextStack.push(20)))
            seen.append(ContextStack.current)
            ContextStack.replace(30)
            seen.append(ContextStack.current)
            seen.append(ContextStack.pop() ?? 0)
            seen.append(ContextStack.current)
            seen.append(ContextStack.pop() ?? 0)
            seen.append(ContextStack.pop() ?? 99)
            return seen
        }
        #expect(seen == [0, 0, 0, 20, 30, 30, 10, 10, 99])
    }

    @Test func `setting a context on an empty stack makes it current, setting none pops`() async {
        let seen = await onNewThread { () -> [UInt64] in
            ContextStack.replace(5)
            var seen = [ContextStack.current]
            _ = ContextStack.push(6)
            ContextStack.replace(0)
            seen.append(ContextStack.current)
            ContextStack.replace(0)
            ContextStack.replace(0)
            seen.append(ContextStack.current)
            return seen
        }
        #expect(seen == [5, 5, 0])
    }

    @Test func `a destroyed context leaves the top only`() async {
        let seen = await onNewThread { () -> [UInt64] in
            _ = ContextStack.push(1)
            _ = ContextStack.push(2)
            ContextStack.drop(1)
            var seen = [ContextStack.current]
            ContextStack.drop(2)
            seen.append(ContextStack.current)
            return seen
        }
        #expect(seen == [2, 1])
    }

    @Test func `32 contexts fit`() async {
        let statuses = await onNewThread { (0..<34).map { ContextStack.push(UInt64($0 + 1)) } }
        #expect(statuses == Array(repeating: 0, count: 32) + [2, 2])
    }

    @Test func `a thread does not see the stack of another`() async {
        let seen = await onNewThread { () -> UInt64 in
            _ = ContextStack.push(77)
            let done = Gate()
            nonisolated(unsafe) var other: UInt64 = 1
            Thread.detachNewThread {
                other = ContextStack.current
                _ = ContextStack.push(88)
                done.open()
            }
            done.wait()
            return other * 1000 + ContextStack.current
        }
        #expect(seen == 77)
    }
}
