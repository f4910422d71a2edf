internal import Driver
internal import Synchronization

/// A point in a stream: the work given to it up to a number.
struct Ticket {
    let stream: Stream
    let number: UInt64

    /// Whether that work is done.
    var isDone: Bool { stream.hasDone(number) }

    /// Waits until it is.
    func wait() { stream.wait(for: number) }
}

/// A stream: work is done one after another, in the order in which it was given.
///
/// Each piece has a number. Long work runs on the stream's own thread, which is started when it
/// is first needed; a call that must wait for its work anyway does it itself, when its turn has
/// come. Safe to use from any thread.
final class Stream: @unchecked Sendable {
    /// Who made it.
    enum Role {
        /// The default stream that waits for all blocking ones and is waited for by them.
        case legacy
        /// A thread's own default stream.
        case perThread
        /// `cuStreamCreate`.
        case created
    }

    let context: Context
    let role: Role
    /// Whether it and the legacy stream wait for each other.
    let isBlocking: Bool
    let priority: Int32
    /// What `cuStreamGetId` says.
    let id: UInt64
    /// The handle of a created stream; set once, before anyone sees it.
    var handle: UInt64 = 0
    /// The capture that it takes part in; guarded by `GraphState.lock`.
    var capture: Capture?

    struct Work {
        var number: UInt64
        /// What must be done first, in other streams.
        var after: [Ticket]
        /// Whether it is done in a broken or destroyed context too.
        var isUnconditional: Bool
        /// Does the work and returns a status.
        var body: () -> Int32
    }

    let lock = Lock()
    let changed = Condition()
    // Guarded by `lock`:
    private var queue: [Work] = []
    private var head = 0
    private var submitted: UInt64 = 0
    private var completed: UInt64 = 0
    private var hasExecutor = false
    private var isClosed = false

    private static let lastID = Atomic<UInt64>(2)

    init(context: Context, role: Role, isBlocking: Bool, priority: Int32) {
        self.context = context
        self.role = role
        self.isBlocking = isBlocking
        self.priority = priority
        switch role {
        case .legacy: id = 1
        case .perThread, .created: id = Self.lastID.add(1, ordering: .relaxed).newValue
        }
    }

    // MARK: - State

    /// All work given so far.
    var lastTicket: Ticket {
        lock.withLock { Ticket(stream: self, number: submitted) }
    }

    /// All work given so far, or `nil` when it is done.
    var pendingTicket: Ticket? {
        lock.withLock {
            submitted == completed ? nil : Ticket(stream: self, number: submitted)
        }
    }

    func hasDone(_ number: UInt64) -> Bool {
        lock.withLock { completed >= number }
    }

    func wait(for number: UInt64) {
        lock.withLock {
            while completed < number { changed.wait(lock) }
        }
    }

    // MARK: - Giving work

    /// Adds work for the stream's thread.
    ///
    /// - Parameter runsNowIfIdle: The work is short: if nothing is before it, the caller does it.
    /// - Returns: The work's number, and whether the caller must do it now with `finish`.
    func enqueue(
        after: [Ticket],
        runsNowIfIdle: Bool,
        isUnconditional: Bool,
        _ body: @escaping () -> Int32
    ) throws(Failure) -> (number: UInt64, isCallers: Bool) {
        try lock.withLock { () throws(Failure) in
            if runsNowIfIdle, after.isEmpty, completed == submitted {
                submitted += 1
                return (submitted, true)
            }
            try startExecutor()
            submitted += 1
            queue.append(
                Work(
                    number: submitted,
                    after: after,
                    isUnconditional: isUnconditional,
                    body: body
                )
            )
            changed.broadcast()
            return (submitted, false)
        }
    }

    /// Takes a number for work that the caller does itself with `finish`.
    func takeTurn() -> UInt64 {
        lock.withLock {
            submitted += 1
            return submitted
        }
    }

    /// Waits for the turn of work that the caller has taken a number for, does it, and says so.
    func finish(
        _ number: UInt64,
        after: [Ticket],
        isUnconditional: Bool = false,
        _ body: () -> Int32
    ) {
        wait(for: number - 1)
        for ticket in after { ticket.wait() }
        perform(isUnconditional, body)
        complete(number)
    }

    /// No more work comes; the thread ends when it has done what there is.
    func close() {
        lock.withLock {
            isClosed = true
            changed.broadcast()
        }
    }

    // MARK: - Doing it

    private func startExecutor() throws(Failure) {
        if hasExecutor { return }
        guard StreamThread.start(name: "ferry-stream", { [self] in execute() }) else {
            throw Failure(Status.operatingSystem)
        }
        hasExecutor = true
    }

    private func execute() {
        while let work = next() {
            for ticket in work.after { ticket.wait() }
            perform(work.isUnconditional, work.body)
            complete(work.number)
        }
    }

    /// Waits for work whose turn it is; `nil` at the end.
    private func next() -> Work? {
        lock.withLock {
            while head == queue.count {
                if isClosed { return nil }
                changed.wait(lock)
            }
            let work = queue[head]
            while completed != work.number - 1 { changed.wait(lock) }
            // Lets go of what the work holds once it is done, at a bearable price.
            head += 1
            if head == queue.count || head >= 64 {
                queue.removeFirst(head)
                head = 0
            }
            return work
        }
    }

    private func perform(_ isUnconditional: Bool, _ body: () -> Int32) {
        if context.isStopped, !isUnconditional { return }
        let status = body()
        if status != Status.success { context.fail(status) }
    }

    private func complete(_ number: UInt64) {
        lock.withLock {
            completed = number
            changed.broadcast()
        }
    }
}
