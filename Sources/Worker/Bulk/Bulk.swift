internal import CLinux
internal import CUDAABI
internal import Driver
internal import Transport
internal import Wire

/// The bulk channels of a session, with a thread for each, and what they carry
/// (docs/adr/0013-bulk-channels.md). Thread-safe.
final class Bulk: @unchecked Sendable {
    let slots: BulkSlots
    let downloads = BulkDownloads()
    let ready = ReadyPieces()
    private let driver: DriverTable
    private let answers: Answers
    let functions: HostFunctions
    private let monitor = Monitor()
    private var channels: [Channel] = []
    private var opening = 0
    private var isClosed = false

    init(driver: DriverTable, answers: Answers, functions: HostFunctions) {
        self.driver = driver
        self.answers = answers
        self.functions = functions
        slots = BulkSlots(driver: driver)
    }

    /// Serves a channel on a thread of its own.
    ///
    /// - Parameter open: Makes the channel, on that thread; `nil` when it comes to nothing.
    /// - Returns: `false` when there are as many already as there may be: nothing was done.
    func serve(_ open: @escaping @Sendable () -> Channel?) -> Bool {
        let isWanted = monitor.withLock {
            guard !isClosed, channels.count + opening < BulkFrame.mostConnections else {
                return false
            }
            opening += 1
            return true
        }
        guard isWanted else { return false }
        let isStarted = Thread.start { [self] in
            let channel = open()
            guard add(channel), let channel else { return }
            BulkChannel(channel, driver: driver, bulk: self, answers: answers).run()
            // The client sees the end, whatever it was, and the session with it.
            channel.shutDown()
        }
        if !isStarted { monitor.withLock { opening -= 1 } }
        return isStarted
    }

    private func add(_ channel: Channel?) -> Bool {
        monitor.lock()
        defer { monitor.unlock() }
        opening -= 1
        guard let channel else { return false }
        if isClosed {
            channel.close()
            return false
        }
        // Never closed before the process ends: another thread may be about to shut it down.
        channels.append(channel)
        return true
    }

    /// Ends the channels and their threads.
    func close() {
        slots.close()
        downloads.close()
        ready.close()
        monitor.withLock {
            isClosed = true
            for channel in channels { channel.shutDown() }
        }
    }
}

/// One bulk channel and its thread.
struct BulkChannel: ~Copyable {
    let channel: Channel
    private let driver: DriverTable
    let bulk: Bulk
    private let answers: Answers
    private let room: UnsafeMutableRawPointer
    let carrier: UnsafeMutablePointer<PieceCarrier>

    init(_ channel: Channel, driver: DriverTable, bulk: Bulk, answers: Answers) {
        self.channel = channel
        self.driver = driver
        self.bulk = bulk
        self.answers = answers
        room = .allocate(byteCount: BulkFrame.size, alignment: 8)
        carrier = .allocate(capacity: 1)
        carrier.initialize(to: PieceCarrier())
    }

    deinit {
        room.deallocate()
        carrier.deinitialize(count: 1)
        carrier.deallocate()
    }

    /// Until the channel ends, or the client breaks the protocol.
    borrowing func run() {
        do throws(SocketError) {
            while true {
                try channel.receiveAll(.init(start: room, count: BulkFrame.size))
                guard let frame = BulkFrame(reading: room) else {
                    throw SocketError(EPROTO, .receive)
                }
                switch frame.kind {
                case .data, .packed: try store(frame)
                case .want: try lend()
                case .fetch: try serve(frame)
                case .deliver: try deliver(frame)
                case .listen: try bulk.functions.serve(channel)
                case .stored, .end, .filled, .taken, .call, .returned:
                    throw SocketError(EPROTO, .receive)
                }
            }
        } catch {
            if error.number == EPROTO { WorkerLog.line("a bulk channel broke the protocol") }
        }
    }

    private borrowing func store(_ frame: BulkFrame) throws(SocketError) {
        let slot = try takeSlot()
        do throws(SocketError) {
            let place = UnsafeMutableRawBufferPointer(
                start: bulk.slots.data(slot),
                count: frame.bytes
            )
            try carrier.pointee.receive(frame, into: place, from: channel)
        } catch {
            bulk.slots.release(slot)
            throw error
        }
        bulk.slots.store(slot, frame.bytes)
        try carrier.pointee.send(BulkFrame(.stored, slot: UInt32(slot)), to: channel)
    }

