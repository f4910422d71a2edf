internal import Driver
internal import DriverFrontend
internal import SoftDevice
internal import Synchronization

/// A context that lives: the streams, memory, modules and events that programs made in it.
///
/// An error of a kernel stays: every later call in the context returns it until the context is
/// destroyed. Safe to use from any thread.
final class Context: @unchecked Sendable {
    let slot: ContextSlot
    let driver: SoftDriver
    let device: Device
    let memory: DeviceMemory
    let machine: Machine
    /// What `cuCtxGetId` says: never 0, never used twice in a process.
    let id: UInt64
    /// Text that kernels have printed.
    let output: PrintOutput
    /// What launches do; changed by tests only, before they launch.
    var launches: Configuration.Launch
    /// Limits and preferences.
    let settings = ContextSettings()
    /// GPUs whose memory kernels of this context may use.
    let peers = PeerSet()

    /// Held while work is given to a stream, so that the legacy stream and the others agree on
    /// what came first.
    let order = Lock()
    /// The legacy default stream.
    private(set) var legacy: Stream!

    private let failure = Atomic<Int32>(0)
    private let destroyed = Atomic<Bool>(false)
    private let lock = Lock()
    private var streams: [UInt64: Stream] = [:]
    private var threadStreams: [UInt64: Stream] = [:]
    /// Destroyed streams that may still have work.
    private var closingStreams: [Stream] = []
    private var events: Set<UInt64> = []
    private var modules: [UInt64: LoadedModule] = [:]
    private var arrays: Set<UInt64> = []

    private static let lastID = Atomic<UInt64>(0)

    init(
        slot: ContextSlot,
        driver: SoftDriver,
        engine: (memory: DeviceMemory, machine: Machine)
    ) throws(Failure) {
        self.slot = slot
        self.driver = driver
        device = slot.device
        memory = engine.memory
        machine = engine.machine
        id = Self.lastID.add(1, ordering: .relaxed).newValue
        output = PrintOutput()
        launches = driver.launches
        legacy = Stream(context: self, role: .legacy, isBlocking: true, priority: 0)
    }

    // MARK: - State

    /// Fails with the error that a kernel has left, if any. What the kernel printed before it
    /// failed appears first: the call that reports the error may be the only one that waits.
    @inline(__always)
    func check() throws(Failure) {
        let status = failure.load(ordering: .acquiring)
        if status != 0 { try report(status) }
    }

    @inline(never)
    private func report(_ status: Int32) throws(Failure) {
        output.flush()
        throw Failure(status)
    }

    /// The error that stays, 0 if none.
    var status: Int32 { failure.load(ordering: .acquiring) }

    /// Leaves an error for all later calls; the first stays.
    func fail(_ status: Int32) {
        _ = failure.compareExchange(expected: 0, desired: status, ordering: .acquiringAndReleasing)
        RememberedLaunches.forget()
    }

    /// Whether work that has not begun must not begin any more.
    var isStopped: Bool {
        failure.load(ordering: .acquiring) != 0 || destroyed.load(ordering: .acquiring)
    }

    // MARK: - Streams

    /// Makes a stream and returns its handle.
    func makeStream(isBlocking: Bool, priority: Int32) -> UInt64 {
        let stream = Stream(
            context: self,
            role: .created,
            isBlocking: isBlocking,
            priority: priority
        )
        stream.handle = driver.streams.insert(stream)
        lock.withLock { streams[stream.handle] = stream }
        return stream.handle
    }

    /// Takes a stream out; work that it still has is done, and waited for by whoever waits for
    /// the context.
    func removeStream(_ stream: Stream) {
        driver.graphs.removeStream(stream)
        driver.streams.remove(stream.handle)
        lock.withLock {
            closingStreams.removeAll { $0.pendingTicket == nil }
            guard streams.removeValue(forKey: stream.handle) != nil else { return }
            closingStreams.append(stream)
        }
        stream.close()
    }

    /// The default stream of the calling thread.
    func threadStream() -> Stream {
        let thread = StreamThread.current
        return lock.withLock {
            if let stream = threadStreams[thread] { return stream }
            let stream = Stream(context: self, role: .perThread, isBlocking: true, priority: 0)
            threadStreams[thread] = stream
            return stream
        }
    }

    /// All streams but the legacy one.
    func otherStreams() -> [Stream] {
        lock.withLock { Array(streams.values) + Array(threadStreams.values) + closingStreams }
    }

    /// Waits until all work given so far is done, and shows what kernels printed.
    func synchronize() {
        for stream in otherStreams() { stream.lastTicket.wait() }
        legacy.lastTicket.wait()
        output.flush()
    }

    // MARK: - Events, modules and arrays

    func addEvent(_ handle: UInt64) {
        _ = lock.withLock { events.insert(handle) }
    }

    func removeEvent(_ handle: UInt64) {
        _ = lock.withLock { events.remove(handle) }
    }

    func addModule(_ module: LoadedModule) {
        lock.withLock { modules[module.handle] = module }
    }

    func removeModule(_ module: LoadedModule) {
        lock.withLock { modules[module.handle] = nil }
    }

    func addArray(_ array: CUDAArray) {
        _ = lock.withLock { arrays.insert(array.handle) }
    }

    func removeArray(_ array: CUDAArray) {
        _ = lock.withLock { arrays.remove(array.handle) }
    }

    // MARK: - End

    /// Lets the work that there is end, then frees everything.
    func destroy() {
        synchronize()
        destroyed.store(true, ordering: .releasing)
        let remaining: [Stream] = otherStreams() + [legacy]
        // Work that another thread gave meanwhile may have begun.
        for stream in remaining { stream.lastTicket.wait() }
        for stream in remaining {
            driver.graphs.removeStream(stream)
            if stream.handle != 0 { driver.streams.remove(stream.handle) }
            stream.close()
        }
        let (oldModules, oldEvents, oldArrays) = lock.withLock {
            defer {
                streams = [:]
                threadStreams = [:]
                closingStreams = []
                events = []
                modules = [:]
                arrays = []
            }
            return (Array(modules.values), events, arrays)
        }
        for module in oldModules { module.unload() }
        for event in oldEvents { driver.events.remove(event) }
        driver.textures.removeAll(of: self)
        for array in oldArrays { driver.arrays.remove(array) }
        for address in device.allocations.removeAll(of: self) { _ = memory.free(address) }
        driver.graphs.lock.withLock { driver.graphs.memory.removeAll(of: slot.handle) }
        driver.hostMemory.freeAll(of: self)
    }
}
