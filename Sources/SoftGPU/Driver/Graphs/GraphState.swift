internal import Driver
internal import DriverFrontend
internal import Synchronization

/// All graphs, nodes and captures of a process, behind one lock. Work that is given to streams
/// outside of captures does not take it.
final class GraphState: @unchecked Sendable {
    let lock = Lock()
    private let graphs = HandleTable<GraphPlace>(kind: 10)
    private let nodes = HandleTable<NodePlace>(kind: 11)
    let execs = HandleTable<GraphExec>(kind: 12)
    let objects = HandleTable<UserObject>(kind: 13)
    /// The captures that have not been ended.
    var captures: [Capture] = []
    /// Handles of conditional nodes, of graphs that are there.
    private(set) var conditionals: [UInt64: ConditionalHandle] = [:]
    private var lastConditional: UInt64 = 0
    /// Memory of nodes.
    var memory = GraphMemory()
    /// Memory that nobody has a use for any more: it is given back without the lock.
    var oldMemory: [GraphMemory.Block] = []
    private var lastGraphID: UInt32 = 0
    private var lastExecID: UInt32 = 0

    /// Filled right after the handle, which a graph and a node know from the beginning, was made.
    private final class GraphPlace { var graph: Graph? }
    private final class NodePlace { var node: GraphNode? }

    // MARK: - Handles

    /// A graph by its handle.
    func graph(_ handle: OpaquePointer?) throws(Failure) -> Graph {
        guard let graph = graphs.object(number(handle))?.graph else { throw .invalidValue }
        return graph
    }

    /// A node by its handle.
    func node(_ handle: OpaquePointer?) throws(Failure) -> GraphNode {
        guard let node = nodes.object(number(handle))?.node else { throw .invalidValue }
        return node
    }

    /// An executable graph by its handle.
    func exec(_ handle: OpaquePointer?) throws(Failure) -> GraphExec {
        guard let exec = execs.object(number(handle)) else { throw .invalidValue }
        return exec
    }

    /// A list of dependencies on nodes of a graph that a program gives.
    func edges(
        _ list: UnsafePointer<OpaquePointer?>?,
        _ data: OpaquePointer? = nil,
        _ count: Int,
        of graph: Graph
    ) throws(Failure) -> [GraphTopology.Edge] {
        // More than there are nodes cannot all be different ones.
        guard count >= 0, count <= graph.nodes.count else { throw .invalidValue }
        if count == 0 { return [] }
        let list = try required(list)
        var edges: [GraphTopology.Edge] = []
        for index in 0..<count {
            let data = try EdgeData(data, at: index)
            edges.append(GraphTopology.Edge(node: number(list[index]), data: data))
        }
        return edges
    }

    // MARK: - Graphs

    func makeGraph(isOwned: Bool = false) -> Graph {
        let place = GraphPlace()
        lastGraphID += 1
        let graph = Graph(handle: graphs.insert(place), id: lastGraphID, isOwned: isOwned)
        place.graph = graph
        return graph
    }

    /// A value for conditional nodes in a graph and the graphs within.
    func makeConditional(
        for graph: Graph,
        in context: Context,
        value: UInt32,
        flags: UInt32
    ) -> ConditionalHandle {
        lastConditional += 1
        let handle = ConditionalHandle(lastConditional, context, value: value, flags: flags)
        conditionals[lastConditional] = handle
        graph.conditionals.append(handle)
        return handle
    }

    /// A number for an executable graph, never used twice.
    func nextExecID() -> UInt32 {
        lastExecID += 1
        return lastExecID
    }

    /// Makes the handles of a graph and its nodes invalid and gives back what it holds.
    func destroy(_ graph: Graph) {
        graphs.remove(graph.handle)
        for node in graph.nodes.values { forget(node) }
        graph.nodes = [:]
        graph.topology = GraphTopology()
        graph.objects.releaseAll()
        for handle in graph.conditionals { conditionals[handle.number] = nil }
        graph.conditionals = []
        oldMemory += memory.destroy(graph: graph.number)
    }

