internal import CUDAABI
internal import Driver
internal import Synchronization
internal import Wire

/// Asynchronous copies to the host that are under way or have ended, in the order of the records.
///
/// Each piece lies in memory of the worker with an event behind it. Whoever calls `flush` sends what has
/// ended, or gives it to the channels that carry it; a thread of its own does so from time to time, for
/// programs that watch their memory without asking. Pieces of one stream are sent in order. Thread-safe.
final class Deliveries: @unchecked Sendable {
    /// A piece of a copy whose event was recorded.
    struct Piece {
        var memory: PieceMemory
        var event: CUevent?
        var offset: UInt64
        var length: Int
        var isLast: Bool
    }

    private struct Entry {
        var ticket: Ticket
        var isOverChannels: Bool
        var context: CUcontext?
        var stream: CUstream?
        /// `nil` when the copy could not be started.
        var piece: Piece?
        var status: CUresult
    }

    /// Microseconds between two looks, as long as something ends.
    private static let shortest = 50

    private let driver: DriverTable
    private let answers: Answers
    private let ready: ReadyPieces
    private let monitor = Monitor()
    private var entries: [Entry] = []
    private var heldStreams: [CUstream?] = []
    /// Bytes that went to channels, of copies that have not ended, by their records.
    private var carried: [UInt32: UInt64] = [:]
    private let count = Atomic<Int>(0)
    /// Entries that were sent so far.
    private let sent = Atomic<Int>(0)
    private var hasThread = false
    private var isClosed = false

    /// - Parameter ready: Where pieces go that channels carry.
    init(driver: DriverTable, answers: Answers, ready: ReadyPieces) {
        self.driver = driver
        self.answers = answers
        self.ready = ready
    }

    /// Adds a piece of the copy that a record asks for.
    func append(_ record: Record, _ piece: Piece, context: CUcontext?, stream: CUstream?) {
        add(
            Entry(
                ticket: Ticket(record),
                isOverChannels: record.isOverChannels,
                context: context,
                stream: stream,
                piece: piece,
                status: Status.success
            )
        )
    }

    /// Tells the client, behind everything that is under way, that a copy has failed.
    func fail(
        _ record: Record,
        _ status: CUresult,
        context: CUcontext? = nil,
        stream: CUstream? = nil
    ) {
        add(
            Entry(
                ticket: Ticket(record),
                isOverChannels: record.isOverChannels,
                context: context,
                stream: stream,
                piece: nil,
                status: status
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

    /// Whether everything that was appended has been sent.
    var isEmpty: Bool { count.load(ordering: .acquiring) == 0 }

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
                sent.wrappingAdd(1, ordering: .relaxed)
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
        guard let piece = entry.piece, let query = driver.cuEventQuery else { return false }
        if now != entry.context {
            _ = driver.cuCtxSetCurrent?(entry.context)
            now = entry.context
        }
        return query(piece.event) == Status.notReady
    }

    private func send(_ entry: Entry) {
        var status = entry.status
        if let piece = entry.piece {
            status = driver.cuEventQuery?(piece.event) ?? Status.notFound
        }
        answers.keep(status, of: entry.ticket.opcode)
        if entry.isOverChannels {
            carry(entry, status)
        } else if status != Status.success {
            if entry.piece?.isLast ?? true { answers.sendFailedCopy(entry.ticket, status) }
            entry.piece?.memory.release()
        } else if let piece = entry.piece {
            sendHere(entry.ticket, piece)
            piece.memory.release()
        }
    }

    /// Among the replies.
    private func sendHere(_ ticket: Ticket, _ piece: Piece) {
        let prefix = Answers.hostDataPrefix
        answers.sendHostData(
            ticket,
            // There is room before the data.
            record: piece.memory.data - prefix,
            offset: piece.offset,
            length: piece.length,
            isLast: piece.isLast
        )
    }

    /// Over a channel; among the replies goes, with the copy's end, how many bytes come there.
    private func carry(_ entry: Entry, _ status: CUresult) {
        let sequence = entry.ticket.sequence
        if let piece = entry.piece {
            if status == Status.success {
                carried[sequence, default: 0] += UInt64(piece.length)
                ready.append(
                    ReadyPieces.Piece(
                        sequence: sequence,
                        context: entry.ticket.context,
                        memory: piece.memory,
                        offset: piece.offset,
                        length: piece.length
                    )
                )
            } else {
                piece.memory.release()
            }
            guard piece.isLast else { return }
        }
        let bytes = carried.removeValue(forKey: sequence) ?? 0
        answers.sendEnd(of: entry.ticket, status, carried: bytes)
    }

    /// Waits until the oldest copy has ended and its piece is sent; `false` when there is none.
    func finishOldest() -> Bool {
        monitor.lock()
        let first = entries.first
        monitor.unlock()
        guard let first else { return ready.finishOne() }
        if let piece = first.piece { _ = driver.cuEventSynchronize?(piece.event) }
        flush()
        return true
    }

    /// Waits until all copies of a context, which is current, have ended and are sent.
    func finishAll(context: UInt32) {
        while true {
            monitor.lock()
            let event = entries.first { $0.ticket.context == context }?.piece?.event
            let isAny = entries.contains { $0.ticket.context == context }
            monitor.unlock()
            guard isAny else { return ready.finishAll(context: context) }
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
            var pause = Self.shortest
            while count.load(ordering: .acquiring) > 0, !monitor.withLock({ isClosed }) {
                Thread.sleep(microseconds: pause)
                let before = sent.load(ordering: .relaxed)
                flushIfRead()
                let isBusy = sent.load(ordering: .relaxed) != before
                pause = isBusy ? Self.shortest : min(pause * 2, 2000)
            }
        }
    }
}
