internal import Driver
internal import DriverFrontend
internal import SoftDevice

extension GraphExec {
    /// Launches the graph: one piece of work of the stream, behind the launches before it.
    func launch(in stream: Stream) throws(Failure) {
        let graphs = stream.context.driver.graphs
        try launching.withLock { () throws(Failure) in
            let launch = try graphs.lock.withLock { () throws(Failure) in
                guard graphs.memory.launch(number) else { throw .invalidValue }
                return GraphLaunch(steps(), conditionals)
            }
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
        case choose(ConditionalNode, [[Step]])
    }

    private var steps: [Step] = []
    private var recordings: [(event: Event, recording: Recording)] = []
    private let conditionals: [ConditionalHandle]

    init(_ steps: [GraphStep], _ conditionals: [ConditionalHandle]) {
        self.conditionals = conditionals
        self.steps = prepared(steps)
    }

    private func prepared(_ steps: [GraphStep]) -> [Step] {
        steps.compactMap { step in
            switch step {
            case .work(let context, let body): return .work(context, body)
            case .choose(let node, let bodies): return .choose(node, bodies.map(prepared))
            case .record(let event):
                let recording = Recording()
                recordings.append((event, recording))
                return .record(recording)
            case .wait(let event):
                // What this launch itself records is done by then.
                if recordings.contains(where: { $0.event === event }) { return nil }
                return event.recording?.ticket.map { .wait($0) }
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
        for handle in conditionals { handle.begin() }
        return run(steps, in: context)
    }

    private func run(_ steps: [Step], in context: Context) -> Int32 {
        for step in steps {
            if context.isStopped { return Status.success }
            switch step {
            case .choose(let node, let bodies):
                let status = run(node, bodies, in: context)
                if status != Status.success { return status }
            case .record(let recording): recording.stamp()
            case .wait(let ticket): ticket.wait()
            case .work(let own, let body):
                let status = run(body, own ?? context)
                if status != Status.success { return status }
            }
        }
        return Status.success
    }

    private func run(_ node: ConditionalNode, _ bodies: [[Step]], in context: Context) -> Int32 {
        var value = Int(node.handle.value)
        switch node.kind {
        case .choice:
            return run(value != 0 ? bodies[0] : bodies.dropFirst().first ?? [], in: context)
        case .selection:
            return value < bodies.count ? run(bodies[value], in: context) : Status.success
        case .loop:
            while value != 0, !context.isStopped {
                let status = run(bodies[0], in: context)
                // Kernels that are not executed do not end the loop.
                if status != Status.success || context.launches != .run { return status }
                value = Int(node.handle.value)
            }
            return Status.success
        }
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
