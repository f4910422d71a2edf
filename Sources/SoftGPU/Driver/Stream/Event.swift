internal import CLinux
internal import Driver
internal import Synchronization

/// One recording of an event.
final class Recording: @unchecked Sendable {
    /// The work that must be done; set once, before anyone sees it.
    private(set) var ticket: Ticket?
    private let time = Atomic<UInt64>(0)

    init() {}

    func start(_ ticket: Ticket) { self.ticket = ticket }

    /// Notes the time: all work before is done.
    func stamp() { time.store(ferry_now_ns(), ordering: .releasing) }

    var isDone: Bool { ticket?.isDone ?? true }
    func wait() { ticket?.wait() }
    /// Nanoseconds of the monotonic clock, 0 if not yet.
    var nanoseconds: UInt64 { time.load(ordering: .acquiring) }
}

/// An event: remembers where a stream was when it was last recorded. Safe to use from any thread.
final class Event: @unchecked Sendable {
    let context: Context
    let hasTiming: Bool
    /// How far it is for all processes that use it; `nil` for one of this process alone.
    let shared: SharedEvent?
    /// Its handle; set once, before anyone sees it.
    var handle: UInt64 = 0
    private let lock = Lock()
    private var last: Recording?
    private var lastCaptured: CapturedRecord?

    /// - Parameter hasTiming: Whether elapsed times are asked for.
    init(context: Context, hasTiming: Bool, shared: SharedEvent? = nil) {
        self.context = context
        self.hasTiming = hasTiming
        self.shared = shared
    }

    /// The last recording; `nil` before the first.
    var recording: Recording? { lock.withLock { last } }

    /// Where it was recorded, if that was in a stream that was captured: it stands for no work then.
    var captured: CapturedRecord? {
        get { lock.withLock { lastCaptured } }
        set { lock.withLock { lastCaptured = newValue } }
    }

    /// Makes a recording the last one.
    func replace(_ recording: Recording) {
        lock.withLock {
            last = recording
            lastCaptured = nil
        }
    }

    /// Records the work that the stream has so far.
    func record(in stream: Stream) throws(Failure) {
        let recording = Recording()
        let shared = shared
        let number = shared?.record() ?? 0
        let ticket = try stream.context.submit(to: stream, isShort: true) {
            recording.stamp()
            shared?.reach(number)
            return Status.success
        }
        recording.start(ticket)
        replace(recording)
    }

    /// Whether the last recording is reached; true before the first.
    var isDone: Bool {
        shared.map { $0.isReached($0.latest) } ?? recording?.isDone ?? true
    }

    /// Returns when the last recording is reached.
    func wait() {
        if let shared { shared.wait(for: shared.latest) } else { recording?.wait() }
    }

    /// Has a stream go on when the last recording is reached.
    func hold(_ stream: Stream) throws(Failure) {
        if let shared {
            let number = shared.latest
            guard !shared.isReached(number) else { return }
            try stream.context.submit(to: stream) {
                shared.wait(for: number)
                return Status.success
            }
        } else if let ticket = recording?.ticket, !ticket.isDone {
            try stream.context.submit(to: stream, after: [ticket]) { Status.success }
        }
    }

    /// Milliseconds from `start` to `end`.
    static func elapsed(from start: Event, to end: Event) throws(Failure) -> Float {
        guard start.context === end.context, start.hasTiming, end.hasTiming,
            let first = start.recording, let second = end.recording
        else { throw .invalidHandle }
        guard first.isDone, second.isDone else { throw Failure(Status.notReady) }
        let difference = Int64(bitPattern: second.nanoseconds &- first.nanoseconds)
        return Float(Double(difference) / 1e6)
    }
}
