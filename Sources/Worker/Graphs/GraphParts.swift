internal import CUDAABI
internal import Driver
internal import Wire

/// What the client says of a graph that calls its functions: the server's has empty nodes in their places.
private struct PartsRequest {
    var graph: UInt64
    var flags: UInt64
    /// Handles of the executable graphs, the first part first; more than are needed.
    var parts: [UInt64]
    /// The nodes of the functions.
    var functions: [CUgraphNode?] = []
    /// Addresses of memory that copies are from or to.
    var copies: [UInt64] = []
}

/// The parts of executable graphs: nodes of the graphs that they were made of, as the copies of these have them. Used by
/// the reader thread alone; lives as long as the process.
final class GraphPartTable: @unchecked Sendable {
    /// A node of a part.
    struct Place {
        var exec: CUgraphExec?
        var node: CUgraphNode?
    }

    private struct Parts {
        var context: UInt32
        /// The graphs that the parts were made of, each with one part's nodes.
        var copies: [CUgraph?] = []
        var places: [CUgraphNode?: Place] = [:]
    }

    private var parts: [UInt64: Parts] = [:]

    /// Where a node of a graph is, in the executable graph with this handle; `nil` for one that has no parts.
    func place(of node: CUgraphNode?, in exec: UInt64) -> Place?? {
        guard let parts = parts[exec] else { return nil }
        return .some(parts.places[node])
    }

    fileprivate func add(
        _ copy: CUgraph?,
        _ places: [CUgraphNode?: Place],
        to exec: UInt64,
        context: UInt32
    ) {
        parts[exec, default: Parts(context: context)].copies.append(copy)
        parts[exec]?.places.merge(places) { first, _ in first }
    }

    /// Forgets them.
    ///
    /// - Returns: The graphs that can be destroyed.
    func remove(_ exec: UInt64) -> [CUgraph?] { parts.removeValue(forKey: exec)?.copies ?? [] }

    /// The same for all of a context.
    func removeAll(context: UInt32) -> [CUgraph?] {
        let gone = parts.filter { $0.value.context == context }
        for exec in gone.keys { parts[exec] = nil }
        return gone.values.flatMap(\.copies)
    }
}

// A graph that calls the program becomes one executable graph for all nodes that wait for no function, one for those
// that wait for functions of these, and so on: the client calls between them (docs/adr/0024).
extension Executor {
    func instantiateParts(_ record: Record) throws(ProtocolViolation) {
        guard let request = try partsRequest(record), let graph = handles.graphs.find(request.graph)
        else { return finish(record, Status.invalidValue) }
        guard Set(request.parts).count == request.parts.count,
            request.parts.allSatisfy({ handles.graphExecs.accepts($0) })
        else { return finish(record, Status.invalidHandle) }
        var parts: [UInt32] = []
        let status = instantiate(request, graph, record.context, &parts)
        let size = GraphLayout.parts + (4 * parts.count + 7) & ~7
        answers.finish(Ticket(record), status, size: size) { body in
            // 1: an error that the status tells.
            let result: UInt64 = status == Status.success ? 0 : 1
            body.storeBytes(of: result, toByteOffset: GraphLayout.result, as: UInt64.self)
            body.storeBytes(of: 0, toByteOffset: GraphLayout.errorNode, as: UInt64.self)
            for (index, part) in parts.enumerated() {
                let offset = GraphLayout.parts + 4 * index
                body.storeBytes(of: part, toByteOffset: offset, as: UInt32.self)
            }
        }
    }

