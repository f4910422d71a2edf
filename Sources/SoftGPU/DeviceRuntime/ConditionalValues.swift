/// The values of the handles by which kernels steer the conditional nodes of graphs (`cudaGraphSetConditional`).
///
/// Thread-safe.
public final class ConditionalValues: @unchecked Sendable {
    private let lock = Lock()
    private var values: [UInt64: UInt32] = [:]

    init() {}

    /// Makes a handle known.
    public func add(_ handle: UInt64, _ value: UInt32) { lock.withLock { values[handle] = value } }

    /// Forgets a handle.
    public func remove(_ handle: UInt64) { lock.withLock { values[handle] = nil } }

    /// The value of a handle; 0 for one that is not known.
    public func value(_ handle: UInt64) -> UInt32 { lock.withLock { values[handle] ?? 0 } }

    /// Gives a handle another value.
    ///
    /// - Returns: `false` when it is not known.
    @discardableResult
    public func set(_ handle: UInt64, _ value: UInt32) -> Bool {
        lock.withLock {
            guard values[handle] != nil else { return false }
            values[handle] = value
            return true
        }
    }
}