    /// A copy; each node of it is known by the one that it was made of.
    func clone(_ graph: Graph, isOwned: Bool = false) throws(Failure) -> Graph {
        guard !memory.isUsed(by: graph.number) else { throw .notSupported }
        let copy = makeGraph(isOwned: isOwned)
        for original in graph.topology.nodes {
            guard let node = graph.nodes[original] else { continue }
            copy.copies[original] = makeNode(try cloned(node.work), in: copy).handle
        }
        copy.topology = graph.topology.renamed(copy.copies)
        copy.objects = graph.objects.copied()
        return copy
    }

    /// A graph for a node of another one: itself, which is the program's to destroy no more.
    func move(_ graph: Graph, into other: Graph) throws(Failure) -> Graph {
        guard !graph.isOwned, graph.captures == 0, !graph.contains(other) else {
            throw .invalidValue
        }
        guard !memory.isUsed(by: graph.number) else { throw .notSupported }
        graph.move()
        return graph
    }

    /// A graph that does what an executable graph does, for a launch that is captured.
    func makeGraph(_ exec: ExecGraph) -> Graph {
        let graph = makeGraph(isOwned: true)
        var names: [UInt64: UInt64] = [:]
        for place in exec.topology.nodes {
            guard let node = exec.nodes[place] else { continue }
            let work = copied(node)
            names[place] = makeNode(node.isEnabled ? work : .empty, in: graph).handle
        }
        graph.topology = exec.topology.renamed(names)
        return graph
    }

    /// Work of an executable graph for a graph.
    private func copied(_ node: ExecGraph.Node) -> NodeWork {
        switch node.work {
        case .graph: node.children.first.map { .graph(makeGraph($0)) } ?? .empty
        case .conditional(let old):
            .conditional(ConditionalNode(old.handle, old.kind, node.children.map(makeGraph)))
        default: node.work
        }
    }

    /// Work for another node: a graph cannot belong to two, and neither can a value.
    func cloned(_ work: NodeWork) throws(Failure) -> NodeWork {
        switch work {
        case .graph(let child): return .graph(try clone(child, isOwned: true))
        case .conditional: throw .notSupported
        default: return work
        }
    }

    // MARK: - Nodes

    /// Adds a node.
    @discardableResult
    func add(
        _ work: NodeWork,
        to graph: Graph,
        after dependencies: [GraphTopology.Edge]
    ) throws(Failure) -> GraphNode {
        let node = makeNode(work, in: graph)
        do throws(Failure) {
            try graph.topology.add(node.handle, after: dependencies)
        } catch {
            graph.nodes[node.handle] = nil
            forget(node)
            throw error
        }
        return node
    }

    /// Takes a node out of its graph.
    func remove(_ node: GraphNode) throws(Failure) {
        guard node.graph.captures == 0 else { throw .invalidValue }
        guard !memory.isUsed(by: node.graph.number) else { throw .notSupported }
        node.graph.topology.remove(node.handle)
        node.graph.nodes[node.handle] = nil
        forget(node)
    }

    private func makeNode(_ work: NodeWork, in graph: Graph) -> GraphNode {
        let place = NodePlace()
        let node = GraphNode(handle: nodes.insert(place), graph: graph, work: work)
        place.node = node
        graph.nodes[node.handle] = node
        return node
    }

    private func forget(_ node: GraphNode) {
        nodes.remove(node.handle)
        for child in node.work.graphs { destroy(child) }
        if case .conditional(let node) = node.work { node.handle.isUsed = false }
    }
}

extension SoftDriver {
    /// A call about graphs, which nobody changes meanwhile.
    func withGraphs(_ body: (GraphState) throws(Failure) -> Void) throws(Failure) {
        try graphs.lock.withLock { () throws(Failure) in try body(graphs) }
    }
}
