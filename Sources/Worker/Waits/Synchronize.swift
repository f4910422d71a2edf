internal import CUDAABI
internal import Driver
internal import Wire

// Calls that wait.
extension Executor {
    func synchronizeStream(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: StreamSynchronizeLayout.size)
        guard let stream = handles.streams.find(record.load(0, as: UInt64.self)) else {
            return finish(record, Status.invalidHandle)
        }
        wait(record, .stream(UInt(bitPattern: stream)))
    }

    func synchronizeEvent(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: EventSynchronizeLayout.size)
        guard let event = handles.events.find(record.load(0, as: UInt64.self)) else {
            return finish(record, Status.invalidHandle)
        }
        wait(record, .event(UInt(bitPattern: event)))
    }

    func synchronizeContext(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 0)
        guard contexts[record.context] != nil else {
            return finish(record, Status.invalidContext)
        }
        wait(record, .context)
    }

    /// Replies when the GPU has come so far.
    func wait(_ record: Record, _ kind: WaitJob.Kind) {
        let context = contexts[record.context]?.context
        hold(WaitJob(ticket: Ticket(record), context: context, kind: kind))
    }
}
