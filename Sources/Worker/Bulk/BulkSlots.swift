internal import CLinux
internal import CUDAABI
internal import Driver
internal import Transport
internal import Wire

/// The memory that large copies go through: a fixed number of slots, which bounds what a client can
/// have under way on its bulk channels. Threads of channels take slots; the reader claims those
/// that hold bytes for the GPU. Thread-safe.
final class BulkSlots: @unchecked Sendable {
    /// So many that channels never wait for each other; see `BulkFrame.mostUnclaimed`.
    static let count = BulkFrame.slots
    /// Slots that are page-locked together, when the first of them is used.
    private static let lockedAtATime = 16
    /// Microseconds between two looks whether the GPU has given a slot back.
    private static let pause = 50

    private enum Use: Equatable {
        case free
        /// A channel's thread has it.
        case taken
        /// Bytes for the GPU that no record has claimed yet.
        case stored(Int)
        /// The client writes to it, and claims it when it has.
        case lent
        /// The reader starts a copy from it.
        case claimed
        /// The GPU reads from it until its event has happened.
        case copying
    }

    private struct Slot {
        var use = Use.free
        var event: CUevent?
        /// The client's number and the driver's handle of the context that the event belongs to.
        var identifier: UInt32 = 0
        var context: CUcontext?
    }

    private let driver: DriverTable
    private let monitor = Monitor()
    private let slots: UnsafeMutablePointer<Slot>
    private let memory: UnsafeMutableRawPointer
    private let lendable: SharedMemory?
    /// A descriptor of the memory, for a client that shares it; -1: it cannot be shared.
    let file: Int32
    private var isClosed = false
    /// The reader's: for each part of the memory the context in which it was page-locked; 0: in none.
    private var lockedIn = [UInt32](repeating: 0, count: BulkSlots.count / BulkSlots.lockedAtATime)
    private var isLockable = true

    init(driver: DriverTable) {
        self.driver = driver
        slots = .allocate(capacity: Self.count)
        slots.initialize(repeating: Slot(), count: Self.count)
        // The system gives memory when it is first written to: without bulk channels, never.
        let size = Self.count * BulkFrame.most
        var file: Int32 = -1
        lendable = SharedMemory.make(size, &file)
        self.file = file
        memory = lendable?.bytes.baseAddress ?? .allocate(byteCount: size, alignment: 4096)
    }

    deinit {
        slots.deallocate()
        if let lendable { lendable.unmap() } else { memory.deallocate() }
        if file >= 0 { _ = CLinux.close(file) }
    }

    /// The memory of a slot: `BulkFrame.most` bytes.
    func data(_ index: Int) -> UnsafeMutableRawPointer { memory + index * BulkFrame.most }

    // MARK: - Channels

    /// A slot for the calling thread, sooner or later; `nil` after `close`.
    func take() -> Int? {
        monitor.lock()
        defer { monitor.unlock() }
        while !isClosed {
            if let index = (0..<Self.count).first(where: { slots[$0].use == .free || isOver($0) }) {
                slots[index].use = .taken
                return index
            }
            if (0..<Self.count).contains(where: { slots[$0].use == .copying }) {
                // Whichever copy ends first: one may wait for a kernel that waits for another one.
                monitor.unlock()
                Thread.sleep(microseconds: Self.pause)
                monitor.lock()
            } else {
                monitor.wait()
            }
        }
        return nil
    }

    /// A slot for the reader, which never waits, and for a copy that may wait long: half of them are left
    /// to others.
    ///
    /// - Returns: `nil` when there is none.
    func takeNow() -> Int? {
        monitor.withLock {
            let index = (Self.count / 2..<Self.count).first { slots[$0].use == .free }
            if let index { slots[index].use = .taken }
            return index
        }
    }

    /// Whether the GPU is done with a slot. An error is an end, too. Called with the lock held.
    private func isOver(_ index: Int) -> Bool {
        guard slots[index].use == .copying, let query = driver.cuEventQuery else { return false }
        _ = driver.cuCtxSetCurrent?(slots[index].context)
        return query(slots[index].event) != Status.notReady
    }

    /// A taken slot holds bytes for the GPU.
    func store(_ index: Int, _ length: Int) {
        monitor.withLock { slots[index].use = .stored(length) }
    }

