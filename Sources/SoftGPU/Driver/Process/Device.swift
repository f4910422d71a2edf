internal import Driver
internal import SoftDevice

/// One visible software GPU. Its memory and its threads are made when its first context is.
final class Device: @unchecked Sendable {
    /// Number by which the program knows it.
    let ordinal: Int
    /// What does not change.
    let description: DeviceDescription
    /// Who owns which piece of its memory.
    let allocations = AllocationTable()
    /// Its memory pools.
    let pools = DevicePools()

    private let threads: Int
    private let seed: UInt64?
    private let lock = Lock()
    private var parts: (memory: DeviceMemory, machine: Machine)?
    private var contexts: [ObjectIdentifier: Context] = [:]
    /// Set once, while the driver starts.
    private(set) var primarySlot: ContextSlot!

    init(ordinal: Int, description: DeviceDescription, threads: Int, seed: UInt64?) {
        self.seed = seed
        self.ordinal = ordinal
        self.description = description
        self.threads = threads
    }

    func makePrimaryContext(_ table: HandleTable<ContextSlot>) {
        let slot = ContextSlot(device: self, isPrimary: true)
        slot.handle = table.insert(slot)
        primarySlot = slot
    }

    /// The memory and the processor; made at the first call.
    func engine(
        _ driver: SoftDriver
    ) throws(Failure) -> (memory: DeviceMemory, machine: Machine) {
        try lock.withLock { () throws(Failure) in
            if let parts { return parts }
            let memory: DeviceMemory
            do {
                memory = try DeviceMemory(
                    ordinal: ordinal,
                    capacity: description.memoryBytes,
                    isShared: description.isShared
                )
            } catch {
                Diagnostics.note("memory of GPU \(ordinal): \(error)")
                throw .outOfMemory
            }
            let made = (memory, Machine(memory: memory, threads: threads, seed: seed))
            parts = made
            driver.hostMemory.attach(memory)
            return made
        }
    }

    /// The memory, if it has been made.
    var memory: DeviceMemory? { lock.withLock { parts?.memory } }

    func add(_ context: Context) {
        lock.withLock { contexts[ObjectIdentifier(context)] = context }
    }

    func remove(_ context: Context) {
        _ = lock.withLock { contexts.removeValue(forKey: ObjectIdentifier(context)) }
    }

    /// The contexts that have not been destroyed.
    func liveContexts() -> [Context] {
        lock.withLock { Array(contexts.values) }
    }
}
