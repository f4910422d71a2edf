internal import DriverFrontend

/// Ordinals of the GPUs that a context has enabled access to. Safe to use from any thread.
final class PeerSet: @unchecked Sendable {
    private let lock = ForkSafeLock()
    private var ordinals: Set<Int> = []

    /// False when it was there already.
    func insert(_ ordinal: Int) -> Bool {
        lock.withLock { ordinals.insert(ordinal).inserted }
    }

    /// False when it was not there.
    func remove(_ ordinal: Int) -> Bool {
        lock.withLock { ordinals.remove(ordinal) != nil }
    }
}
