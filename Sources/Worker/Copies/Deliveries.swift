internal import CUDAABI
internal import Driver
internal import Synchronization
internal import Wire

/// Asynchronous copies to the host that are under way or have ended, in the order of the records.
///
/// Each piece lies in a staging slot with an event behind it. Whoever calls `flush` sends what has
/// ended; a thread of its own does so from time to time, for programs that watch their memory
/// without asking. Pieces of one stream are sent in order. Thread-safe.
final class Deliveries: @unchecked Sendable {
    private struct Entry {
        var ticket: Ticket
        var context: CUcontext?
        var contextNumber: UInt32
        var stream: CUstream?
        /// `nil` when the copy could not be started.
        var slot: UnsafeMutablePointer<StagingSlot>?
        var pool: StagingPool?
        var offset: UInt64
        var length: Int
        var status: CUresult
        var isLast: Bool
    }

    private let driver: DriverTable
    private let answers: Answers
    private let monitor = Monitor()
    private var entries: [Entry] = []
    private var heldStreams: [CUstream?] = []
    private let count = Atomic<Int>(0)
    private var hasThread = false
    private var isClosed = false

    init(driver: DriverTable, answers: Answers) {
        self.driver = driver
        self.answers = answers
    }

    /// Adds a piece whose event was recorded.
    func append(
        _ ticket: Ticket,
        context: CUcontext?,
        stream: CUstream?,
        slot: UnsafeMutablePointer<StagingSlot>,
        pool: StagingPool,
        offset: UInt64,
        length: Int,
        isLast: Bool
    ) {
        add(
            Entry(
                ticket: ticket,
                context: context,
                contextNumber: ticket.context,
                stream: stream,
                slot: slot,
                pool: pool,
                offset: offset,
                length: length,
                status: Status.success,
                isLast: isLast
            )
        )
    }

    /// Tells the client, behind everything that is under way, that a copy has failed.
    func fail(
        _ ticket: Ticket,
        _ status: CUresult,
        context: CUcontext? = nil,
        stream: CUstream? = nil
    ) {
        add(
            Entry(
                ticket: ticket,
                context: context,
                contextNumber: ticket.context,
                stream: stream,
                slot: nil,
                pool: nil,
                offset: 0,
                length: 0,
                status: status,
                isLast: true
            )
        )
        flush()
    }

    private func add(_ entry: Entry) {
        monitor.lock()
        entries.append(entry)
        count.store(entries.count, ordering: .releasing)
        if !hasThread { hasThread = Thread.start { [self] in run() } }
        monitor.wakeAll()
        monitor.unlock()
    }

    /// Sends everything that has ended.
    @inline(__always)
    func flush() {
        if count.load(ordering: .acquiring) > 0 { flushAll() }
    }

    /// The same if the client reads what it is sent; else the copies stay where their memory is
    /// counted.
    func flushIfRead() {
        if count.load(ordering: .acquiring) > 0, answers.output.hasRoom(WireFormat.maxData) {
            flushAll()
        }
    }

    private func flushAll() {
        monitor.lock()
        defer { monitor.unlock() }
        guard !entries.isEmpty else { return }
        var current: CUcontext?
        _ = driver.cuCtxGetCurrent?(&current)
        var now = current
        heldStreams.removeAll(keepingCapacity: true)
        var kept = 0
        for index in entries.indices {
            if isHeld(entries[index], &now) {
                heldStreams.append(entries[index].stream)
                if kept != index { entries[kept] = entries[index] }
                kept += 1
            } else {
                send(entries[index])
            }
        }
        entries.removeLast(entries.count - kept)
        count.store(kept, ordering: .releasing)
        if now != current { _ = driver.cuCtxSetCurrent?(current) }
    }

    /// Whether an entry, or an earlier one of the same stream, is still under way.
    ///
    /// - Parameter now: The context that is current on this thread.
    private func isHeld(_ entry: Entry, _ now: inout CUcontext?) -> Bool {
        if heldStreams.contains(entry.stream) { return true }
        guard let slot = entry.slot, let query = driver.cuEventQuery else { return false }
        if now != entry.context {
            _ = driver.cuCtxSetCurrent?(entry.context)
            now = entry.context
        }
        return query(slot.pointee.event) == Status.notReady
    }

    private func send(_ entry: Entry) {
        var status = entry.status
        if let slot = entry.slot {
            status = driver.cuEventQuery?(slot.pointee.event) ?? Status.notFound
        }
        if status != Status.success {
            answers.keep(status, of: entry.ticket.opcode)
            if entry.isLast { answers.sendFailedCopy(entry.ticket, status) }
        } else if let slot = entry.slot {
            answers.sendHostData(
                entry.ticket,
                record: slot.pointee.record,
                offset: entry.offset,
                length: entry.length,
                isLast: entry.isLast
            )
        }
        if let slot = entry.slot { entry.pool?.release(slot) }
    }

    /// Waits until the oldest copy has ended and its piece is sent; `false` when there is none.
    func finishOldest() -> Bool {
        monitor.lock()
        let first = entries.first
        monitor.unlock()
        guard let first else { return false }
        if let slot = first.slot { _ = driver.cuEventSynchronize?(slot.pointee.event) }
        flush()
        return true
    }

    /// Waits until all copies of a context, which is current, have ended and are sent.
    func finishAll(context: UInt32) {
        while true {
            monitor.lock()
            let event = entries.first { $0.contextNumber == context }?.slot?.pointee.event
            let isAny = entries.contains { $0.contextNumber == context }
            monitor.unlock()
            guard isAny else { return }
            if let event { _ = driver.cuEventSynchronize?(event) }
            flush()
        }
    }

    /// Ends the thread.
    func close() {
        monitor.withLock {
            isClosed = true
            monitor.wakeAll()
        }
    }

    private func run() {
        while true {
            monitor.lock()
            while entries.isEmpty, !isClosed { monitor.wait() }
            let isOver = isClosed
            monitor.unlock()
            if isOver { return }
            var pause = 100
            while count.load(ordering: .acquiring) > 0, !monitor.withLock({ isClosed }) {
                Thread.sleep(microseconds: pause)
                pause = min(pause * 2, 2000)
                flushIfRead()
            }
        }
    }
}
