internal import Driver

/// The memory pools of a GPU. Safe to use from any thread.
final class DevicePools: @unchecked Sendable {
    private struct State {
        var standard: MemoryPool?
        /// The one that `cuMemAllocAsync` uses; `nil` for the standard one.
        var current: MemoryPool?
        /// All that were not destroyed.
        var all: [ObjectIdentifier: MemoryPool] = [:]
    }

    private let lock = Lock()
    private var state = State()

    /// Makes a pool and gives it a handle.
    func make(
        _ device: Device,
        _ driver: SoftDriver,
        most: Int
    ) throws(Failure) -> MemoryPool {
        let memory = try device.engine(driver).memory
        let pool = MemoryPool(device, memory: memory, most: most)
        pool.handle = driver.memoryPools.insert(pool)
        lock.withLock { state.all[ObjectIdentifier(pool)] = pool }
        return pool
    }

    /// The pool that the GPU has from the beginning.
    func standard(_ device: Device, _ driver: SoftDriver) throws(Failure) -> MemoryPool {
        if let pool = lock.withLock({ state.standard }) { return pool }
        let new = try make(device, driver, most: 0)
        let first = lock.withLock { () -> MemoryPool in
            if let first = state.standard { return first }
            state.standard = new
            return new
        }
        if first !== new { remove(new, driver) }
        return first
    }

    /// The pool that memory comes from when the program names none.
    func current(_ device: Device, _ driver: SoftDriver) throws(Failure) -> MemoryPool {
        if let pool = lock.withLock({ state.current }) { return pool }
        return try standard(device, driver)
    }

    /// Makes a pool the current one.
    func use(_ pool: MemoryPool) {
        lock.withLock { state.current = pool }
    }

    /// Forgets a pool, which must not be the standard one.
    ///
    /// - Returns: Whether it was another one.
    @discardableResult
    func remove(_ pool: MemoryPool, _ driver: SoftDriver) -> Bool {
        let isRemoved = lock.withLock { () -> Bool in
            guard state.standard !== pool else { return false }
            if state.current === pool { state.current = nil }
            state.all[ObjectIdentifier(pool)] = nil
            return true
        }
        guard isRemoved else { return false }
        driver.memoryPools.remove(pool.handle)
        pool.destroy()
        return true
    }

    /// Something was waited for: pools give up what they need not keep.
    func trimAfterWait() {
        for pool in lock.withLock({ Array(state.all.values) }) { pool.trimAfterWait() }
    }

    /// Gives up all that is not in use.
    ///
    /// - Returns: Whether there are pools at all.
    func trimAll() -> Bool {
        let pools = lock.withLock { Array(state.all.values) }
        for pool in pools { pool.trim(to: 0) }
        return !pools.isEmpty
    }
}
