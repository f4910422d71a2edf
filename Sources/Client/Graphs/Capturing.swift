internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Synchronization

/// The session's captures. While there is any, every context counts as watched: hot paths find it not usable
/// and go the long way, where this is asked. So captures cost nothing while there are none.
struct Captures: ~Copyable {
    fileprivate let lock = ForkSafeLock()
    fileprivate let any = Atomic<Bool>(false)
    fileprivate var state = CaptureState()

    /// Whether any stream is captured.
    @inline(__always)
    var isAny: Bool { any.load(ordering: .relaxed) }
}

/// What calls ask about captures.
enum Capturing {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Looks at the captures, or changes them.
    static func with<R>(_ state: State, _ body: (inout CaptureState) -> R) -> R {
        state.pointee.captures.lock.lock()
        defer { state.pointee.captures.lock.unlock() }
        let result = body(&state.pointee.captures.state)
        let isAny = !state.pointee.captures.state.captures.isEmpty
        if isAny != state.pointee.captures.isAny {
            state.pointee.captures.any.store(isAny, ordering: .relaxed)
            state.pointee.objectLock.withLock {
                state.pointee.contexts.watch(isAny, for: .captures)
            }
        }
        return result
    }

    /// The calling thread, and its mode.
    static var thread: Int32 { ferry_thread_id() }
    static var mode: CaptureMode {
        ferry_thread().flatMap { CaptureMode(rawValue: $0.pointee.capture_mode) } ?? .global
    }

    /// What is to be known of a stream, given as it is on the wire.
    static func stream(_ state: State, _ handle: UInt64) -> CapturedStream {
        guard let entry = state.pointee.streams.find(handle) else {
            let current = ContextStack.current
            return CapturedStream(handle: handle, context: current, isBlocking: true)
        }
        return CapturedStream(
            handle: handle,
            context: entry.pointee.context,
            isBlocking: entry.pointee.flags & 1 == 0
        )
    }

    /// What becomes of work that the server does in a stream.
    @inline(__always)
    static func work(_ state: State, _ stream: UInt64) -> CaptureState.Verdict {
        guard _slowPath(state.pointee.captures.isAny) else { return .plain }
        return with(state) { $0.work(stream, context: ContextStack.current) }
    }

    /// The status that refuses such work; "success" when it is done, or captured.
    @inline(__always)
    static func check(_ state: State, _ stream: UInt64) -> Int32 {
        if case .refused(let status) = work(state, stream) { return status }
        return Status.success
    }

    /// A status that ends a call; `nil` for "success".
    static func refusal(_ status: Int32) -> Int32? { status == Status.success ? nil : status }

    /// The status of a call that cannot be part of a graph; breaks the stream's capture.
    @inline(__always)
    static func forbid(_ state: State, _ stream: UInt64) -> Int32 {
        guard _slowPath(state.pointee.captures.isAny) else { return Status.success }
        return with(state) { $0.forbid(stream, context: ContextStack.current) }
    }

    /// The same for one that waits for a whole context, given by its handle.
    @inline(__always)
    static func forbid(_ state: State, context: UInt64) -> Int32 {
        guard _slowPath(state.pointee.captures.isAny) else { return Status.success }
        return with(state) { $0.forbid(context: context) }
    }

    /// The same for one that a graph would not repeat.
    @inline(__always)
    static func checkUnsafeCall(_ state: State) -> Int32 {
        guard _slowPath(state.pointee.captures.isAny) else { return Status.success }
        return with(state) { $0.checkUnsafeCall(of: thread, in: mode) }
    }

    /// The same for a copy that its caller waits for: it is in the legacy stream.
    @inline(__always)
    static func checkSynchronous(_ state: State) -> Int32 {
        guard _slowPath(state.pointee.captures.isAny) else { return Status.success }
        return with(state) { captures in
            let status = captures.forbid(0, context: ContextStack.current)
            guard status == Status.success else { return status }
            return captures.checkUnsafeCall(of: thread, in: mode)
        }
    }

    /// Waits for everything in the current context that is no part of a capture: what `cuCtxSynchronize` would
    /// wait for, where the program has not asked for it.
    static func settle(_ state: State, _ context: UInt32) -> Int32 {
        guard state.pointee.captures.isAny else { return ClientCalls.cuCtxSynchronize() }
        let current = ContextStack.current
        var streams: [UInt64] = []
        let isLegacyFree = with(state) { $0.isLegacyFree(of: current) }
        if isLegacyFree { streams.append(0) }
        state.pointee.objectLock.withLock {
            state.pointee.streams.forEach { handle, entry in
                if entry.pointee.context == current { streams.append(handle) }
            }
        }
        var status = Status.success
        for stream in streams where with(state, { $0.capture(of: stream) }) == nil {
            let told = Session.synchronize(state, context: context, stream: stream)
            if told != Status.success { status = told }
        }
        return status
    }
}

/// Where an event was recorded last, if that was in a capture: the capture's identifier, marked.
extension EventEntry {
    private static let mark: UInt64 = 1 << 63

    /// The identifier of the capture in which it was recorded last; 0 if it was not.
    var capture: UInt64 { recordedAt & Self.mark != 0 ? recordedAt & ~Self.mark : 0 }

    mutating func recordInCapture(_ identifier: UInt64) { recordedAt = Self.mark | identifier }

    /// A graph may record it whenever it runs, so its state is asked for each time.
    mutating func belongToGraph() {
        isOfGraph = true
        completedAt = .max
    }
}