    /// The client writes to the slot itself.
    private borrowing func lend() throws(SocketError) {
        let slot = try takeSlot()
        bulk.slots.lend(slot)
        try carrier.pointee.send(BulkFrame(.stored, slot: UInt32(slot)), to: channel)
    }

    private borrowing func takeSlot() throws(SocketError) -> Int {
        guard let slot = bulk.slots.take() else { throw SocketError(ECANCELED, .receive) }
        return slot
    }

    // MARK: - Downloads

    private borrowing func serve(_ fetch: BulkFrame) throws(SocketError) {
        let number = fetch.transfer
        guard let download = bulk.downloads.join(number) else {
            throw SocketError(EPROTO, .receive)
        }
        defer { if download.leave() { finish(download) } }
        if fetch.slot & BulkFrame.readsLent != 0 {
            try show(download)
        } else {
            carrier.pointee.begin(mayPack: fetch.slot & BulkFrame.readsPacked != 0)
            try carry(download)
            carrier.pointee.end()
        }
        let end = BulkFrame(.end, status: download.status, transfer: number)
        try carrier.pointee.send(end, to: channel)
    }

    private borrowing func finish(_ download: BulkDownload) {
        answers.forwardPrintedText()
        answers.finish(download.ticket, download.status)
    }

    // MARK: - Over the channel

    /// A part of a download that the GPU copies into a slot.
    private struct Piece {
        var slot: Int
        var event: CUevent
        var offset: UInt64
        var size: Int
    }

    /// Starts with the next piece of a download; `nil` when there is none, or it failed.
    private borrowing func startPiece(_ download: BulkDownload) throws(SocketError) -> Piece? {
        guard let (offset, size) = download.takePiece(BulkFrame.usual) else { return nil }
        let slot = try takeSlot()
        guard let event = download.start(driver, bulk.slots, slot, offset, size) else {
            bulk.slots.release(slot)
            return nil
        }
        return Piece(slot: slot, event: event, offset: offset, size: size)
    }

    /// Sends pieces while there are any. The GPU copies the next one while one travels.
    private borrowing func carry(_ download: BulkDownload) throws(SocketError) {
        var next = try startPiece(download)
        while let piece = next {
            defer { bulk.slots.release(piece.slot) }
            next = try startPiece(download)
            guard download.wait(driver, piece.event) else { break }
            let memory = bulk.slots.data(piece.slot)
            try carrier.pointee.send(
                UnsafeRawBufferPointer(start: memory, count: piece.size),
                offset: piece.offset,
                transfer: download.number,
                to: channel
            )
        }
        // Behind one that failed the GPU may still write to the next.
        if let next {
            _ = download.wait(driver, next.event)
            bulk.slots.release(next.slot)
        }
    }

    // MARK: - Over lent memory

    /// Fills slots for a client that reads from them. It does so while the GPU copies the next piece,
    /// so this thread may wait for that: it takes one wake-up less than an event.
    private borrowing func show(_ download: BulkDownload) throws(SocketError) {
        // Slots that the client has been shown and has not read yet.
        var shown = BulkQueue(none: 0)
        while let (offset, size) = download.takePiece(BulkFrame.most) {
            if shown.isFull { bulk.slots.release(try nextTaken(&shown)) }
            let slot = try takeSlot()
            guard download.fetch(driver, offset, size, to: bulk.slots.data(slot)) else {
                bulk.slots.release(slot)
                break
            }
            shown.append(slot)
            let frame = BulkFrame(
                .filled,
                length: size,
                offset: offset,
                slot: UInt32(slot),
                transfer: download.number
            )
            try carrier.pointee.send(frame, to: channel)
        }
        while !shown.isEmpty { bulk.slots.release(try nextTaken(&shown)) }
    }

    /// The slot that the client says it has read: the one that was shown first.
    private borrowing func nextTaken(_ shown: inout BulkQueue<Int>) throws(SocketError) -> Int {
        let slot = shown.removeFirst()
        guard try takenSlot() == slot else { throw SocketError(EPROTO, .receive) }
        return slot
    }

    /// The slot that the client says next it has read.
    borrowing func takenSlot() throws(SocketError) -> Int {
        try channel.receiveAll(.init(start: room, count: BulkFrame.size))
        guard let frame = BulkFrame(reading: room), frame.kind == .taken else {
            throw SocketError(EPROTO, .receive)
        }
        return Int(frame.slot)
    }
}
