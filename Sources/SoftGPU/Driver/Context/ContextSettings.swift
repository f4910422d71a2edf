internal import Driver
internal import DriverFrontend

/// Limits and preferences of a context. They are kept and given back; of the limits, those that
/// mean something to the machine are read by it at each launch.
final class ContextSettings: @unchecked Sendable {
    private let lock = ForkSafeLock()
    private var limits: [Int] = [
        1024,  // 0: stack of a thread
        1 << 20,  // 1: printf buffer
        8 << 20,  // 2: heap of kernels
        2,  // 3: depth of launches by kernels
        2048,  // 4: pending launches by kernels
        128,  // 5: granularity of the level 2 cache
        0,  // 6: persisting part of the level 2 cache
        0,  // 7: shared memory for CIG
        0,  // 8: whether CIG is enabled
    ]
    private var preferences: (cache: Int32, sharedBanks: Int32) = (0, 1)

    /// The value of a `CUlimit`.
    func limit(_ number: Int32) throws(Failure) -> Int {
        try lock.withLock { () throws(Failure) in
            guard limits.indices.contains(Int(number)) else {
                throw Failure(Status.unsupportedLimit)
            }
            return limits[Int(number)]
        }
    }

    /// Sets a `CUlimit`; values are rounded as the driver does.
    func setLimit(_ number: Int32, _ value: Int) throws(Failure) {
        try lock.withLock { () throws(Failure) in
            switch number {
            case 0:
                guard (0...512 << 10).contains(value) else { throw .invalidValue }
                limits[0] = max(value, 1024)
            case 1, 2:
                guard (0...1 << 40).contains(value) else { throw .invalidValue }
                limits[Int(number)] = value
            case 5: limits[5] = min(max(value, 32), 128)
            case 6:
                guard value == 0 else { throw .invalidValue }
            default: throw Failure(Status.unsupportedLimit)
            }
        }
    }

    /// What `cuCtxSetCacheConfig` was told.
    var cache: Int32 {
        get { lock.withLock { preferences.cache } }
        set { lock.withLock { preferences.cache = newValue } }
    }

    /// What `cuCtxSetSharedMemConfig` was told.
    var sharedBanks: Int32 {
        get { lock.withLock { preferences.sharedBanks } }
        set { lock.withLock { preferences.sharedBanks = newValue } }
    }
}
