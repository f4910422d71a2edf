internal import CUDAABI
internal import Driver
internal import Wire

/// A piece of page-locked memory that an asynchronous copy reads from or writes to.
struct StagingSlot {
    /// Start of the slot: `Self.prefix` bytes for the header of a record, then the data.
    var memory: UnsafeMutableRawPointer
    /// Index into `Staging.sizes`.
    var sizeClass: Int
    /// Group of the stream that uses it, `Staging.group`, and what that is counted for: as the client
    /// counts, also where no piece of the right size was left.
    var group = 0
    var taken = 0
    /// That stream, of a copy to the GPU.
    var stream: CUstream?
    /// Recorded behind the copy.
    var event: CUevent?
    var next: UnsafeMutablePointer<StagingSlot>?

    /// Room before the data, so that a record is made in place.
    static let prefix = 64
    /// Where the data goes.
    var data: UnsafeMutableRawPointer { memory + Self.prefix }
}

/// Staging memory of one context: slots of a few sizes, made as they are needed.
///
/// The reader takes slots; any thread gives them back.
final class StagingPool: @unchecked Sendable {
    /// Slots made at a time.
    private static let batches = [16, 16, 8, 4]

    private let driver: DriverTable
    let use: StagingUse
    private let monitor = Monitor()
    // With the lock held.
    private var free: [UnsafeMutablePointer<StagingSlot>?]
    /// Of copies to the GPU, oldest first.
    private var uploads: [UploadQueue]
    // The reader's.
    private var slots: [UnsafeMutablePointer<StagingSlot>] = []
    private var blocks: [UnsafeMutableRawPointer] = []
    private var used = 0

    private struct UploadQueue {
        private(set) var first: UnsafeMutablePointer<StagingSlot>?
        private var last: UnsafeMutablePointer<StagingSlot>?

        mutating func append(_ slot: UnsafeMutablePointer<StagingSlot>) {
            if let last { last.pointee.next = slot } else { first = slot }
            last = slot
        }

        mutating func removeFirst() -> UnsafeMutablePointer<StagingSlot>? {
            guard let slot = first else { return nil }
            first = slot.pointee.next
            if first == nil { last = nil }
            return slot
        }
    }

    /// An empty pool of the context that is current whenever `take` is called.
    init(driver: DriverTable, use: StagingUse) {
        self.driver = driver
        self.use = use
        free = Staging.sizes.map { _ in nil }
        uploads = Staging.sizes.map { _ in UploadQueue() }
    }

    /// A slot for so many bytes, at most `WireFormat.maxData`. A client that keeps to its credit finds
    /// one; for any other the reader waits for older copies, because the memory is bounded.
    ///
    /// - Parameters:
    ///   - group: Of the stream that will use it.
    ///   - makeRoom: Waits until some copy to the host has given its slot back; `false` when there
    ///     is none under way.
    func take(
        _ bytes: Int,
        group: Int,
        status: inout CUresult,
        makeRoom: () -> Bool
    ) -> UnsafeMutablePointer<StagingSlot>? {
        let sizeClass = Staging.sizeClass(of: bytes)
        var slot = takeFree(sizeClass)
        while slot == nil {
            if reap(sizeClass, .first) {
                slot = takeFree(sizeClass)
            } else if mayGrow(sizeClass) {
                guard grow(sizeClass, &status) else { return nil }
                slot = takeFree(sizeClass)
            } else if reap(sizeClass, .all) || reap(sizeClass, .oldest) || makeRoom() {
                slot = takeFree(sizeClass)
            } else if let other = takeFree(sizeClass) ?? takeLarger(sizeClass) {
                // The last copy to the host may have given its slot back after the first look.
                slot = other
            } else {
                guard grow(sizeClass, &status) else { return nil }
                slot = takeFree(sizeClass)
            }
        }
        guard let slot else { return nil }
        slot.pointee.group = group
        slot.pointee.taken = Staging.sizes[sizeClass]
        use.add(slot.pointee.taken, group)
        return slot
    }

    private func takeLarger(_ sizeClass: Int) -> UnsafeMutablePointer<StagingSlot>? {
        for larger in sizeClass + 1..<Staging.sizes.count {
            if let slot = takeFree(larger) { return slot }
        }
        return nil
    }

    /// Gives a slot back. Thread-safe.
    func release(_ slot: UnsafeMutablePointer<StagingSlot>) {
        monitor.lock()
        giveBack(slot)
        monitor.unlock()
    }

