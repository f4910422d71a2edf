internal import CUDAABI
internal import Driver
internal import Wire

/// A node and how another one waits for it (`CUgraphEdgeData`).
struct GraphLink {
    var node: CUgraphNode?
    var data: UInt64 = 0
}

/// Two nodes, and how the second waits for the first.
struct GraphEdge {
    var from: CUgraphNode?
    var to: CUgraphNode?
    var data: UInt64
}

/// Links as the driver wants them.
struct GraphLinks {
    var nodes: [CUgraphNode?] = []
    var data: [UInt64] = []

    /// - Parameter body: Receives the nodes, what is said of the waits (`nil` when nothing is), and how many.
    mutating func withPointers(
        _ body: (UnsafeMutablePointer<CUgraphNode?>?, OpaquePointer?, Int) -> CUresult
    ) -> CUresult {
        let count = nodes.count
        let isPlain = data.allSatisfy { $0 == 0 }
        return nodes.withUnsafeMutableBufferPointer { nodes in
            data.withUnsafeMutableBufferPointer { data in
                let edges = isPlain ? nil : data.baseAddress.map { OpaquePointer($0) }
                return body(count == 0 ? nil : nodes.baseAddress, edges, count)
            }
        }
    }
}

// Lists of nodes, from the client and to it.
extension Executor {
    /// Reads links.
    ///
    /// - Parameters:
    ///   - count: Where their number is.
    ///   - start: Where they begin; they end the record.
    /// - Returns: `nil` when one of them names no node.
    func linkList(
        _ record: Record,
        count: Int,
        at start: Int
    ) throws(ProtocolViolation) -> GraphLinks? {
        try record.expect(atLeast: start)
        let count = Int(record.load(count, as: UInt32.self))
        guard count <= GraphLayout.mostEdges else { throw .malformed(record.opcode) }
        try record.expect(size: start + count * GraphLayout.linkSize)
        var links = GraphLinks()
        for index in 0..<count {
            let offset = start + index * GraphLayout.linkSize
            guard let node = handles.graphNodes.find(record.load(offset, as: UInt64.self)) else {
                return nil
            }
            links.nodes.append(node)
            links.data.append(record.load(offset + 8, as: UInt64.self))
        }
        return links
    }

    /// Replies with links whose nodes are of one graph.
    func finishList(_ record: Record, _ links: [GraphLink], in graph: UInt64) {
        finish(record, links, size: GraphLayout.linkSize) { link, body in
            guard let name = handles.graphs.name(ofNode: link.node, in: graph) else { return false }
            body.storeBytes(of: name, as: UInt64.self)
            body.storeBytes(of: link.data, toByteOffset: 8, as: UInt64.self)
            return true
        }
    }

