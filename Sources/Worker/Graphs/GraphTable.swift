internal import CUDAABI
internal import Wire

/// Graphs and their nodes by the client's handles, and the handles of what the driver has made itself:
/// nodes of captured work, graphs inside nodes.
///
/// Used by the reader thread alone; lives as long as the process.
final class GraphTable: @unchecked Sendable {
    private struct Graph {
        var graph: CUgraph?
        var context: UInt32
        /// The node that it belongs to; 0 for one that the client destroys.
        var owner: UInt64
        var nodes: Set<UInt64> = []
    }

    private struct Node {
        var node: CUgraphNode?
        var graph: UInt64
        /// The graphs inside of it that the client knows.
        var children: [UInt64] = []
    }

    /// Graphs, and nodes, at most.
    static let most = 1 << 20
    private var graphs: [UInt64: Graph] = [:]
    private var nodes: [UInt64: Node] = [:]
    private var nodeNames: [UInt: UInt64] = [:]
    private var graphNames: [UInt: UInt64] = [:]
    private var found: UInt64 = 0

    // MARK: - Graphs

    /// The driver's graph.
    func find(_ handle: UInt64) -> CUgraph?? {
        guard let entry = graphs[handle] else { return nil }
        return .some(entry.graph)
    }

    /// Whether a graph can be inserted under this handle.
    func accepts(_ handle: UInt64) -> Bool {
        HandleKind.kind(handle) == HandleKind.graph && graphs[handle] == nil
            && graphs.count < Self.most
    }

    /// Whether the client may destroy it.
    func isOwned(_ handle: UInt64) -> Bool { graphs[handle].map { $0.owner != 0 } ?? false }

    func insert(_ handle: UInt64, _ graph: CUgraph?, context: UInt32, owner: UInt64 = 0) {
        graphs[handle] = Graph(graph: graph, context: context, owner: owner)
        graphNames[UInt(bitPattern: graph)] = handle
    }

    /// Forgets a graph, its nodes, and the graphs inside of them.
    func remove(_ handle: UInt64) {
        guard let graph = graphs.removeValue(forKey: handle) else { return }
        forget(&graphNames, UInt(bitPattern: graph.graph), handle)
        for node in graph.nodes { removeNode(node) }
    }

    /// The handle of a graph that belongs to a node; `nil` when there are too many.
    func name(of graph: CUgraph?, in node: UInt64) -> UInt64? {
        if let known = graphNames[UInt(bitPattern: graph)] { return known }
        guard graph != nil, graphs.count < Self.most, let owner = nodes[node] else { return nil }
        let handle = nextName(HandleKind.foundGraph)
        let context = graphs[owner.graph]?.context ?? 0
        insert(handle, graph, context: context, owner: node)
        nodes[node]?.children.append(handle)
        return handle
    }

    /// Inserts a graph that a node was made with.
    func insert(_ handle: UInt64, _ graph: CUgraph?, in node: UInt64) {
        insert(handle, graph, context: graphs[self.graph(of: node)]?.context ?? 0, owner: node)
        nodes[node]?.children.append(handle)
    }

    /// A node has become the owner of a graph.
    func move(_ graph: UInt64, into node: UInt64) {
        graphs[graph]?.owner = node
        nodes[node]?.children.append(graph)
    }

    /// Graphs of a context that is about to go, those first that are the client's to destroy.
    func all(of context: UInt32) -> [(handle: UInt64, graph: CUgraph?)] {
        graphs.filter { $0.value.context == context && $0.value.owner == 0 }
            .map { ($0.key, $0.value.graph) }
    }

    // MARK: - Nodes

    /// The driver's node.
    func findNode(_ handle: UInt64) -> CUgraphNode?? {
        guard let entry = nodes[handle] else { return nil }
        return .some(entry.node)
    }

    /// Whether a node can be inserted under this handle.
    func acceptsNode(_ handle: UInt64) -> Bool {
        HandleKind.kind(handle) == HandleKind.node && nodes[handle] == nil
            && nodes.count < Self.most
    }

    /// The graph of a node; 0 when there is no such node.
    func graph(of node: UInt64) -> UInt64 { nodes[node]?.graph ?? 0 }

    func insertNode(_ handle: UInt64, _ node: CUgraphNode?, in graph: UInt64) {
        nodes[handle] = Node(node: node, graph: graph)
        nodeNames[UInt(bitPattern: node)] = handle
        graphs[graph]?.nodes.insert(handle)
    }

    /// Forgets a node and the graph inside of it.
    func removeNode(_ handle: UInt64) {
        guard let node = nodes.removeValue(forKey: handle) else { return }
        forget(&nodeNames, UInt(bitPattern: node.node), handle)
        graphs[node.graph]?.nodes.remove(handle)
        for child in node.children { remove(child) }
    }

    /// The handle of a node of a graph, 0 for none; `nil` when there are too many.
    func name(ofNode node: CUgraphNode?, in graph: UInt64) -> UInt64? {
        guard let node else { return 0 }
        if let known = nodeNames[UInt(bitPattern: node)] { return known }
        guard nodes.count < Self.most, graphs[graph] != nil else { return nil }
        let handle = nextName(HandleKind.foundNode)
        insertNode(handle, node, in: graph)
        return handle
    }

    private func nextName(_ kind: UInt64) -> UInt64 {
        found += 1
        return 1 << 46 | kind << 40 | (found & 0xF_FFFF_FFFF) << 4
    }

    private func forget(_ names: inout [UInt: UInt64], _ pointer: UInt, _ handle: UInt64) {
        if names[pointer] == handle { names[pointer] = nil }
    }
}

/// The nodes of a `GraphTable`, as the generated code looks for them.
struct GraphNodeView: Sendable {
    let table: GraphTable

    /// The driver's node.
    func find(_ handle: UInt64) -> CUgraphNode?? { table.findNode(handle) }
}
