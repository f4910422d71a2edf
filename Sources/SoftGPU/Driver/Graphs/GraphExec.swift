internal import Driver

/// What an executable graph does: a copy of a graph, so that nothing that happens to the graph
/// later changes it. Nodes go by the handles of those that they were made of. A value.
struct ExecGraph {
    struct Node {
        var work: NodeWork
        /// For a node that is a graph or has some.
        var children: [ExecGraph] = []
        var isEnabled = true
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
        var node = Node(work: work)
        for graph in work.graphs { node.children.append(try ExecGraph(graph)) }
        if case .conditional = work {
            guard node.children.allSatisfy(\.canBeConditional) else { throw .invalidValue }
        }
        return node
    }

    /// Whether a conditional node may run it.
    private var canBeConditional: Bool {
        nodes.values.allSatisfy {
            $0.work.canBeConditional && $0.children.allSatisfy(\.canBeConditional)
        }
    }

    /// The values that its nodes look at.
    var conditionals: [ConditionalHandle] {
        nodes.values.flatMap { node in
            let inner = node.children.flatMap(\.conditionals)
            if case .conditional(let node) = node.work { return [node.handle] + inner }
            return inner
        }
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
            for (index, var child) in node.children.enumerated() {
                if try child.changeIfThere(handle, body) {
                    nodes[key]?.children[index] = child
                    return true
                }
            }
        }
        return false
    }

    /// A node, which may be in a graph of a node.
    func node(_ handle: UInt64) throws(Failure) -> Node {
        if let node = nodes[handle] { return node }
        for child in nodes.values.lazy.flatMap(\.children) {
            if let node = try? child.node(handle) { return node }
        }
        throw .invalidValue
    }

    /// All there is to do, one after another.
    func steps() -> [GraphStep] {
        order.flatMap { handle -> [GraphStep] in
            guard let node = nodes[handle], node.isEnabled else { return [] }
            switch node.work {
            case .graph: return node.children.flatMap { $0.steps() }
            case .conditional(let work): return [.choose(work, node.children.map { $0.steps() })]
            default: return GraphStep(node.work).map { [$0] } ?? []
            }
        }
    }
}

/// One thing that a launch of a graph does.
enum GraphStep {
    case work(Context?, () -> Int32)
    case record(Event)
    case wait(Event)
    /// Runs some of these as the value says.
    case choose(ConditionalNode, [[GraphStep]])

    init?(_ work: NodeWork) {
        switch work {
        case .kernel(let work): self = .work(work.context, work.run)
        case .memcpy(let work): self = .work(work.context, work.run)
        case .memset(let work): self = .work(work.context, work.run)
        case .host(let work): self = .work(nil, work.run)
        case .eventRecord(let event): self = .record(event)
        case .eventWait(let event): self = .wait(event)
        case .empty, .graph, .conditional, .memoryAllocation, .memoryFree: return nil
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
    /// The values that its nodes look at; they stay when the graph goes.
    private(set) var conditionals: [ConditionalHandle] = []
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
        conditionals = graph.conditionals
        return steps
    }
}
