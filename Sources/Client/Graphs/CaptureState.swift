internal import CUDAABI
internal import Driver

/// `CUstreamCaptureMode`: what else may happen while a stream is captured.
package enum CaptureMode: Int32, Sendable {
    case global = 0
    case threadLocal = 1
    case relaxed = 2
}

/// A stream, as captures see it.
package struct CapturedStream: Equatable, Sendable {
    /// Its handle, above 1.
    package var handle: UInt64
    /// The handle of its context.
    package var context: UInt64
    /// Whether it and the legacy stream of its context wait for each other.
    package var isBlocking: Bool

    /// A stream with these properties.
    package init(handle: UInt64, context: UInt64, isBlocking: Bool) {
        self.handle = handle
        self.context = context
        self.isBlocking = isBlocking
    }
}

/// A capture that is going on.
package struct Capture: Sendable {
    /// Never used twice in a process, never 0.
    package let identifier: UInt64
    package let mode: CaptureMode
    /// The thread that began it.
    package let thread: Int32
    /// The handle of the stream where it began.
    package let origin: UInt64
    /// The handle of the graph that it fills.
    package let graph: UInt64
    /// Whether the graph is made by it.
    package let makesGraph: Bool
    /// False from the first forbidden call on; only ending it is left then.
    package internal(set) var isValid = true
    /// The streams that take part, the first one first.
    package internal(set) var streams: [CapturedStream]

    func has(_ stream: UInt64) -> Bool {
        for member in streams where member.handle == stream { return true }
        return false
    }

    /// Whether one of its streams and the legacy stream of a context wait for each other.
    func concernsLegacy(of context: UInt64) -> Bool {
        for stream in streams where stream.isBlocking && stream.context == context { return true }
        return false
    }

    /// Whether a thread in some mode must not make calls that a graph would not repeat
    /// (cuThreadExchangeStreamCaptureMode).
    func forbidsUnsafeCalls(of thread: Int32, in mode: CaptureMode) -> Bool {
        switch mode {
        case .relaxed: false
        case .threadLocal: self.thread == thread && self.mode != .relaxed
        case .global: self.mode == .global || self.thread == thread && self.mode != .relaxed
        }
    }
}

