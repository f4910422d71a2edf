internal import CUDAABI
internal import Driver
internal import Wire

// Calls that wait. What has ended already is answered at once; everything else waits aside.
extension Executor {
    func synchronizeStream(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: Request_cuStreamSynchronize.size)
        guard let stream = handles.streams.find(record.load(0, as: UInt64.self)) else {
            return finish(record, Status.invalidHandle)
        }
        guard let query = driver.cuStreamQuery, let wait = driver.cuStreamSynchronize else {
            return finish(record, Status.notFound)
        }
        if query(stream) == Status.notReady {
            submit(record, .stream(UInt(bitPattern: stream)))
        } else {
            // Does not wait any more, but prints what kernels have printed.
            let status = wait(stream)
            answers.forwardPrintedText()
            finish(record, status)
        }
    }

    func synchronizeEvent(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: EventSynchronizeLayout.size)
        guard let event = handles.events.find(record.load(0, as: UInt64.self)) else {
            return finish(record, Status.invalidHandle)
        }
        guard let query = driver.cuEventQuery, let wait = driver.cuEventSynchronize else {
            return finish(record, Status.notFound)
        }
        if query(event) == Status.notReady {
            submit(record, .event(UInt(bitPattern: event)))
        } else {
            let status = wait(event)
            answers.forwardPrintedText()
            finish(record, status)
        }
    }

    func synchronizeContext(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 0)
        guard contexts[record.context] != nil else {
            return finish(record, Status.invalidContext)
        }
        submit(record, .context)
    }

    private func submit(_ record: Record, _ kind: WaitJob.Kind) {
        let context = contexts[record.context]?.context
        waiters.submit(WaitJob(ticket: Ticket(record), context: context, kind: kind))
    }
}
