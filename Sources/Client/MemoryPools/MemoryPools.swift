internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Synchronization
internal import Wire

/// A memory pool.
struct MemoryPoolEntry {
    /// The GPU whose memory it is, as the program counts.
    var device: Int32
    /// Whether the GPU has it from the beginning.
    var isStandard: Bool
    /// Bytes that it keeps when something is waited for.
    var releaseThreshold: UInt64 = 0
}

/// The pools of the session's GPUs, and memory that was given back to them. Thread-safe.
struct MemoryPoolState: ~Copyable {
    /// Pools of one GPU by their handles; 0 while there is none.
    fileprivate struct OfDevice {
        var standard: UInt64 = 0
        /// The one for who names none; 0 for the standard one.
        var current: UInt64 = 0
    }

    fileprivate let lock = ForkSafeLock()
    fileprivate let devices: UnsafeMutablePointer<OfDevice>
    fileprivate var freed = FreedMemory()
    /// Blocks in `freed`, for who does not have the lock.
    fileprivate let kept = Atomic<Int>(0)

    init() {
        devices = .allocate(capacity: Int(WireFormat.maxDevices))
        devices.initialize(repeating: OfDevice(), count: Int(WireFormat.maxDevices))
    }
}

/// What calls do with pools.
enum MemoryPools {
    typealias State = UnsafeMutablePointer<SessionState>

    // MARK: - Pools

    /// The handle of the pool that a GPU has from the beginning; `nil` when there are too many handles.
    static func standard(_ state: State, _ device: Int32) -> UInt64? {
        state.pointee.memoryPools.lock.lock()
        defer { state.pointee.memoryPools.lock.unlock() }
        let place = state.pointee.memoryPools.devices + Int(device)
        if place.pointee.standard != 0 { return place.pointee.standard }
        guard let handle = make(state, MemoryPoolEntry(device: device, isStandard: true)) else {
            return nil
        }
        place.pointee.standard = handle
        let server = state.pointee.devices.serverOrdinal(device)
        _ = Session.send(
            state,
            .cuDeviceGetDefaultMemPool,
            context: 0,
            size: MemoryPoolLayout.defaultSize
        ) { body in
            body.storeBytes(of: handle, as: UInt64.self)
            body.storeBytes(
                of: UInt64(server),
                toByteOffset: MemoryPoolLayout.device,
                as: UInt64.self
            )
        }
        return handle
    }

    /// The handle of the pool that memory of a GPU comes from when the program names none.
    static func current(_ state: State, _ device: Int32) -> UInt64? {
        let set = state.pointee.memoryPools.lock.withLock {
            state.pointee.memoryPools.devices[Int(device)].current
        }
        return set != 0 ? set : standard(state, device)
    }

    /// Makes a pool the current one of its GPU.
    static func use(_ state: State, _ pool: UInt64, _ device: Int32) {
        state.pointee.memoryPools.lock.withLock {
            state.pointee.memoryPools.devices[Int(device)].current = pool
        }
    }

    /// A handle for a pool; `nil` when there are too many.
    static func make(_ state: State, _ entry: MemoryPoolEntry) -> UInt64? {
        state.pointee.objectLock.withLock { state.pointee.memoryPoolHandles.insert(entry) }
    }

    /// Forgets a pool.
    ///
    /// - Returns: Whether it was there, and one that the program has made.
    static func remove(_ state: State, _ pool: UInt64) -> Bool {
        guard let entry = state.pointee.memoryPoolHandles.find(pool), !entry.pointee.isStandard
        else { return false }
        let device = Int(entry.pointee.device)
        state.pointee.memoryPools.lock.withLock {
            if state.pointee.memoryPools.devices[device].current == pool {
                state.pointee.memoryPools.devices[device].current = 0
            }
        }
        return state.pointee.objectLock.withLock {
            state.pointee.memoryPoolHandles.remove(pool) != nil
        }
    }

    // MARK: - Memory that was given back

    /// Keeps memory that the program has given back.
    static func keep(_ state: State, _ block: FreedMemory.Block) {
        state.pointee.memoryPools.lock.lock()
        defer { state.pointee.memoryPools.lock.unlock() }
        if state.pointee.memoryPools.freed.isFull {
            // The older half is the less likely to be asked for.
            var left = FreedMemory.most / 2
            send(state) { _ in
                left -= 1
                return left >= 0
            }
        }
        state.pointee.memoryPools.freed.add(block)
        note(state)
    }

    /// Memory that the program has given back and asks for again; `nil` if there is none that fits.
    static func take(
        _ state: State,
        bytes: Int,
        pool: UInt64,
        stream: UInt64,
        context: UInt32
    ) -> UInt64? {
        guard mayHaveMemory(state) else { return nil }
        state.pointee.memoryPools.lock.lock()
        defer { state.pointee.memoryPools.lock.unlock() }
        let found = state.pointee.memoryPools.freed.take(
            bytes: bytes,
            pool: pool,
            stream: stream,
            context: context
        )
        note(state)
        return found
    }

    /// Tells the server of all memory that was given back.
    ///
    /// - Returns: Whether there was any.
    @discardableResult
    static func giveAllBack(_ state: State) -> Bool {
        giveBack(state, where: { _ in true })
    }

    /// The same for the memory of a pool.
    static func giveBack(_ state: State, pool: UInt64) {
        giveBack(state) { $0.pool == pool }
    }

    /// The same for memory that was given back in the order of a stream.
    static func giveBack(_ state: State, stream: UInt64) {
        giveBack(state) { $0.stream == stream }
    }

    /// The program waits for something: pools that have more than they are to keep give it up then, which the
    /// server's can do with what they know of.
    @inline(__always)
    static func willWait(_ state: State) {
        guard _slowPath(mayHaveMemory(state)) else { return }
        trim(state)
    }

    /// Has a call made again that found too little memory, if there is some that the server was not told of.
    static func retrying(_ state: State, _ call: () -> CUresult) -> CUresult {
        let status = call()
        guard status == Status.outOfMemory, giveAllBack(state) else { return status }
        return call()
    }

    @inline(never)
    private static func trim(_ state: State) {
        state.pointee.memoryPools.lock.lock()
        defer { state.pointee.memoryPools.lock.unlock() }
        state.pointee.memoryPools.freed.trim { pool in
            state.pointee.memoryPoolHandles.find(pool)?.pointee.releaseThreshold ?? 0
        } _: { block in
            StreamOrdered.free(state, block)
        }
        note(state)
    }

    @inline(__always)
    private static func mayHaveMemory(_ state: State) -> Bool {
        state.pointee.memoryPools.kept.load(ordering: .relaxed) != 0
    }

    /// With the lock held.
    private static func note(_ state: State) {
        state.pointee.memoryPools.kept.store(
            state.pointee.memoryPools.freed.count,
            ordering: .relaxed
        )
    }

    @discardableResult
    private static func giveBack(
        _ state: State,
        where isGone: (FreedMemory.Block) -> Bool
    ) -> Bool {
        guard mayHaveMemory(state) else { return false }
        state.pointee.memoryPools.lock.lock()
        defer { state.pointee.memoryPools.lock.unlock() }
        let before = state.pointee.memoryPools.freed.count
        send(state, where: isGone)
        note(state)
        return state.pointee.memoryPools.freed.count < before
    }

    /// Tells the server. With the lock held, so that nobody's end of a stream comes before its memory.
    private static func send(_ state: State, where isGone: (FreedMemory.Block) -> Bool) {
        state.pointee.memoryPools.freed.removeAll(where: isGone) { StreamOrdered.free(state, $0) }
    }
}
