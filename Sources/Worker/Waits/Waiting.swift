internal import CLinux
internal import CUDAABI
internal import Driver
internal import Wire

/// What a waiting thread does; each thread has one of its own.
final class Waiting {
    private let driver: DriverTable
    private let answers: Answers
    /// Room for a `hostData` record and a reply behind it.
    private var buffer: UnsafeMutableRawPointer?
    /// Bytes of a copy that go into one piece.
    static let pieceSize = WireFormat.maxData
    private static let replySize = WireFormat.headerSize + ReplyLayout.values
    private static let bufferSize =
        Answers.hostDataPrefix + pieceSize + replySize

    init(driver: DriverTable, answers: Answers) {
        self.driver = driver
        self.answers = answers
    }

    deinit { buffer?.deallocate() }

    /// Waits, sends what was printed and copied meanwhile, and replies. The context is made the
    /// thread's current one.
    func perform(_ job: WaitJob) {
        let status = driver.cuCtxSetCurrent?(job.context) ?? Status.notFound
        guard status == Status.success else {
            job.discard()
            return finish(job.ticket, status)
        }
        performHere(job)
    }

    /// The same where the context is the thread's current one.
    func performHere(_ job: WaitJob) {
        switch job.kind {
        case .stream(let stream):
            let call = driver.cuStreamSynchronize
            finish(job.ticket, call?(CUstream(bitPattern: stream)) ?? Status.notFound)
        case .event(let event):
            let call = driver.cuEventSynchronize
            finish(job.ticket, call?(CUevent(bitPattern: event)) ?? Status.notFound)
        case .context:
            finish(job.ticket, driver.cuCtxSynchronize?() ?? Status.notFound)
        case .copy(let source, let length, let stream):
            copy(job.ticket, length) { offset in
                Int(min(length - offset, UInt64(Self.pieceSize)))
            } fetch: { offset, size, room in
                driver.fetch(source &+ offset, size, to: room, stream: stream)
            }
        case .box(let address):
            guard let box = WaitJob.box(address)?.pointee else { break }
            copy(job.ticket, UInt64(box.copy.extent.bytes)) { offset in
                box.size(at: offset)
            } fetch: { offset, _, room in
                box.fetch(driver, at: offset, to: room)
            }
        case .room(let address):
            guard let room = WaitJob.room(address)?.pointee else { break }
            awaitRoom(job.ticket, room)
        }
        job.discard()
    }

    /// Nothing tells when copies have ended but looking, for they are of many streams.
    private func awaitRoom(_ ticket: Ticket, _ room: StagingRoom) {
        var pause = 20
        while true {
            answers.deliveries?.flushIfRead()
            if room.look() { break }
            Thread.sleep(microseconds: pause)
            pause = min(pause * 2, 500)
        }
        let inUse = room.inUse
        answers.finish(ticket, Status.success, size: StagingRoomLayout.replySize) { body in
            let (group, shared) = (UInt64(inUse.group), UInt64(inUse.shared))
            body.storeBytes(of: group, toByteOffset: StagingRoomLayout.groupInUse, as: UInt64.self)
            body.storeBytes(
                of: shared,
                toByteOffset: StagingRoomLayout.sharedInUse,
                as: UInt64.self
            )
        }
    }

    private func finish(_ ticket: Ticket, _ status: CUresult) {
        answers.forwardPrintedText()
        answers.finish(ticket, status)
    }

    /// Sends memory piece by piece; the reply leaves together with the last one.
    ///
    /// - Parameters:
    ///   - sizeAt: Bytes of the piece that begins at an offset, at most `pieceSize`.
    ///   - fetch: Copies it.
    @inline(__always)
    private func copy(
        _ ticket: Ticket,
        _ length: UInt64,
        sizeAt: (UInt64) -> Int,
        fetch: (_ offset: UInt64, _ size: Int, _ room: UnsafeMutableRawPointer) -> CUresult
    ) {
        let room = buffer ?? .allocate(byteCount: Self.bufferSize, alignment: 64)
        buffer = room
        var offset: UInt64 = 0
        while offset < length {
            let size = sizeAt(offset)
            answers.output.waitForRoom(size)
            let status = fetch(offset, size, room + Answers.hostDataPrefix)
            guard status == Status.success else { return finish(ticket, status) }
            let isLast = offset + UInt64(size) == length
            if isLast {
                answers.forwardPrintedText()
                answers.deliveries?.flush()
            }
            var used = answers.writeHostData(
                ticket,
                record: room,
                offset: offset,
                length: size,
                status: Status.success,
                isLast: isLast
            )
            if isLast, ticket.wantsReply {
                answers.writeReply(ticket, Status.success, to: room + used, size: Self.replySize)
                used += Self.replySize
            }
            answers.output.write(UnsafeRawBufferPointer(start: room, count: used))
            offset += UInt64(size)
        }
    }
}
