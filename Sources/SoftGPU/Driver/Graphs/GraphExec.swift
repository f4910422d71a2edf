internal import Driver

/// What an executable graph does: a copy of a graph, so that nothing that happens to the graph
/// later changes it. Nodes go by the handles of those that they were made of. A value.
struct ExecGraph {
    struct Node {
        var work: NodeWork
        /// For a node that is a graph.
        var child: ExecGraph?
        var isEnabled = true

        /// The `CUgraphNodeType`.
        var type: Int32 { child == nil ? work.type : 4 }
    }

    let topology: GraphTopology
    private let order: [UInt64]
    var nodes: [UInt64: Node] = [:]

    /// Fails when nodes wait for one another.
    init(_ graph: Graph) throws(Failure) {
        topology = graph.topology
        guard let order = topology.sorted() else { throw .invalidValue }
        self.order = order
        for (handle, node) in graph.nodes { nodes[handle] = try Self.node(node.work) }
    }

    static func node(_ work: NodeWork) throws(Failure) -> Node {
        guard case .graph(let child) = work else { return Node(work: work) }
        return Node(work: .empty, child: try ExecGraph(child))
    }

    /// Changes a node, which may be in a graph of a node.
    mutating func change(
        _ handle: UInt64,
        _ body: (inout Node) throws(Failure) -> Void
    ) throws(Failure) {
        guard try changeIfThere(handle, body) else { throw .invalidValue }
    }

    private mutating func changeIfThere(
        _ handle: UInt64,
        _ body: (inout Node) throws(Failure) -> Void
    ) throws(Failure) -> Bool {
        if var node = nodes[handle] {
            try body(&node)
            nodes[handle] = node
            return true
        }
        for (key, node) in nodes {
            guard var child = node.child else { continue }
            if try child.changeIfThere(handle, body) {
                nodes[key]?.child = child
                return true
            }
        }
        return false
    }

    /// A node, which may be in a graph of a node.
    func node(_ handle: UInt64) throws(Failure) -> Node {
        if let node = nodes[handle] { return node }
        for child in nodes.values.compactMap(\.child) {
            if let node = try? child.node(handle) { return node }
        }
        throw .invalidValue
    }

    /// All there is to do, one after another.
    func steps() -> [GraphStep] {
        order.flatMap { handle -> [GraphStep] in
            guard let node = nodes[handle], node.isEnabled else { return [] }
            if let child = node.child { return child.steps() }
            return GraphStep(node.work).map { [$0] } ?? []
        }
    }
}

/// One thing that a launch of a graph does.
enum GraphStep {
    case work(Context?, () -> Int32)
    case record(Event)
    case wait(Event)

    init?(_ work: NodeWork) {
        switch work {
        case .kernel(let work): self = .work(work.context, work.run)
        case .memcpy(let work): self = .work(work.context, work.run)
        case .memset(let work): self = .work(work.context, work.run)
        case .host(let work): self = .work(nil, work.run)
        case .eventRecord(let event): self = .record(event)
        case .eventWait(let event): self = .wait(event)
        case .empty, .graph, .memoryAllocation, .memoryFree: return nil
        }
    }
}

/// A graph that can be launched. Its content is guarded by `GraphState.lock`.
final class GraphExec: @unchecked Sendable {
    let id: UInt32
    /// The same for `GraphMemory`.
    var number: UInt64 { UInt64(id) }
    /// What it was made with.
    let flags: UInt64
    /// Its handle; set once, before anyone sees it.
    var handle: UInt64 = 0
    var graph: ExecGraph { didSet { knownSteps = nil } }
    var objects: HeldObjects
    private var knownSteps: [GraphStep]?
    /// Held during a launch, so that launches are one behind the other in every stream.
    let launching = Lock()
    /// The last launch; guarded by `launching`.
    var last: Ticket?

    init(_ graph: Graph, id: UInt32, flags: UInt64) throws(Failure) {
        self.graph = try ExecGraph(graph)
        self.id = id
        self.flags = flags
        objects = HeldObjects()
        objects = graph.objects.copied()
    }

    /// What a launch does.
    func steps() -> [GraphStep] {
        if let knownSteps { return knownSteps }
        let steps = graph.steps()
        knownSteps = steps
        return steps
    }
}
