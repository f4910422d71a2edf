internal import Driver
internal import Synchronization

/// Whether any stream is captured: what calls look at that have nothing to do with captures.
enum Captures {
    private static let count = Atomic<Int>(0)

    @inline(__always)
    static var isAny: Bool { count.load(ordering: .relaxed) != 0 }

    static func began() { count.add(1, ordering: .relaxed) }
    static func ended() { count.subtract(1, ordering: .relaxed) }

    /// Never used twice, never 0.
    static func nextID() -> UInt64 { lastID.add(1, ordering: .relaxed).newValue }
    private static let lastID = Atomic<UInt64>(0)
}

/// A capture that is going on: the streams that take part and the graph that their work becomes.
/// Guarded by `GraphState.lock`.
final class Capture: @unchecked Sendable {
    var sequence: CaptureSequence
    let graph: Graph
    /// Whether the graph was made for it, and goes if it fails.
    let makesGraph: Bool
    var streams: [Stream]
    private(set) var isEnded = false
    /// What `cuStreamGetCaptureInfo` points to, by stream.
    private var lists: [UInt64: DependencyList] = [:]

    init(_ sequence: CaptureSequence, _ stream: Stream, _ graph: Graph, makesGraph: Bool) {
        self.sequence = sequence
        self.graph = graph
        self.makesGraph = makesGraph
        streams = [stream]
    }

    /// Whether one of its streams and the legacy stream of a context wait for each other.
    func concernsLegacy(of context: Context) -> Bool {
        streams.contains { $0.isBlocking && $0.context === context }
    }

    func end() {
        isEnded = true
        lists = [:]
    }

    /// What the next work of a stream waits for, in memory that stays until the next question.
    func list(of stream: Stream) -> DependencyList {
        let list = DependencyList(sequence.front(of: stream.id))
        lists[stream.id] = list
        return list
    }
}

/// Nodes and what is said of the dependencies on them, as arrays that a program can read.
final class DependencyList {
    let count: Int
    let nodes: UnsafeMutablePointer<OpaquePointer?>
    private let edges: UnsafeMutableRawPointer
    let isPlain: Bool

    init(_ front: [GraphTopology.Edge]) {
        count = front.count
        nodes = .allocate(capacity: max(1, count))
        nodes.initialize(repeating: nil, count: max(1, count))
        edges = .allocate(byteCount: max(1, count) * EdgeData.size, alignment: 8)
        isPlain = front.allSatisfy { $0.data == .plain }
        for (index, edge) in front.enumerated() {
            nodes[index] = handle(edge.node)
            edge.data.write(to: OpaquePointer(edges), at: index)
        }
    }

    /// An array of `CUgraphEdgeData`.
    var edgeData: OpaquePointer { OpaquePointer(edges) }

    deinit {
        nodes.deallocate()
        edges.deallocate()
    }
}

/// Where a captured stream was when an event was recorded in it.
struct CapturedRecord {
    let capture: Capture
    let edges: [GraphTopology.Edge]
}
