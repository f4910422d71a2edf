internal import CUDAABI
internal import Driver
internal import Wire

// A wait that is short costs less than waking a thread for it: as long as the client sends nothing
// else, the reader looks itself whether the GPU has come so far. It never waits in the driver for
// what has not ended (rule 6 of the data plane).
extension Executor {
    /// Streams that are asked whether a context has work left; with more, a thread waits for it.
    private static let mostQueries = 16

    /// Whether a wait is the reader's to look after.
    @inline(__always)
    package var isHolding: Bool { state.pointee.held != nil }

    /// Replies at once if nothing is left to wait for, else keeps the wait for `finishHeld`.
    func hold(_ job: WaitJob) {
        if hasEnded(job) { return readerWaiting.performHere(job) }
        handOver()
        state.pointee.held = job
    }

    /// Replies to the wait that is held, if it has ended.
    ///
    /// - Returns: Whether it has.
    package func finishHeld() -> Bool {
        guard let job = state.pointee.held, hasEnded(job) else { return false }
        state.pointee.held = nil
        readerWaiting.performHere(job)
        return true
    }

    /// Gives the wait that is held to a thread of its own: the reader has something else to do.
    @inline(__always)
    package func handOver() {
        if _slowPath(isHolding) { submitHeld() }
    }

    private func submitHeld() {
        guard let job = state.pointee.held else { return }
        state.pointee.held = nil
        waiters.submit(job)
    }

    /// Whether doing it will not wait for the GPU. An error is an end, too.
    private func hasEnded(_ job: WaitJob) -> Bool {
        switch job.kind {
        case .stream(let stream): stream > 1 ? isIdle(CUstream(bitPattern: stream)) : isIdle(job)
        case .event(let event):
            driver.cuEventQuery?(CUevent(bitPattern: event)) != Status.notReady
        case .context: isIdle(job)
        case .copy(_, let length, let stream):
            if length > UInt64(Waiting.pieceSize) {
                false
            } else if let stream, stream > 1 {
                isIdle(CUstream(bitPattern: stream))
            } else {
                isIdle(job)
            }
        case .box(let address): hasEnded(job, WaitJob.box(address))
        case .room(let address): hasRoom(WaitJob.room(address))
        }
    }

    private func hasEnded(_ job: WaitJob, _ box: UnsafeMutablePointer<BoxFetch>?) -> Bool {
        guard let box, box.pointee.copy.extent.bytes <= Waiting.pieceSize else { return false }
        guard let stream = box.pointee.stream, stream > 1 else { return isIdle(job) }
        return isIdle(CUstream(bitPattern: stream))
    }

    private func hasRoom(_ room: UnsafeMutablePointer<StagingRoom>?) -> Bool {
        deliveries.flushIfRead()
        return room?.pointee.look() ?? true
    }

    private func isIdle(_ stream: CUstream?) -> Bool {
        mayQuery(stream) && driver.cuStreamQuery?(stream) != Status.notReady
    }

    /// Whether the context of a wait has no work left: its default stream waits for all others.
    private func isIdle(_ job: WaitJob) -> Bool {
        handles.streams.areIdle(context: job.ticket.context, most: Self.mostQueries) { isIdle($0) }
    }
}