    /// Replies with a list.
    private func finish<Element>(
        _ record: Record,
        _ list: [Element],
        size: Int,
        _ write: (Element, UnsafeMutableRawPointer) -> Bool
    ) {
        guard list.count <= GraphLayout.mostListed else {
            return finish(record, Status.outOfMemory)
        }
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: max(1, list.count * size),
            alignment: 8
        )
        defer { memory.deallocate() }
        for (index, element) in list.enumerated() {
            guard write(element, memory + index * size) else {
                return finish(record, Status.outOfMemory)
            }
        }
        finish(record, Status.success, size: GraphLayout.list + list.count * size) { body in
            let count = UInt64(list.count)
            body.storeBytes(of: count, toByteOffset: ReplyLayout.values, as: UInt64.self)
            (body + GraphLayout.list).copyMemory(from: memory, byteCount: list.count * size)
        }
    }

    /// The nodes of a graph, or those that wait for none.
    func listNodes(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 8)
        let handle = record.load(0, as: UInt64.self)
        guard let graph = handles.graphs.find(handle) else {
            return finish(record, Status.invalidValue)
        }
        let call =
            record.opcode == .cuGraphGetNodes
            ? driver.cuGraphGetNodes : driver.cuGraphGetRootNodes
        var nodes: [CUgraphNode?] = []
        let status = Self.list(&nodes) { nodes, count in
            call?(graph, nodes, count) ?? Status.notFound
        }
        guard status == Status.success else { return finish(record, status) }
        finishList(record, nodes.map { GraphLink(node: $0) }, in: handle)
    }

    /// What a node waits for, or what waits for it.
    func listNeighbours(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 8)
        let handle = record.load(0, as: UInt64.self)
        guard let node = handles.graphNodes.find(handle) else {
            return finish(record, Status.invalidValue)
        }
        let isBefore = record.opcode == .cuGraphNodeGetDependencies_v2
        let detailed =
            isBefore
            ? driver.cuGraphNodeGetDependencies_v2 : driver.cuGraphNodeGetDependentNodes_v2
        let plain =
            isBefore ? driver.cuGraphNodeGetDependencies : driver.cuGraphNodeGetDependentNodes
        var nodes: [CUgraphNode?] = []
        var data: [UInt64] = []
        let status = Self.list(&nodes) { nodes, count in
            guard let detailed else { return plain?(node, nodes, count) ?? Status.notFound }
            guard let nodes else { return detailed(node, nil, nil, count) }
            return Self.withData(&data, count.pointee) { detailed(node, nodes, $0, count) }
        }
        guard status == Status.success else { return finish(record, status) }
        let links = nodes.enumerated().map { index, node in
            GraphLink(node: node, data: index < data.count ? data[index] : 0)
        }
        finishList(record, links, in: handles.graphs.graph(of: handle))
    }

    func listEdges(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 8)
        let handle = record.load(0, as: UInt64.self)
        guard let graph = handles.graphs.find(handle) else {
            return finish(record, Status.invalidValue)
        }
        var edges: [GraphEdge] = []
        let status = self.edges(of: graph, &edges)
        guard status == Status.success else { return finish(record, status) }
        finish(record, edges, size: GraphLayout.edgeSize) { edge, body in
            guard let from = handles.graphs.name(ofNode: edge.from, in: handle),
                let to = handles.graphs.name(ofNode: edge.to, in: handle)
            else { return false }
            body.storeBytes(of: from, as: UInt64.self)
            body.storeBytes(of: to, toByteOffset: 8, as: UInt64.self)
            body.storeBytes(of: edge.data, toByteOffset: 16, as: UInt64.self)
            return true
        }
    }

    /// The driver's edges of a graph.
    func edges(of graph: CUgraph?, _ edges: inout [GraphEdge]) -> CUresult {
        var from: [CUgraphNode?] = []
        var to: [CUgraphNode?] = []
        var data: [UInt64] = []
        let status = Self.list(&from) { from, count in
            guard let from else {
                return driver.cuGraphGetEdges_v2?(graph, nil, nil, nil, count)
                    ?? driver.cuGraphGetEdges?(graph, nil, nil, count) ?? Status.notFound
            }
            to = Array(repeating: nil, count: count.pointee)
            return to.withUnsafeMutableBufferPointer { to in
                guard let call = driver.cuGraphGetEdges_v2 else {
                    return driver.cuGraphGetEdges?(graph, from, to.baseAddress, count)
                        ?? Status.notFound
                }
                return Self.withData(&data, count.pointee) {
                    call(graph, from, to.baseAddress, $0, count)
                }
            }
        }
        guard status == Status.success else { return status }
        edges = zip(from, to).enumerated().map { index, ends in
            GraphEdge(from: ends.0, to: ends.1, data: index < data.count ? data[index] : 0)
        }
        return status
    }

    /// The driver's nodes of a graph.
    func nodes(of graph: CUgraph?, _ nodes: inout [CUgraphNode?]) -> CUresult {
        Self.list(&nodes) { nodes, count in
            driver.cuGraphGetNodes?(graph, nodes, count) ?? Status.notFound
        }
    }

    /// The handle of a node that an error is about; 0 when it is none of the graph's own, for then nobody would
    /// know when it goes.
    func name(_ node: CUgraphNode?, in handle: UInt64) -> UInt64 {
        guard let node, let graph = handles.graphs.find(handle) else { return 0 }
        var nodes: [CUgraphNode?] = []
        let status = self.nodes(of: graph, &nodes)
        guard status == Status.success, nodes.contains(node) else { return 0 }
        return handles.graphs.name(ofNode: node, in: handle) ?? 0
    }

    /// Asks how many there are, then for all of them.
    private static func list(
        _ nodes: inout [CUgraphNode?],
        _ ask: (UnsafeMutablePointer<CUgraphNode?>?, UnsafeMutablePointer<Int>) -> CUresult
    ) -> CUresult {
        var count = 0
        var status = ask(nil, &count)
        guard status == Status.success, count > 0 else { return status }
        guard count <= GraphLayout.mostListed else { return Status.outOfMemory }
        nodes = Array(repeating: nil, count: count)
        status = nodes.withUnsafeMutableBufferPointer { ask($0.baseAddress, &count) }
        if count < nodes.count { nodes.removeLast(nodes.count - max(0, count)) }
        return status
    }

    private static func withData(
        _ data: inout [UInt64],
        _ count: Int,
        _ body: (OpaquePointer?) -> CUresult
    ) -> CUresult {
        data = Array(repeating: 0, count: max(1, count))
        return data.withUnsafeMutableBufferPointer {
            body($0.baseAddress.map { OpaquePointer($0) })
        }
    }
}