    private func partsRequest(_ record: Record) throws(ProtocolViolation) -> PartsRequest? {
        try record.expect(atLeast: GraphLayout.partLists)
        let functions = Int(record.load(GraphLayout.partFunctions, as: UInt32.self))
        let copies = Int(record.load(GraphLayout.partCopies, as: UInt32.self))
        guard functions > 0, functions <= GraphLayout.mostFunctions,
            copies <= GraphLayout.mostCopies
        else { throw .malformed(record.opcode) }
        try record.expect(
            size: GraphLayout.instantiateSize(functions: functions, copies: copies)
        )
        func word(_ index: Int) -> UInt64 {
            record.load(GraphLayout.partLists + 8 * index, as: UInt64.self)
        }
        var request = PartsRequest(
            graph: record.load(8, as: UInt64.self),
            flags: record.load(16, as: UInt64.self),
            parts: [record.load(0, as: UInt64.self)] + (0..<functions).map(word)
        )
        for index in 0..<functions {
            guard let node = handles.graphNodes.find(word(functions + index)) else { return nil }
            request.functions.append(node)
        }
        request.copies = (0..<copies).map { word(2 * functions + $0) }
        return request
    }

    private func instantiate(
        _ request: PartsRequest,
        _ graph: CUgraph?,
        _ context: UInt32,
        _ parts: inout [UInt32]
    ) -> CUresult {
        var nodes: [CUgraphNode?] = []
        var edges: [GraphEdge] = []
        var status = self.nodes(of: graph, &nodes)
        if status == Status.success { status = self.edges(of: graph, &edges) }
        guard status == Status.success else { return status }
        let places = Dictionary(nodes.enumerated().map { ($1, $0) }) { first, _ in first }
        let functions = Set(request.functions)
        let pairs = edges.compactMap { edge -> (from: Int, to: Int)? in
            guard let from = places[edge.from], let to = places[edge.to] else { return nil }
            return (from, to)
        }
        let levels = GraphLevels(count: nodes.count, edges: pairs) { functions.contains(nodes[$0]) }
        guard let levels else { return Status.invalidValue }
        let last = levels.levels.max() ?? 0
        // Each part is made of all nodes.
        guard (last + 2) * nodes.count <= GraphLayout.mostListed else { return Status.notSupported }
        parts.append(UInt32(last + 1))
        for node in request.functions {
            guard let place = places[node] else { return Status.invalidValue }
            parts.append(UInt32(levels.levels[place]))
        }
        let levelsOfCopies = levelsByAddress(nodes, levels.levels)
        for address in request.copies {
            // Of a graph inside of a node nothing is known, and a guess would copy at the wrong time.
            guard let level = levelsOfCopies[address] else { return Status.notSupported }
            parts.append(UInt32(level))
        }
        for level in 0...last {
            status = instantiate(graph, nodes, request, context, level) {
                levels.levels[$0] == level && !functions.contains(nodes[$0])
            }
            if status == Status.success { continue }
            for copy in graphParts.remove(request.parts[0]) { _ = driver.cuGraphDestroy?(copy) }
            for part in request.parts.prefix(level) {
                if let exec = handles.graphExecs.find(part) { _ = driver.cuGraphExecDestroy?(exec) }
                handles.graphExecs.remove(part)
            }
            return status
        }
        return status
    }

    /// One part: a copy of the graph without the other nodes.
    private func instantiate(
        _ graph: CUgraph?,
        _ nodes: [CUgraphNode?],
        _ request: PartsRequest,
        _ context: UInt32,
        _ level: Int,
        _ isPart: (Int) -> Bool
    ) -> CUresult {
        var copy: CUgraph?
        var status = driver.cuGraphClone?(&copy, graph) ?? Status.notFound
        guard status == Status.success else { return status }
        var places: [CUgraphNode?: GraphPartTable.Place] = [:]
        for (index, node) in nodes.enumerated() where status == Status.success {
            var found: CUgraphNode?
            status = driver.cuGraphNodeFindInClone?(&found, node, copy) ?? Status.notFound
            if isPart(index) {
                places[node] = GraphPartTable.Place(node: found)
            } else if status == Status.success {
                status = driver.cuGraphDestroyNode?(found) ?? Status.notFound
            }
        }
        var exec: CUgraphExec?
        if status == Status.success {
            status =
                driver.cuGraphInstantiateWithFlags?(&exec, copy, request.flags) ?? Status.notFound
        }
        guard status == Status.success else {
            _ = driver.cuGraphDestroy?(copy)
            return status
        }
        handles.graphExecs.insert(request.parts[level], exec, context: context)
        places = places.mapValues { GraphPartTable.Place(exec: exec, node: $0.node) }
        graphParts.add(copy, places, to: request.parts[0], context: context)
        return status
    }

