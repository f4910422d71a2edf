internal import Driver
internal import DriverFrontend

extension GraphExec {
    /// Launches the graph: one piece of work of the stream, behind the launches before it.
    func launch(in stream: Stream) throws(Failure) {
        let graphs = stream.context.driver.graphs
        try launching.withLock { () throws(Failure) in
            let launch = try GraphLaunch(
                graphs.lock.withLock { () throws(Failure) in
                    guard graphs.memory.launch(number) else { throw .invalidValue }
                    return steps()
                }
            )
            let context = stream.context
            var after: [Ticket] = []
            if let last, last.stream !== stream, !last.isDone { after = [last] }
            let ticket = try context.submit(to: stream, after: after) { launch.run(in: context) }
            last = ticket
            launch.publish(ticket)
        }
    }

    /// Takes a turn in a stream behind the launches before it, without doing anything.
    func upload(in stream: Stream) throws(Failure) {
        try launching.withLock { () throws(Failure) in
            var after: [Ticket] = []
            if let last, last.stream !== stream, !last.isDone { after = [last] }
            try stream.context.submit(to: stream, isShort: true, after: after) { Status.success }
        }
    }

    /// Gives back what the graph holds, when its last launch is done.
    func end(_ driver: SoftDriver) {
        let last = launching.withLock { self.last }
        let release = { [self] in driver.graphs.lock.withLock { objects.releaseAll() } }
        guard let last, !last.isDone, !driver.graphs.lock.withLock({ objects.isEmpty }) else {
            return release()
        }
        do throws(Failure) {
            try last.stream.context.submit(
                to: last.stream,
                isShort: true,
                isUnconditional: true
            ) {
                release()
                return Status.success
            }
        } catch {
            release()
        }
    }
}

/// One launch of a graph.
private final class GraphLaunch: @unchecked Sendable {
    private enum Step {
        case work(Context?, () -> Int32)
        case record(Recording)
        case wait(Ticket)
    }

    private var steps: [Step] = []
    private var recordings: [(event: Event, recording: Recording)] = []

    init(_ steps: [GraphStep]) {
        self.steps.reserveCapacity(steps.count)
        for step in steps {
            switch step {
            case .work(let context, let body): self.steps.append(.work(context, body))
            case .record(let event):
                let recording = Recording()
                recordings.append((event, recording))
                self.steps.append(.record(recording))
            case .wait(let event):
                // What this launch itself records is done by then.
                if recordings.contains(where: { $0.event === event }) { continue }
                if let ticket = event.recording?.ticket { self.steps.append(.wait(ticket)) }
            }
        }
    }

    /// Lets everyone see what the launch records.
    func publish(_ ticket: Ticket) {
        for (event, recording) in recordings {
            recording.start(ticket)
            event.replace(recording)
        }
    }

    func run(in context: Context) -> Int32 {
        for step in steps {
            if context.isStopped { return Status.success }
            switch step {
            case .record(let recording): recording.stamp()
            case .wait(let ticket): ticket.wait()
            case .work(let own, let body):
                let status = run(body, own ?? context)
                if status != Status.success { return status }
            }
        }
        return Status.success
    }

    /// Work of another context breaks that one too.
    private func run(_ body: () -> Int32, _ context: Context) -> Int32 {
        if context.isStopped {
            return context.status == 0 ? Status.contextIsDestroyed : context.status
        }
        let status = body()
        if status != Status.success { context.fail(status) }
        return status
    }
}
