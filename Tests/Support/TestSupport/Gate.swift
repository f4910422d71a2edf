internal import Foundation

/// A gate that opens once, for tests that wait for another thread.
package final class Gate: @unchecked Sendable {
    private let condition = NSCondition()
    private var isOpen = false

    /// A closed gate.
    package init() {}

    /// Opens the gate for everybody.
    package func open() {
        condition.lock()
        isOpen = true
        condition.broadcast()
        condition.unlock()
    }

    /// Waits until the gate is open.
    ///
    /// - Parameter seconds: How long at most.
    /// - Returns: Whether it is open.
    @discardableResult
    package func wait(seconds: Double = 30) -> Bool {
        let end = Date(timeIntervalSinceNow: seconds)
        condition.lock()
        defer { condition.unlock() }
        while !isOpen, condition.wait(until: end) {}
        return isOpen
    }
}
