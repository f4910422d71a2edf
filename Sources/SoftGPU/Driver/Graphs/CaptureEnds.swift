internal import Driver

// How captures begin and end. The caller holds the lock, unless said otherwise.
extension GraphState {
    /// Begins a capture in a stream.
    ///
    /// - Parameter target: An existing graph to add to, and what the first node waits for.
    func beginCapture(
        _ stream: Stream,
        mode: Int32,
        into target: (graph: Graph, after: [GraphTopology.Edge])? = nil
    ) throws(Failure) {
        guard let mode = CaptureMode(rawValue: mode) else { throw .invalidValue }
        guard stream.role != .legacy else { throw .captureUnsupported }
        guard stream.capture == nil else { throw .illegalState }
        let sequence = CaptureSequence(
            id: Captures.nextID(),
            mode: mode,
            thread: StreamThread.current,
            origin: stream.id,
            after: target?.after ?? []
        )
        let graph = target?.graph ?? makeGraph()
        graph.captures += 1
        let capture = Capture(sequence, stream, graph, makesGraph: target == nil)
        captures.append(capture)
        stream.capture = capture
        Captures.began()
    }

    /// Ends the capture of a stream and returns its graph.
    func endCapture(_ stream: Stream) throws(Failure) -> Graph {
        guard let capture = stream.capture else { throw .illegalState }
        do throws(Failure) {
            try capture.sequence.checkEnd(in: stream.id, thread: StreamThread.current)
        } catch {
            if error == .captureUnmatched { capture.sequence.invalidate() }
            throw error
        }
        let (isValid, graph) = (capture.sequence.isValid, capture.graph)
        let isUnjoined = capture.sequence.isUnjoined(graph.topology)
        end(capture, keepingGraph: isValid && !isUnjoined)
        guard isValid else { throw .captureInvalidated }
        guard !isUnjoined else { throw .captureUnjoined }
        return graph
    }

    private func end(_ capture: Capture, keepingGraph: Bool) {
        for stream in capture.streams { stream.capture = nil }
        captures.removeAll { $0 === capture }
        capture.end()
        capture.graph.captures -= 1
        if capture.makesGraph, !keepingGraph { destroy(capture.graph) }
        Captures.ended()
    }

    /// A stream goes: the capture that began in it ends. One that it has joined goes on with its
    /// work, which has to be joined all the same (NVIDIA's sample graphMemoryNodes does so). Takes
    /// the lock.
    func removeStream(_ stream: Stream) {
        guard Captures.isAny else { return }
        lock.withLock {
            guard let capture = stream.capture else { return }
            guard capture.sequence.origin == stream.id else {
                stream.capture = nil
                capture.streams.removeAll { $0 === stream }
                return
            }
            capture.sequence.invalidate()
            end(capture, keepingGraph: false)
        }
    }
}