/// What the client knows of captures, so that it answers and refuses as the driver would, without asking
/// the server. A pure value; statuses are the driver's.
package struct CaptureState: Sendable {
    /// What becomes of work that is given to a stream.
    package enum Verdict: Equatable, Sendable {
        /// It is done.
        case plain
        /// It becomes part of the capture of this identifier.
        case captured(UInt64)
        /// The call fails with this status.
        case refused(Int32)
    }

    package private(set) var captures: [Capture] = []
    private var last: UInt64 = 0

    /// No captures.
    package init() {}

    private func index(of stream: UInt64) -> Int? {
        for index in captures.indices where captures[index].has(stream) { return index }
        return nil
    }

    /// The capture that a stream takes part in.
    package func capture(of stream: UInt64) -> Capture? { index(of: stream).map { captures[$0] } }

    /// Whether a capture fills this graph.
    package func isFilled(_ graph: UInt64) -> Bool {
        for capture in captures where capture.graph == graph { return true }
        return false
    }

    // MARK: - Beginning and ending

    /// Begins a capture in a stream that is none of the legacy stream's names.
    ///
    /// - Returns: `nil` when the stream is captured already.
    package mutating func begin(
        _ stream: CapturedStream,
        mode: CaptureMode,
        thread: Int32,
        graph: UInt64,
        makesGraph: Bool
    ) -> UInt64? {
        guard index(of: stream.handle) == nil else { return nil }
        last += 1
        captures.append(
            Capture(
                identifier: last,
                mode: mode,
                thread: thread,
                origin: stream.handle,
                graph: graph,
                makesGraph: makesGraph,
                streams: [stream]
            )
        )
        return last
    }

    /// Why the capture of a stream cannot be ended here and now; "success" when it can.
    package mutating func checkEnd(_ stream: UInt64, thread: Int32) -> Int32 {
        guard let index = index(of: stream) else { return Status.illegalState }
        guard captures[index].origin == stream else {
            captures[index].isValid = false
            return FERRY_CUDA_ERROR_STREAM_CAPTURE_UNMATCHED
        }
        guard captures[index].mode == .relaxed || captures[index].thread == thread else {
            return FERRY_CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD
        }
        return Status.success
    }

    /// The capture is over.
    package mutating func end(_ identifier: UInt64) {
        for index in captures.indices where captures[index].identifier == identifier {
            captures.remove(at: index)
            return
        }
    }

    /// A stream is destroyed: the capture that began in it ends. One that it has joined goes on with its work,
    /// which has to be joined all the same (NVIDIA's sample graphMemoryNodes does so).
    ///
    /// - Returns: The capture that has ended.
    package mutating func remove(_ stream: UInt64) -> Capture? {
        guard let index = index(of: stream) else { return nil }
        guard captures[index].origin == stream else {
            captures[index].streams.removeAll { $0.handle == stream }
            return nil
        }
        captures[index].isValid = false
        return captures.remove(at: index)
    }

    // MARK: - Work

    /// What becomes of work for a stream.
    ///
    /// - Parameters:
    ///   - stream: Its handle; 0 and 1 are the legacy stream.
    ///   - context: The handle of the context, for the legacy stream.
    package mutating func work(_ stream: UInt64, context: UInt64) -> Verdict {
        if stream > 1 {
            guard let index = index(of: stream) else { return .plain }
            return captures[index].isValid
                ? .captured(captures[index].identifier)
                : .refused(FERRY_CUDA_ERROR_STREAM_CAPTURE_INVALIDATED)
        }
        var isConcerned = false
        for index in captures.indices where captures[index].concernsLegacy(of: context) {
            captures[index].isValid = false
            isConcerned = true
        }
        return isConcerned ? .refused(FERRY_CUDA_ERROR_STREAM_CAPTURE_IMPLICIT) : .plain
    }

    /// Whether the legacy stream of a context can be asked for its state.
    package func isLegacyFree(of context: UInt64) -> Bool {
        for capture in captures where capture.concernsLegacy(of: context) { return false }
        return true
    }

    /// What becomes of a stream's wait for an event.
    ///
    /// - Parameters:
    ///   - stream: Its handle; 0 and 1 are the legacy stream.
    ///   - event: The identifier of the capture in which the event was recorded last; 0 for none.
    ///   - isRecorded: Whether the event was recorded at all.
    /// - Returns: "Captured" when the wait orders captured work.
    package mutating func wait(
        _ stream: CapturedStream,
        for event: UInt64,
        isRecorded: Bool
    ) -> Verdict {
        if case .refused(let status) = work(stream.handle, context: stream.context) {
            return .refused(status)
        }
        let own = index(of: stream.handle)
        guard event != 0 else {
            guard let own, isRecorded else { return .plain }
            captures[own].isValid = false
            return .refused(FERRY_CUDA_ERROR_STREAM_CAPTURE_ISOLATION)
        }
        guard let other = captures.firstIndex(where: { $0.identifier == event }) else {
            if let own { captures[own].isValid = false }
            return .refused(FERRY_CUDA_ERROR_CAPTURED_EVENT)
        }
        guard captures[other].isValid else {
            return .refused(FERRY_CUDA_ERROR_STREAM_CAPTURE_INVALIDATED)
        }
        if let own, own != other {
            captures[own].isValid = false
            captures[other].isValid = false
            return .refused(FERRY_CUDA_ERROR_STREAM_CAPTURE_MERGE)
        }
        if own == nil {
            guard stream.handle > 1 else {
                captures[other].isValid = false
                return .refused(FERRY_CUDA_ERROR_STREAM_CAPTURE_IMPLICIT)
            }
            captures[other].streams.append(stream)
        }
        return .captured(event)
    }

    // MARK: - What is not allowed

    /// For calls that cannot be part of a graph: the status of one about a stream, whose capture it breaks.
    package mutating func forbid(_ stream: UInt64, context: UInt64) -> Int32 {
        switch work(stream, context: context) {
        case .plain: return Status.success
        case .refused(let status): return status
        case .captured(let identifier):
            invalidate(identifier)
            return FERRY_CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED
        }
    }

    /// The same for calls that wait for a whole context.
    package mutating func forbid(context: UInt64) -> Int32 {
        breakAll { capture in
            for stream in capture.streams where stream.context == context { return true }
            return false
        }
    }

    /// The same for calls that a graph would not repeat, such as those that take memory.
    package mutating func checkUnsafeCall(of thread: Int32, in mode: CaptureMode) -> Int32 {
        breakAll { $0.forbidsUnsafeCalls(of: thread, in: mode) }
    }

    /// A question about an event that was recorded in a capture breaks that.
    package mutating func invalidate(_ identifier: UInt64) {
        for index in captures.indices where captures[index].identifier == identifier {
            captures[index].isValid = false
        }
    }

    private mutating func breakAll(_ isConcerned: (Capture) -> Bool) -> Int32 {
        var status = Status.success
        for index in captures.indices where isConcerned(captures[index]) {
            captures[index].isValid = false
            status = FERRY_CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED
        }
        return status
    }
}
