internal import CLinux
internal import Driver
internal import DriverFrontend
internal import SoftDevice
internal import Synchronization

/// The driver of this process: made by `cuInit`, there until the process ends.
final class SoftDriver: @unchecked Sendable {
    /// The visible GPUs, by ordinal.
    let devices: [Device]
    /// What launches do.
    let launches: Configuration.Launch
    /// Pinned host memory.
    let hostMemory = HostMemory()

    let contexts = HandleTable<ContextSlot>(kind: 1)
    let streams = HandleTable<Stream>(kind: 2)
    let events = HandleTable<Event>(kind: 3)
    let modules = HandleTable<LoadedModule>(kind: 4)
    let libraries = HandleTable<LoadedLibrary>(kind: 5)
    let functions = HandleTable<DeviceFunction>(kind: 6)
    let links = HandleTable<LinkSession>(kind: 7)
    let arrays = HandleTable<CUDAArray>(kind: 8)
    let textureReferences = HandleTable<TextureReference>(kind: 9)
    let physicalMemory = HandleTable<PhysicalMemory>(kind: 15)
    let memoryPools = HandleTable<MemoryPool>(kind: 16)
    let opened = OpenedMemory()
    let textures = TextureObjects()
    let graphs = GraphState()

    private init(_ configuration: Configuration) {
        launches = configuration.launch
        devices = DeviceDescription.visible(configuration).enumerated().map {
            Device(
                ordinal: $0,
                description: $1,
                threads: configuration.threads,
                seed: configuration.seed
            )
        }
        for device in devices { device.makePrimaryContext(contexts) }
    }

    // MARK: - The one instance

    private enum Phase {
        static let none: UInt32 = 0
        static let ready: UInt32 = 1
        static let exiting: UInt32 = 2
    }

    private static let phase = Atomic<UInt32>(Phase.none)
    private static let startLock = ForkSafeLock()
    /// Written once, before `phase` says ready.
    nonisolated(unsafe) private static var instance: SoftDriver?

    /// The driver; fails before `cuInit`, in a forked child, and when the process is ending.
    @inline(__always)
    static func ready() throws(Failure) -> SoftDriver {
        let phase = phase.load(ordering: .acquiring)
        guard phase == Phase.ready, ferry_forked() == 0, let instance else {
            let isEnding = phase == Phase.exiting && ferry_forked() == 0
            throw Failure(isEnding ? Status.deinitialized : Status.notInitialized)
        }
        return instance
    }

    /// Whether `ready` succeeds.
    @inline(__always)
    static var isReady: Bool {
        phase.load(ordering: .acquiring) == Phase.ready && ferry_forked() == 0
    }

    /// What `cuInit` does. Later calls do nothing.
    static func start() throws(Failure) {
        guard ferry_forked() == 0 else { throw Failure(Status.notInitialized) }
        guard phase.load(ordering: .acquiring) != Phase.exiting else {
            throw Failure(Status.deinitialized)
        }
        startLock.lock()
        defer { startLock.unlock() }
        guard instance == nil else { return }
        let configuration: Configuration
        do {
            configuration = try Configuration.ofProcess()
        } catch {
            Diagnostics.always("\(error)")
            throw .invalidValue
        }
        let driver = SoftDriver(configuration)
        guard !driver.devices.isEmpty else { throw Failure(Status.noDevice) }
        instance = driver
        ExportTables.install(driver.exportTableHost())
        ferry_watch_forks()
        atexit(atProcessExit)
        phase.store(Phase.ready, ordering: .releasing)
    }

    /// From here on every call fails: threads of streams may still run until the process is gone,
    /// nobody waits for them.
    fileprivate static func end() {
        guard ferry_forked() == 0, phase.load(ordering: .acquiring) == Phase.ready else { return }
        for device in instance?.devices ?? [] {
            for context in device.liveContexts() { context.output.flush() }
        }
        phase.store(Phase.exiting, ordering: .releasing)
    }

    // MARK: - What the handles of a call mean

    /// A visible GPU.
    func device(_ ordinal: Int32) throws(Failure) -> Device {
        guard devices.indices.contains(Int(ordinal)) else { throw Failure(Status.invalidDevice) }
        return devices[Int(ordinal)]
    }

    /// The context of the calling thread, whatever its state.
    func currentSlot() throws(Failure) -> ContextSlot {
        try slot(ContextStack.current)
    }

    /// The context with this handle, whatever its state.
    func slot(_ handle: UInt64) throws(Failure) -> ContextSlot {
        guard handle != 0 else { throw .invalidContext }
        guard let slot = contexts.object(handle) else {
            let wasContext = contexts.isPlausible(handle)
            throw Failure(wasContext ? Status.contextIsDestroyed : Status.invalidContext)
        }
        return slot
    }

    /// The context of the calling thread, if it works.
    func currentContext() throws(Failure) -> Context {
        let context = try currentSlot().requireLive()
        try context.check()
        return context
    }
}

private func atProcessExit() {
    SoftDriver.end()
}
