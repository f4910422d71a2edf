internal import CUDAABI
internal import Driver
internal import Wire

// Nodes with graphs of their own, of which kernels say which are run. The handles by which they say so are the
// driver's: they reach kernels as arguments that nobody reads on the way.
extension Executor {
    func createConditional(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: GraphLayout.conditionalSize)
        guard let graph = handles.graphs.find(record.load(0, as: UInt64.self)) else {
            return finish(record, Status.invalidValue)
        }
        var handle: UInt64 = 0
        let status =
            driver.cuGraphConditionalHandleCreate?(
                &handle,
                graph,
                contexts[record.context]?.context,
                record.load(GraphLayout.conditionalValue, as: UInt32.self),
                record.load(GraphLayout.conditionalFlags, as: UInt32.self)
            ) ?? Status.notSupported
        guard status == Status.success else { return finish(record, status) }
        finish(record, status, size: ReplyLayout.values + 8) { body in
            body.storeBytes(of: handle, toByteOffset: ReplyLayout.values, as: UInt64.self)
        }
    }

    /// Adds a node: `CUgraphNodeParams` of 256 bytes, type 13 (`CU_GRAPH_NODE_TYPE_CONDITIONAL`), from byte 16 on
    /// handle, kind, number of graphs, the driver's list of them, context (since CUDA 12.3).
    func addConditional(_ record: Record) throws(ProtocolViolation) {
        guard let found = try nodeRecord(record), let graph = handles.graphs.find(found.owner)
        else { return finish(record, Status.invalidValue) }
        let start = GraphLayout.content
        guard found.contentSize >= GraphLayout.conditionalGraphs else {
            throw .malformed(record.opcode)
        }
        let kind = record.load(start + GraphLayout.conditionalKind, as: UInt32.self)
        let count = Int(record.load(start + GraphLayout.conditionalCount, as: UInt32.self))
        guard count > 0, count <= GraphLayout.mostConditionalGraphs,
            found.contentSize == GraphLayout.conditionalGraphs + 8 * count
        else { throw .malformed(record.opcode) }
        let names = (0..<count).map { index in
            record.load(start + GraphLayout.conditionalGraphs + 8 * index, as: UInt64.self)
        }
        guard handles.graphs.acceptsNode(found.node), Set(names).count == count,
            names.allSatisfy(handles.graphs.accepts)
        else { return finish(record, Status.invalidHandle) }
        var parameters: InlineArray<32, UInt64> = .init(repeating: 0)
        parameters[0] = 13
        parameters[2] = record.load(start, as: UInt64.self)
        parameters[3] = UInt64(kind) | UInt64(count) << 32
        parameters[5] = UInt64(UInt(bitPattern: found.context))
        var node: CUgraphNode?
        let status = add(&node, to: graph, after: found.dependencies, &parameters)
        guard status == Status.success else { return finish(record, status) }
        handles.graphs.insertNode(found.node, node, in: found.owner)
        // A driver that has made none of them can be given no work for them.
        let list = UnsafePointer<CUgraph?>(bitPattern: UInt(parameters[4]))
        for (index, name) in names.enumerated() {
            handles.graphs.insert(name, list?[index], in: found.node)
        }
        finish(record, status)
    }
}
