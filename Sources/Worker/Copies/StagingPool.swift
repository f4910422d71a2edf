internal import CUDAABI
internal import Driver

/// A piece of page-locked memory that an asynchronous copy reads from or writes to.
struct StagingSlot {
    /// Start of the slot: `Self.prefix` bytes for the header of a record, then the data.
    var memory: UnsafeMutableRawPointer
    /// Index into `StagingPool.sizes`.
    var sizeClass: Int
    /// Recorded behind the copy.
    var event: CUevent?
    var next: UnsafeMutablePointer<StagingSlot>?

    /// Room before the data, so that a record is made in place.
    static let prefix = 64
    /// Where the data goes.
    var data: UnsafeMutableRawPointer { memory + Self.prefix }
    /// Where a `hostData` record starts.
    var record: UnsafeMutableRawPointer { data - Answers.hostDataPrefix }
}

/// Bytes of staging memory that one worker may have, in all contexts. Used by the reader only.
final class StagingLimit {
    /// For one context.
    static let perContext = 32 << 20
    /// In all, beyond what each context needs to go on at all.
    static let inAll = 256 << 20
    var used = 0
}

/// Staging memory of one context: slots of three sizes, made as they are needed.
///
/// The reader takes slots; any thread gives them back.
final class StagingPool: @unchecked Sendable {
    /// Bytes of data in a slot.
    static let sizes = [4096, 65_536, 1 << 20]
    /// Slots made at a time.
    private static let batches = [16, 4, 1]

    private let driver: DriverTable
    private let limit: StagingLimit
    private let monitor = Monitor()
    private var free: [UnsafeMutablePointer<StagingSlot>?] = [nil, nil, nil]
    // The reader's: slots of copies to the GPU, oldest first.
    private var uploads: [UploadQueue] = [UploadQueue(), UploadQueue(), UploadQueue()]
    private var slots: [UnsafeMutablePointer<StagingSlot>] = []
    private var blocks: [UnsafeMutableRawPointer] = []
    private var used = 0

    private struct UploadQueue {
        var first: UnsafeMutablePointer<StagingSlot>?
        var last: UnsafeMutablePointer<StagingSlot>?
    }

    /// An empty pool of the context that is current whenever `take` is called.
    init(driver: DriverTable, limit: StagingLimit) {
        self.driver = driver
        self.limit = limit
    }

    private static func sizeClass(_ bytes: Int) -> Int {
        bytes <= sizes[0] ? 0 : bytes <= sizes[1] ? 1 : 2
    }

    /// A slot for so many bytes, at most 1 MiB. Waits for older copies when there is no other
    /// way: that is what bounds the memory.
    ///
    /// - Parameter makeRoom: Waits until some copy to the host has given its slot back; `false`
    ///   when there is none under way.
    func take(
        _ bytes: Int,
        status: inout CUresult,
        makeRoom: () -> Bool
    ) -> UnsafeMutablePointer<StagingSlot>? {
        let sizeClass = Self.sizeClass(bytes)
        while true {
            if let slot = takeFree(sizeClass) { return slot }
            if reap(sizeClass, waiting: false) { continue }
            if mayGrow(sizeClass) { return grow(sizeClass, &status) }
            if reap(sizeClass, waiting: true) || makeRoom() { continue }
            // The last copy to the host may have given its slot back after the first look.
            if let slot = takeFree(sizeClass) { return slot }
            return grow(sizeClass, &status)
        }
    }

    /// Gives a slot back. Thread-safe.
    func release(_ slot: UnsafeMutablePointer<StagingSlot>) {
        monitor.lock()
        slot.pointee.next = free[slot.pointee.sizeClass]
        free[slot.pointee.sizeClass] = slot
        monitor.unlock()
    }

    /// Gives a slot back once its event, which was recorded, has happened.
    func releaseLater(_ slot: UnsafeMutablePointer<StagingSlot>) {
        slot.pointee.next = nil
        let sizeClass = slot.pointee.sizeClass
        if let last = uploads[sizeClass].last {
            last.pointee.next = slot
        } else {
            uploads[sizeClass].first = slot
        }
        uploads[sizeClass].last = slot
    }

    /// Frees everything; no copy may be under way, and the context must be current.
    func destroy() {
        for slot in slots {
            _ = driver.cuEventDestroy_v2?(slot.pointee.event)
            slot.deallocate()
        }
        for block in blocks { _ = driver.cuMemFreeHost?(block) }
        limit.used -= used
        slots = []
        blocks = []
        used = 0
    }

    private func takeFree(_ sizeClass: Int) -> UnsafeMutablePointer<StagingSlot>? {
        monitor.lock()
        defer { monitor.unlock() }
        guard let slot = free[sizeClass] else { return nil }
        free[sizeClass] = slot.pointee.next
        return slot
    }

    /// Takes back slots whose copies have ended.
    ///
    /// - Returns: Whether there was at least one.
    private func reap(_ sizeClass: Int, waiting: Bool) -> Bool {
        guard let query = driver.cuEventQuery, let wait = driver.cuEventSynchronize else {
            return false
        }
        var found = false
        while let slot = uploads[sizeClass].first {
            if waiting, !found {
                _ = wait(slot.pointee.event)
            } else if query(slot.pointee.event) == Status.notReady {
                break
            }
            uploads[sizeClass].first = slot.pointee.next
            if slot.pointee.next == nil { uploads[sizeClass].last = nil }
            release(slot)
            found = true
        }
        return found
    }

    private static func blockSize(_ sizeClass: Int) -> Int {
        (sizes[sizeClass] + StagingSlot.prefix) * batches[sizeClass]
    }

    private func mayGrow(_ sizeClass: Int) -> Bool {
        let size = Self.blockSize(sizeClass)
        return used + size <= StagingLimit.perContext && limit.used + size <= StagingLimit.inAll
    }

    /// Makes new slots, and gives one of them.
    private func grow(
        _ sizeClass: Int,
        _ status: inout CUresult
    ) -> UnsafeMutablePointer<StagingSlot>? {
        guard let allocate = driver.cuMemHostAlloc, let create = driver.cuEventCreate else {
            status = Status.notFound
            return nil
        }
        var block: UnsafeMutableRawPointer?
        status = allocate(&block, Self.blockSize(sizeClass), 0)
        guard status == Status.success, let block else { return nil }
        blocks.append(block)
        used += Self.blockSize(sizeClass)
        limit.used += Self.blockSize(sizeClass)
        for index in 0..<Self.batches[sizeClass] {
            var event: CUevent?
            let withoutTime: UInt32 = 2
            status = create(&event, withoutTime)
            guard status == Status.success else { return nil }
            let slot = UnsafeMutablePointer<StagingSlot>.allocate(capacity: 1)
            let memory = block + index * (Self.sizes[sizeClass] + StagingSlot.prefix)
            slot.initialize(to: StagingSlot(memory: memory, sizeClass: sizeClass, event: event))
            slots.append(slot)
            release(slot)
        }
        return takeFree(sizeClass)
    }
}