    /// A taken slot is the client's to write to.
    func lend(_ index: Int) { monitor.withLock { slots[index].use = .lent } }

    /// Gives a slot back that the GPU does not use.
    func release(_ index: Int) {
        monitor.withLock {
            slots[index].use = .free
            monitor.wakeAll()
        }
    }

    /// Lets threads that wait for a slot go.
    func close() {
        monitor.withLock {
            isClosed = true
            monitor.wakeAll()
        }
    }

    // MARK: - The reader

    /// The reader wants to copy from a slot.
    ///
    /// - Returns: Whether it holds exactly so many bytes that nobody has claimed, or was lent.
    func claim(_ index: Int, _ length: Int) -> Bool {
        guard (0..<Self.count).contains(index) else { return false }
        return monitor.withLock {
            guard slots[index].use == .stored(length) || slots[index].use == .lent else {
                return false
            }
            slots[index].use = .claimed
            return true
        }
    }

    /// The slot is free again when everything has happened that the stream has been given so far.
    ///
    /// - Parameters:
    ///   - identifier: The client's number of the context, which is current.
    ///   - context: The driver's handle of it.
    func release(
        _ index: Int,
        behind stream: CUstream?,
        identifier: UInt32,
        context: CUcontext?
    ) -> CUresult {
        var event: CUevent?
        let status = mark(index, stream, identifier, context, &event)
        guard status == Status.success else { return status }
        monitor.withLock {
            slots[index].use = .copying
            monitor.wakeAll()
        }
        return status
    }

    // MARK: - Both

    /// Records the slot's event behind what the stream has been given so far. The slot is the calling
    /// thread's, taken or claimed, so no other one looks at the event.
    ///
    /// - Parameters:
    ///   - identifier: The client's number of the context, which is current.
    ///   - context: The driver's handle of it.
    ///   - event: The slot's event.
    func mark(
        _ index: Int,
        _ stream: CUstream?,
        _ identifier: UInt32,
        _ context: CUcontext?,
        _ event: inout CUevent?
    ) -> CUresult {
        guard let create = driver.cuEventCreate, let record = driver.cuEventRecord else {
            return Status.notFound
        }
        if slots[index].event == nil || slots[index].identifier != identifier {
            dropEvent(index)
            let withoutTime: UInt32 = 2
            let status = create(&slots[index].event, withoutTime)
            guard status == Status.success else { return status }
            slots[index].identifier = identifier
            slots[index].context = context
        }
        event = slots[index].event
        return record(event, stream)
    }

    private func dropEvent(_ index: Int) {
        if let event = slots[index].event { _ = driver.cuEventDestroy_v2?(event) }
        slots[index].event = nil
    }

    /// Page-locks a slot and those beside it if they are not, so that copies need no memory in between. A
    /// matter of speed only. A context is current.
    func lockPages(_ index: Int, identifier: UInt32) {
        let part = index / Self.lockedAtATime
        guard lockedIn[part] == 0, isLockable, let lock = driver.cuMemHostRegister_v2 else {
            return
        }
        let forAllContexts: UInt32 = 1
        let size = Self.lockedAtATime * BulkFrame.most
        if lock(memory + part * size, size, forAllContexts) == Status.success {
            lockedIn[part] = identifier
        } else {
            isLockable = false
            WorkerLog.line("the memory for large copies cannot be page-locked")
        }
    }

    /// A context, which is current, is about to go.
    func leave(_ identifier: UInt32) {
        monitor.withLock {
            for index in 0..<Self.count
            where slots[index].event != nil && slots[index].identifier == identifier {
                if slots[index].use == .copying {
                    _ = driver.cuEventSynchronize?(slots[index].event)
                    slots[index].use = .free
                }
                // A channel's thread may be waiting for it; the context takes it along.
                if slots[index].use == .taken { slots[index].event = nil } else { dropEvent(index) }
            }
            monitor.wakeAll()
        }
        for part in lockedIn.indices where lockedIn[part] == identifier {
            let size = Self.lockedAtATime * BulkFrame.most
            _ = driver.cuMemHostUnregister?(memory + part * size)
            lockedIn[part] = 0
        }
    }
}
