internal import CUDAABI
internal import Driver
internal import Wire

// Executable graphs. Launching one is generated.
extension Executor {
    func instantiate(_ record: Record) throws(ProtocolViolation) {
        guard record.body.count == GraphLayout.instantiateSize else {
            return try instantiateParts(record)
        }
        let handle = record.load(0, as: UInt64.self)
        let graphHandle = record.load(8, as: UInt64.self)
        let flags = record.load(16, as: UInt64.self)
        guard let graph = handles.graphs.find(graphHandle) else {
            return finish(record, Status.invalidValue)
        }
        guard handles.graphExecs.accepts(handle) else {
            return finish(record, Status.invalidHandle)
        }
        var exec: CUgraphExec?
        var parameters = InstantiateParameters(flags: flags)
        let status: CUresult
        if let call = driver.cuGraphInstantiateWithParams {
            status = withUnsafeMutablePointer(to: &parameters) {
                call(&exec, graph, OpaquePointer($0))
            }
        } else {
            status = driver.cuGraphInstantiateWithFlags?(&exec, graph, flags) ?? Status.notFound
        }
        if status == Status.success {
            handles.graphExecs.insert(handle, exec, context: record.context)
        }
        let node = name(parameters.node, in: graphHandle)
        let size = GraphLayout.errorNode + 8
        answers.finish(Ticket(record), status, size: size) { body in
            let result = UInt64(UInt32(bitPattern: parameters.result))
            body.storeBytes(of: result, toByteOffset: GraphLayout.result, as: UInt64.self)
            body.storeBytes(of: node, toByteOffset: GraphLayout.errorNode, as: UInt64.self)
        }
    }

    func updateExec(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: GraphLayout.updateSize)
        let graphHandle = record.load(8, as: UInt64.self)
        guard let exec = handles.graphExecs.find(record.load(0, as: UInt64.self)),
            let graph = handles.graphs.find(graphHandle)
        else { return finish(record, Status.invalidValue) }
        var found = UpdateResult()
        let status: CUresult
        if let call = driver.cuGraphExecUpdate_v2 {
            status = withUnsafeMutablePointer(to: &found) { call(exec, graph, OpaquePointer($0)) }
        } else {
            status =
                driver.cuGraphExecUpdate?(exec, graph, &found.node, &found.result)
                ?? Status.notFound
        }
        let (node, from) = (name(found.node, in: graphHandle), name(found.from, in: graphHandle))
        let result = UInt64(UInt32(bitPattern: found.result))
        let size = GraphLayout.errorFromNode + 8
        answers.finish(Ticket(record), status, size: size) { body in
            body.storeBytes(of: result, toByteOffset: GraphLayout.result, as: UInt64.self)
            body.storeBytes(of: node, toByteOffset: GraphLayout.errorNode, as: UInt64.self)
            body.storeBytes(of: from, toByteOffset: GraphLayout.errorFromNode, as: UInt64.self)
        }
    }
}

/// `CUDA_GRAPH_INSTANTIATE_PARAMS`
private struct InstantiateParameters {
    var flags: UInt64
    var stream: CUstream?
    var node: CUgraphNode?
    var result: Int32 = 0
    private var padding: UInt32 = 0

    init(flags: UInt64) { self.flags = flags }
}

/// `CUgraphExecUpdateResultInfo`
private struct UpdateResult {
    var result: Int32 = 0
    private var padding: UInt32 = 0
    var node: CUgraphNode?
    var from: CUgraphNode?
}