    // MARK: - Changes and ends

    func destroyExec(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: Request_cuGraphExecDestroy.size)
        let copies = graphParts.remove(record.load(0, as: UInt64.self))
        _ = try executePlain(record)
        for copy in copies { _ = driver.cuGraphDestroy?(copy) }
    }

    /// Calls about a node of an executable graph: @0 u64 executable graph, @8 u64 node.
    func changeNodeOfPart(_ record: Record) throws(ProtocolViolation) {
        try record.expect(atLeast: 16)
        let node = handles.graphNodes.find(record.load(8, as: UInt64.self))
        guard let node, let place = graphParts.place(of: node, in: record.load(0, as: UInt64.self))
        else {
            _ = try executePlain(record)
            return
        }
        guard let place else { return finish(record, Status.invalidValue) }
        switch record.opcode {
        case .cuGraphNodeGetEnabled:
            var isEnabled: UInt32 = 0
            let call = driver.cuGraphNodeGetEnabled
            let status = call?(place.exec, place.node, &isEnabled) ?? Status.notFound
            finish(record, status, number: UInt64(isEnabled))
        case .cuGraphNodeSetEnabled:
            try record.expect(size: Request_cuGraphNodeSetEnabled.size)
            let isEnabled = record.load(16, as: UInt32.self)
            let call = driver.cuGraphNodeSetEnabled
            finish(record, call?(place.exec, place.node, isEnabled) ?? Status.notFound)
        case .cuGraphExecEventRecordNodeSetEvent, .cuGraphExecEventWaitNodeSetEvent:
            try record.expect(size: Request_cuGraphExecEventRecordNodeSetEvent.size)
            guard let event = handles.events.find(record.load(16, as: UInt64.self)) else {
                return finish(record, Status.invalidHandle)
            }
            let call =
                record.opcode == .cuGraphExecEventRecordNodeSetEvent
                ? driver.cuGraphExecEventRecordNodeSetEvent
                : driver.cuGraphExecEventWaitNodeSetEvent
            finish(record, call?(place.exec, place.node, event) ?? Status.notFound)
        default: finish(record, Status.notSupported)
        }
    }

    /// The levels of copies, by the addresses that they are from and to (`CUDA_MEMCPY3D`: kinds of memory at 32 and
    /// 120, addresses at 48 and 136; 2 is a GPU's, 4 is found by its address).
    private func levelsByAddress(_ nodes: [CUgraphNode?], _ levels: [Int]) -> [UInt64: Int] {
        var found: [UInt64: Int] = [:]
        withUnsafeTemporaryAllocation(byteCount: 200, alignment: 8) { memory in
            guard let fields = memory.baseAddress else { return }
            for (index, node) in nodes.enumerated() {
                var type: CUgraphNodeType = 0
                guard driver.cuGraphNodeGetType?(node, &type) == Status.success, type == 1 else {
                    continue
                }
                memory.initializeMemory(as: UInt8.self, repeating: 0)
                let told = driver.cuGraphMemcpyNodeGetParams?(node, OpaquePointer(fields))
                guard told == Status.success else { continue }
                for (kind, address) in [(32, 48), (120, 136)]
                where [2, 4].contains(fields.load(fromByteOffset: kind, as: Int32.self)) {
                    let place = fields.load(fromByteOffset: address, as: UInt64.self)
                    found[place] = levels[index]
                }
            }
        }
        return found
    }
}
