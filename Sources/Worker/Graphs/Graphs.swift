internal import CUDAABI
internal import Driver
internal import Wire

// Graphs: made, copied, destroyed, and which of their nodes wait for which.
extension Executor {
    func createGraph(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 8)
        let handle = record.load(0, as: UInt64.self)
        guard handles.graphs.accepts(handle) else { return finish(record, Status.invalidHandle) }
        var graph: CUgraph?
        let status = driver.cuGraphCreate?(&graph, 0) ?? Status.notFound
        if status == Status.success {
            handles.graphs.insert(handle, graph, context: record.context)
        }
        finish(record, status)
    }

    func destroyGraph(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 8)
        let handle = record.load(0, as: UInt64.self)
        guard let graph = handles.graphs.find(handle), !handles.graphs.isOwned(handle),
            !captures.isFilled(handle)
        else { return finish(record, Status.invalidValue) }
        handles.graphs.remove(handle)
        finish(record, driver.cuGraphDestroy?(graph) ?? Status.notFound)
    }

    func cloneGraph(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 16)
        let handle = record.load(0, as: UInt64.self)
        guard let original = handles.graphs.find(record.load(8, as: UInt64.self)) else {
            return finish(record, Status.invalidValue)
        }
        guard handles.graphs.accepts(handle) else { return finish(record, Status.invalidHandle) }
        var graph: CUgraph?
        let status = driver.cuGraphClone?(&graph, original) ?? Status.notFound
        if status == Status.success {
            handles.graphs.insert(handle, graph, context: record.context)
        }
        finish(record, status)
    }

    func findInClone(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 16)
        let graphHandle = record.load(8, as: UInt64.self)
        guard let original = handles.graphNodes.find(record.load(0, as: UInt64.self)),
            let graph = handles.graphs.find(graphHandle)
        else { return finish(record, Status.invalidValue) }
        var node: CUgraphNode?
        let status = driver.cuGraphNodeFindInClone?(&node, original, graph) ?? Status.notFound
        guard status == Status.success else { return finish(record, status) }
        finish(record, name: handles.graphs.name(ofNode: node, in: graphHandle))
    }

    func destroyNode(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 8)
        let handle = record.load(0, as: UInt64.self)
        guard let node = handles.graphNodes.find(handle) else {
            return finish(record, Status.invalidValue)
        }
        let status = driver.cuGraphDestroyNode?(node) ?? Status.notFound
        if status == Status.success { handles.graphs.removeNode(handle) }
        finish(record, status)
    }

    func childGraph(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 8)
        let handle = record.load(0, as: UInt64.self)
        guard let node = handles.graphNodes.find(handle) else {
            return finish(record, Status.invalidValue)
        }
        var graph: CUgraph?
        let status = driver.cuGraphChildGraphNodeGetGraph?(node, &graph) ?? Status.notFound
        guard status == Status.success else { return finish(record, status) }
        finish(record, name: handles.graphs.name(of: graph, in: handle))
    }

    private func finish(_ record: Record, name: UInt64?) {
        guard let name else { return finish(record, Status.outOfMemory) }
        finish(record, Status.success, size: ReplyLayout.values + 8) { body in
            body.storeBytes(of: name, toByteOffset: ReplyLayout.values, as: UInt64.self)
        }
    }

    /// Adds or takes away dependencies: all or, when one is wrong, none.
    func changeDependencies(_ record: Record) throws(ProtocolViolation) {
        try record.expect(atLeast: GraphLayout.edges)
        let count = Int(record.load(GraphLayout.edgeCount, as: UInt32.self))
        guard count <= GraphLayout.mostEdges else { throw .malformed(record.opcode) }
        try record.expect(size: GraphLayout.edges + count * GraphLayout.edgeSize)
        guard let graph = handles.graphs.find(record.load(0, as: UInt64.self)) else {
            return finish(record, Status.invalidValue)
        }
        var (from, to): ([CUgraphNode?], [CUgraphNode?]) = ([], [])
        var data: [UInt64] = []
        for index in 0..<count {
            let offset = GraphLayout.edges + index * GraphLayout.edgeSize
            guard let first = handles.graphNodes.find(record.load(offset, as: UInt64.self)),
                let second = handles.graphNodes.find(record.load(offset + 8, as: UInt64.self))
            else { return finish(record, Status.invalidValue) }
            from.append(first)
            to.append(second)
            data.append(record.load(offset + 16, as: UInt64.self))
        }
        let isAdding = record.opcode == .cuGraphAddDependencies_v2
        let detailed =
            isAdding ? driver.cuGraphAddDependencies_v2 : driver.cuGraphRemoveDependencies_v2
        let plain = isAdding ? driver.cuGraphAddDependencies : driver.cuGraphRemoveDependencies
        let isPlain = data.allSatisfy { $0 == 0 }
        let status = data.withUnsafeMutableBufferPointer { data in
            if let plain, isPlain { return plain(graph, from, to, count) }
            let edges = data.baseAddress.map { OpaquePointer($0) }
            return detailed?(graph, from, to, isPlain ? nil : edges, count) ?? Status.notFound
        }
        finish(record, status)
    }

    /// Ends captures and destroys graphs of a context that is about to go. It is current.
    func leaveGraphs(context: UInt32) {
        for stream in captures.graphs.keys where handles.streams.context(stream) == context {
            endCapture(of: stream)
        }
        handles.graphExecs.removeAll(context: context) { _ = driver.cuGraphExecDestroy?($0) }
        for copy in graphParts.removeAll(context: context) { _ = driver.cuGraphDestroy?(copy) }
        for (handle, graph) in handles.graphs.all(of: context) {
            handles.graphs.remove(handle)
            _ = driver.cuGraphDestroy?(graph)
        }
    }
}
