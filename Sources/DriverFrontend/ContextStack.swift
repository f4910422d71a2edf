internal import CLinux
internal import Driver

/// The context stack of the calling thread.
///
/// Contexts are plain 64-bit handles here; what they mean is the library's business. The stack
/// lives in thread-local storage and is only ever touched by its own thread.
package enum ContextStack {
    /// The current context of the thread, 0 if none.
    @inline(__always)
    package static var current: UInt64 {
        ferry_thread()?.pointee.current ?? 0
    }

    /// Makes `context` current in place of the one that is; 0 empties the top as the driver does.
    package static func replace(_ context: UInt64) {
        guard let state = ferry_thread() else { return }
        if context == 0 {
            if state.pointee.depth > 0 { setDepth(state.pointee.depth - 1) }
            return
        }
        let depth = max(state.pointee.depth, 1)
        ferry_count_thread()
        slot(depth - 1).pointee = context
        setDepth(depth)
    }

    /// Makes `context` current and keeps the one below it.
    ///
    /// - Returns: A status: out of memory when the stack is 32 deep.
    package static func push(_ context: UInt64) -> Int32 {
        guard let state = ferry_thread(), state.pointee.depth < 32 else {
            return Status.outOfMemory
        }
        slot(state.pointee.depth).pointee = context
        setDepth(state.pointee.depth + 1)
        ferry_count_thread()
        return Status.success
    }

    /// Whether more than one thread of the process has had a context so far.
    @inline(__always)
    package static var areThreadsSeveral: Bool { ferry_counted_threads() > 1 }

    /// Takes the current context off the stack; `nil` when there is none.
    package static func pop() -> UInt64? {
        guard let state = ferry_thread(), state.pointee.depth > 0 else { return nil }
        setDepth(state.pointee.depth - 1)
        return slot(state.pointee.depth).pointee
    }

    /// Takes `context` off the top of the calling thread's stack if it is there, as destroying it
    /// does.
    package static func drop(_ context: UInt64) {
        if current == context { _ = pop() }
    }

    /// Makes the stack this deep, and what is innermost then the current context.
    private static func setDepth(_ depth: Int32) {
        guard let state = ferry_thread() else { return }
        state.pointee.depth = depth
        state.pointee.current = depth > 0 ? slot(depth - 1).pointee : 0
    }

    @inline(__always)
    private static func slot(_ index: Int32) -> UnsafeMutablePointer<UInt64> {
        ferry_thread_contexts().advanced(by: Int(index))
    }
}
