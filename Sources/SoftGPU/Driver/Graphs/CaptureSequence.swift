internal import Driver

/// `CUstreamCaptureMode`: what else may happen while a stream is captured.
enum CaptureMode: Int32 {
    case global = 0
    case threadLocal = 1
    case relaxed = 2
}

/// What is known of one capture: who began it, which streams take part, and what the next work of
/// each will wait for. A pure value; streams are numbers that are never used twice.
struct CaptureSequence {
    typealias Edge = GraphTopology.Edge

    /// Never used twice in a process, never 0.
    let id: UInt64
    let mode: CaptureMode
    /// The thread that began it.
    let thread: UInt64
    /// The stream where it began.
    let origin: UInt64
    /// False from the first forbidden call on; only ending it is left then.
    private(set) var isValid = true
    private var fronts: [UInt64: [Edge]]

    init(id: UInt64, mode: CaptureMode, thread: UInt64, origin: UInt64, after front: [Edge]) {
        self.id = id
        self.mode = mode
        self.thread = thread
        self.origin = origin
        fronts = [origin: front]
    }

    /// The streams that take part.
    var streams: [UInt64] { Array(fronts.keys) }

    /// What the next work of a stream waits for.
    func front(of stream: UInt64) -> [Edge] { fronts[stream] ?? [] }

    mutating func invalidate() { isValid = false }

    /// A node was made of work of the stream.
    mutating func advance(_ stream: UInt64, to node: UInt64) { fronts[stream] = [Edge(node: node)] }

    /// The stream takes part from now on, if it did not, and waits for these as well.
    mutating func join(_ stream: UInt64, _ edges: [Edge]) {
        var front = fronts[stream] ?? []
        for edge in edges where !front.contains(where: { $0.node == edge.node }) {
            front.append(edge)
        }
        fronts[stream] = front
    }

    /// The stream waits for these only.
    mutating func replaceFront(of stream: UInt64, _ edges: [Edge]) {
        fronts[stream] = []
        join(stream, edges)
    }

    /// Whether a thread in some mode must not make calls that a graph would not repeat
    /// (cuThreadExchangeStreamCaptureMode).
    func forbidsUnsafeCalls(of thread: UInt64, in mode: CaptureMode) -> Bool {
        switch mode {
        case .relaxed: false
        case .threadLocal: self.thread == thread && self.mode != .relaxed
        case .global: self.mode == .global || self.thread == thread && self.mode != .relaxed
        }
    }

    /// Why the capture cannot be ended here, if it cannot.
    func checkEnd(in stream: UInt64, thread: UInt64) throws(Failure) {
        guard stream == origin else { throw .captureUnmatched }
        guard mode == .relaxed || thread == self.thread else { throw .captureWrongThread }
    }

    /// Whether a stream has work that the first one does not wait for.
    func isUnjoined(_ topology: GraphTopology) -> Bool {
        let joined = topology.ancestors(of: front(of: origin).map(\.node))
        return fronts.values.contains { $0.contains { !joined.contains($0.node) } }
    }
}
