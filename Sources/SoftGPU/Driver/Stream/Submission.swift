internal import Driver

extension Context {
    /// Gives work to a stream and returns at once.
    ///
    /// - Parameters:
    ///   - isShort: The caller may do it itself when the stream is idle, instead of waking a
    ///     thread.
    ///   - isUnconditional: The body is called even in a broken or destroyed context.
    ///   - after: Work of other streams that must be done before.
    ///   - body: Returns a status; one that is not success breaks the context.
    @discardableResult
    func submit(
        to stream: Stream,
        isShort: Bool = false,
        isUnconditional: Bool = false,
        after: [Ticket] = [],
        _ body: @escaping () -> Int32
    ) throws(Failure) -> Ticket {
        let place = try order.withLock { () throws(Failure) in
            try stream.enqueue(
                after: after + implicitOrder(stream),
                runsNowIfIdle: isShort,
                isUnconditional: isUnconditional,
                body
            )
        }
        if place.isCallers {
            stream.finish(place.number, after: [], isUnconditional: isUnconditional, body)
        }
        return Ticket(stream: stream, number: place.number)
    }

    /// Does work in its turn on the calling thread and returns when it is done.
    func perform(in stream: Stream, _ body: () -> Int32) throws(Failure) {
        let (number, after) = order.withLock { (stream.takeTurn(), implicitOrder(stream)) }
        stream.finish(number, after: after, body)
        try check()
    }

    /// What new work of a stream has to wait for besides the stream's own: the legacy stream waits
    /// for all blocking streams, and they wait for it.
    private func implicitOrder(_ stream: Stream) -> [Ticket] {
        guard stream.isBlocking else { return [] }
        if stream.role != .legacy { return legacy.pendingTicket.map { [$0] } ?? [] }
        return otherStreams().compactMap { $0.isBlocking ? $0.pendingTicket : nil }
    }

    /// Waits for a stream as `cuStreamSynchronize` does.
    func synchronize(_ stream: Stream) {
        if stream.role == .legacy {
            for other in otherStreams() where other.isBlocking { other.lastTicket.wait() }
        }
        stream.lastTicket.wait()
        output.flush()
    }

    /// Whether a stream has done all its work.
    func isIdle(_ stream: Stream) -> Bool {
        guard stream.pendingTicket == nil else { return false }
        guard stream.role == .legacy else { return true }
        return otherStreams().allSatisfy { !$0.isBlocking || $0.pendingTicket == nil }
    }
}