    /// With the lock held.
    private func giveBack(_ slot: UnsafeMutablePointer<StagingSlot>) {
        let sizeClass = slot.pointee.sizeClass
        use.add(-slot.pointee.taken, slot.pointee.group)
        slot.pointee.next = free[sizeClass]
        free[sizeClass] = slot
    }

    /// Gives a slot back once its event, which was recorded in a stream, has happened.
    func releaseLater(_ slot: UnsafeMutablePointer<StagingSlot>, behind stream: CUstream?) {
        slot.pointee.next = nil
        slot.pointee.stream = stream
        monitor.lock()
        uploads[slot.pointee.sizeClass].append(slot)
        monitor.unlock()
    }

    /// Takes back all slots whose copies to the GPU have ended. The context is current. Thread-safe.
    func reap() {
        for sizeClass in Staging.sizes.indices { _ = reap(sizeClass, .all) }
    }

    /// Frees everything; no copy may be under way, and the context must be current.
    func destroy() {
        monitor.lock()
        defer { monitor.unlock() }
        for sizeClass in Staging.sizes.indices {
            while let slot = uploads[sizeClass].removeFirst() { giveBack(slot) }
        }
        for slot in slots {
            _ = driver.cuEventDestroy_v2?(slot.pointee.event)
            slot.deallocate()
        }
        for block in blocks { _ = driver.cuMemFreeHost?(block) }
        use.grow(-used)
        free = Staging.sizes.map { _ in nil }
        slots = []
        blocks = []
        used = 0
    }

    private enum Reaping {
        /// Those that have ended before the first that has not.
        case first
        /// Those that have ended in any stream.
        case all
        /// Waits for the oldest.
        case oldest
    }

    /// Takes back slots of copies to the GPU that have ended.
    ///
    /// - Returns: Whether there was at least one.
    private func reap(_ sizeClass: Int, _ manner: Reaping) -> Bool {
        guard let query = driver.cuEventQuery, let wait = driver.cuEventSynchronize else {
            return false
        }
        if manner == .oldest {
            // Only this thread takes slots, so that the event stays what it is.
            let oldest = monitor.withLock { uploads[sizeClass].first?.pointee.event }
            if let oldest { _ = wait(oldest) }
        }
        monitor.lock()
        defer { monitor.unlock() }
        var found = false
        var kept = UploadQueue()
        // Copies of one stream end in their order.
        var held: [CUstream?] = []
        while let slot = uploads[sizeClass].first {
            let stream = slot.pointee.stream
            let isUnderWay =
                held.contains(stream) || query(slot.pointee.event) == Status.notReady
            if isUnderWay, manner != .all { break }
            _ = uploads[sizeClass].removeFirst()
            if isUnderWay {
                if !held.contains(stream) { held.append(stream) }
                slot.pointee.next = nil
                kept.append(slot)
            } else {
                giveBack(slot)
                found = true
            }
        }
        if manner == .all { uploads[sizeClass] = kept }
        return found
    }

    private static func blockSize(_ sizeClass: Int) -> Int {
        (Staging.sizes[sizeClass] + StagingSlot.prefix) * batches[sizeClass]
    }

    private func mayGrow(_ sizeClass: Int) -> Bool {
        use.size + Self.blockSize(sizeClass) <= StagingUse.most
    }

    /// Makes new slots.
    private func grow(_ sizeClass: Int, _ status: inout CUresult) -> Bool {
        guard let allocate = driver.cuMemHostAlloc, let create = driver.cuEventCreate else {
            status = Status.notFound
            return false
        }
        var block: UnsafeMutableRawPointer?
        status = allocate(&block, Self.blockSize(sizeClass), 0)
        guard status == Status.success, let block else { return false }
        blocks.append(block)
        used += Self.blockSize(sizeClass)
        use.grow(Self.blockSize(sizeClass))
        for index in 0..<Self.batches[sizeClass] {
            var event: CUevent?
            let withoutTime: UInt32 = 2
            status = create(&event, withoutTime)
            guard status == Status.success else { return false }
            let slot = UnsafeMutablePointer<StagingSlot>.allocate(capacity: 1)
            let memory = block + index * (Staging.sizes[sizeClass] + StagingSlot.prefix)
            slot.initialize(to: StagingSlot(memory: memory, sizeClass: sizeClass, event: event))
            slots.append(slot)
            monitor.withLock {
                slot.pointee.next = free[sizeClass]
                free[sizeClass] = slot
            }
        }
        return true
    }

    private func takeFree(_ sizeClass: Int) -> UnsafeMutablePointer<StagingSlot>? {
        monitor.lock()
        defer { monitor.unlock() }
        guard let slot = free[sizeClass] else { return nil }
        free[sizeClass] = slot.pointee.next
        return slot
    }
}
