internal import CLinux
internal import Driver

extension Stream {
    /// Whether work became a node of a graph instead of being done.
    ///
    /// - Parameter work: What the node does; made only if the stream is captured.
    @inline(__always)
    func captures(_ work: @autoclosure () -> NodeWork) throws(Failure) -> Bool {
        guard Captures.isAny else { return false }
        return try context.driver.graphs.capture(work, in: self)
    }

    /// The same for a copy; one that the caller waits for cannot be part of a graph.
    @inline(__always)
    func captures(_ mode: CopyMode, _ work: @autoclosure () -> NodeWork) throws(Failure) -> Bool {
        guard Captures.isAny else { return false }
        if mode == .asynchronous { return try context.driver.graphs.capture(work, in: self) }
        try forbidCapture()
        try context.driver.checkUnsafeCall()
        return false
    }

    /// For calls that cannot be part of a graph: fails if the stream is captured, and breaks the
    /// capture.
    @inline(__always)
    func forbidCapture() throws(Failure) {
        if Captures.isAny { try context.driver.graphs.forbid(self) }
    }
}

extension SoftDriver {
    /// For calls that a graph would not repeat: fails if a capture does not allow them in this
    /// thread, and breaks the capture (cuThreadExchangeStreamCaptureMode).
    @inline(__always)
    func checkUnsafeCall() throws(Failure) {
        if Captures.isAny { try graphs.checkUnsafeCall() }
    }
}

extension Context {
    /// For calls that wait for the whole context: fails if one of its streams is captured.
    @inline(__always)
    func forbidCapture() throws(Failure) {
        if Captures.isAny { try driver.graphs.forbid(self) }
    }
}

/// The mode of the calling thread.
var threadCaptureMode: CaptureMode {
    ferry_thread().flatMap { CaptureMode(rawValue: $0.pointee.capture_mode) } ?? .global
}

extension GraphState {
    // MARK: - Work

    func capture(_ work: () -> NodeWork, in stream: Stream) throws(Failure) -> Bool {
        try capture(in: stream) { (_) throws(Failure) in work() }
    }

    /// The same for work that depends on the graph, or cannot be part of one.
    func capture(
        in stream: Stream,
        _ work: (Graph) throws(Failure) -> NodeWork
    ) throws(Failure) -> Bool {
        try lock.withLock { () throws(Failure) in
            guard let capture = try activeCapture(of: stream) else { return false }
            try add(work(capture.graph), to: capture, in: stream)
            return true
        }
    }

    private func add(
        _ work: NodeWork,
        to capture: Capture,
        in stream: Stream
    ) throws(Failure) {
        let front = capture.sequence.front(of: stream.id)
        let node = try add(work, to: capture.graph, after: front)
        capture.sequence.advance(stream.id, to: node.handle)
    }

    /// The capture that a stream takes part in; fails when it is broken, and for a legacy stream
    /// that would have to wait for a captured one.
    private func activeCapture(of stream: Stream) throws(Failure) -> Capture? {
        if let capture = stream.capture {
            guard capture.sequence.isValid else { throw .captureInvalidated }
            return capture
        }
        guard stream.role == .legacy else { return nil }
        let concerned = captures.filter { $0.concernsLegacy(of: stream.context) }
        guard !concerned.isEmpty else { return nil }
        for capture in concerned { capture.sequence.invalidate() }
        throw .captureImplicit
    }

    // MARK: - Events

    /// Records an event in a stream that is captured; false if it is not.
    func record(
        _ event: Event,
        in stream: Stream,
        isExternal: Bool
    ) throws(Failure) -> Bool {
        try lock.withLock { () throws(Failure) in
            guard let capture = try activeCapture(of: stream) else { return false }
            if isExternal {
                try add(.eventRecord(event), to: capture, in: stream)
            } else {
                let front = capture.sequence.front(of: stream.id)
                event.captured = CapturedRecord(capture: capture, edges: front)
            }
            return true
        }
    }

    /// Lets a stream wait for an event if either has to do with a capture; false if not.
    func wait(
        for event: Event,
        in stream: Stream,
        isExternal: Bool
    ) throws(Failure) -> Bool {
        try lock.withLock { () throws(Failure) in
            let own = try activeCapture(of: stream)
            if isExternal {
                guard let own else { return false }
                try add(.eventWait(event), to: own, in: stream)
                return true
            }
            guard let record = event.captured else {
                guard let own else { return false }
                if event.recording == nil { return true }
                own.sequence.invalidate()
                throw .captureIsolation
            }
            try join(stream, own, record)
            return true
        }
    }

    private func join(
        _ stream: Stream,
        _ own: Capture?,
        _ record: CapturedRecord
    ) throws(Failure) {
        let capture = record.capture
        guard !capture.isEnded else {
            own?.sequence.invalidate()
            throw .capturedEvent
        }
        guard capture.sequence.isValid else { throw .captureInvalidated }
        if let own, own !== capture {
            own.sequence.invalidate()
            capture.sequence.invalidate()
            throw .captureMerge
        }
        if own == nil {
            guard stream.role != .legacy else {
                capture.sequence.invalidate()
                throw .captureImplicit
            }
            stream.capture = capture
            capture.streams.append(stream)
        }
        capture.sequence.join(stream.id, record.edges)
    }

    /// For questions about an event: fails if it stands for no work, and breaks the capture.
    func check(_ event: Event) throws(Failure) {
        guard event.captured != nil else { return }
        try lock.withLock { () throws(Failure) in
            guard let record = event.captured else { return }
            record.capture.sequence.invalidate()
            throw .capturedEvent
        }
    }

    // MARK: - What is not allowed

    func forbid(_ stream: Stream) throws(Failure) {
        try lock.withLock { () throws(Failure) in
            guard let capture = try activeCapture(of: stream) else { return }
            capture.sequence.invalidate()
            throw .captureUnsupported
        }
    }

    func forbid(_ context: Context) throws(Failure) {
        try breakCaptures { capture in capture.streams.contains { $0.context === context } }
    }

    func checkUnsafeCall() throws(Failure) {
        let (thread, mode) = (StreamThread.current, threadCaptureMode)
        try breakCaptures { $0.sequence.forbidsUnsafeCalls(of: thread, in: mode) }
    }

    private func breakCaptures(_ isConcerned: (Capture) -> Bool) throws(Failure) {
        try lock.withLock { () throws(Failure) in
            let concerned = captures.filter(isConcerned)
            guard !concerned.isEmpty else { return }
            for capture in concerned { capture.sequence.invalidate() }
            throw .captureUnsupported
        }
    }
}
