import CLanes

/// Atomic operations and fences.
package enum AtomicOps {
    /// Orders memory accesses for all threads.
    package static func fence() -> Handler {
        { _, _, _, _ in lane_fence() }
    }
}
