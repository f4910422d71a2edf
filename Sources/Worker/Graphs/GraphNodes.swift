internal import CUDAABI
internal import Driver
internal import Wire

// Nodes that the client adds to graphs, and what it has changed in them.
extension Executor {
    /// A node's record, its counts and sizes checked.
    struct NodeRecord {
        var owner: UInt64
        var node: UInt64
        var context: CUcontext?
        /// Bytes of what the node does.
        var contentSize: Int
        var dependencies: [CUgraphNode?] = []
    }

    /// - Returns: `nil` when a handle in it names nothing.
    func nodeRecord(_ record: Record) throws(ProtocolViolation) -> NodeRecord? {
        try record.expect(atLeast: GraphLayout.content)
        let count = Int(record.load(GraphLayout.count, as: UInt32.self))
        guard count <= GraphLayout.mostEdges else { throw .malformed(record.opcode) }
        let end = record.body.count - 8 * count
        guard end >= GraphLayout.content else { throw .malformed(record.opcode) }
        let context = record.load(GraphLayout.context, as: UInt32.self)
        var found = NodeRecord(
            owner: record.load(GraphLayout.owner, as: UInt64.self),
            node: record.load(GraphLayout.node, as: UInt64.self),
            context: contexts[context]?.context,
            contentSize: end - GraphLayout.content
        )
        for index in 0..<count {
            let handle = record.load(end + 8 * index, as: UInt64.self)
            guard let node = handles.graphNodes.find(handle) else { return nil }
            found.dependencies.append(node)
        }
        return found
    }

    private func expect(_ record: Record, _ found: NodeRecord, _ size: Int)
        throws(ProtocolViolation)
    {
        guard found.contentSize == size else { throw .malformed(record.opcode) }
    }

    // MARK: - Adding

    /// Adds a node to a graph.
    func addNode(_ record: Record) throws(ProtocolViolation) {
        guard let found = try nodeRecord(record), let graph = handles.graphs.find(found.owner)
        else {
            return finish(record, Status.invalidValue)
        }
        guard handles.graphs.acceptsNode(found.node) else {
            return finish(record, Status.invalidHandle)
        }
        var node: CUgraphNode?
        let (before, count) = (found.dependencies, found.dependencies.count)
        let status: CUresult
        switch record.opcode {
        case .cuGraphAddKernelNode_v2:
            status = try withKernel(record, found) { parameters in
                driver.cuGraphAddKernelNode_v2?(&node, graph, before, count, parameters)
                    ?? driver.cuGraphAddKernelNode?(&node, graph, before, count, parameters)
            }
        case .cuGraphAddMemcpyNode:
            status = try withCopy(record, found) { parameters in
                driver.cuGraphAddMemcpyNode?(&node, graph, before, count, parameters, found.context)
            }
        case .cuGraphAddMemsetNode:
            status = try withFill(record, found) { parameters in
                driver.cuGraphAddMemsetNode?(&node, graph, before, count, parameters, found.context)
            }
        case .cuGraphAddChildGraphNode:
            try expect(record, found, GraphLayout.childSize)
            let name = record.load(GraphLayout.content, as: UInt64.self)
            let isMoved = record.load(GraphLayout.content + 8, as: UInt64.self) != 0
            guard let child = handles.graphs.find(name), child != graph else {
                return finish(record, Status.invalidValue)
            }
            if isMoved {
                guard !handles.graphs.isOwned(name), !captures.isFilled(name) else {
                    return finish(record, Status.invalidValue)
                }
                status = moveGraph(child, &node, into: graph, found)
                if status == Status.success {
                    handles.graphs.insertNode(found.node, node, in: found.owner)
                    handles.graphs.move(name, into: found.node)
                    return finish(record, status)
                }
            } else {
                status =
                    driver.cuGraphAddChildGraphNode?(&node, graph, before, count, child)
                    ?? Status.notFound
            }
        case .cuGraphAddEmptyNode:
            try expect(record, found, 0)
            status = driver.cuGraphAddEmptyNode?(&node, graph, before, count) ?? Status.notFound
        case .cuGraphAddEventRecordNode, .cuGraphAddEventWaitNode:
            try expect(record, found, 8)
            let event = record.load(GraphLayout.content, as: UInt64.self)
            guard let event = handles.events.find(event) else {
                return finish(record, Status.invalidValue)
            }
            let call =
                record.opcode == .cuGraphAddEventRecordNode
                ? driver.cuGraphAddEventRecordNode : driver.cuGraphAddEventWaitNode
            status = call?(&node, graph, before, count, event) ?? Status.notFound
        default: throw .unknownOpcode(record.opcode.rawValue)
        }
        if status == Status.success { handles.graphs.insertNode(found.node, node, in: found.owner) }
        finish(record, status)
    }

    /// Adds a node whose graph is one of the client's itself: `CUgraphNodeParams` of 256 bytes, type 4
    /// (`CU_GRAPH_NODE_TYPE_GRAPH`), from byte 16 on the graph and its ownership, 1
    /// (`CU_GRAPH_CHILD_GRAPH_OWNERSHIP_MOVE`, since CUDA 12.9).
    private func moveGraph(
        _ child: CUgraph?,
        _ node: inout CUgraphNode?,
        into graph: CUgraph?,
        _ found: NodeRecord
    ) -> CUresult {
        var parameters: InlineArray<32, UInt64> = .init(repeating: 0)
        parameters[0] = 4
        parameters[2] = UInt64(UInt(bitPattern: child))
        parameters[3] = 1
        return add(&node, to: graph, after: found.dependencies, &parameters)
    }

    /// Adds a node that `CUgraphNodeParams` describe.
    func add(
        _ node: inout CUgraphNode?,
        to graph: CUgraph?,
        after before: [CUgraphNode?],
        _ parameters: inout InlineArray<32, UInt64>
    ) -> CUresult {
        let count = before.count
        return withUnsafeMutablePointer(to: &parameters) { parameters in
            driver.cuGraphAddNode_v2?(&node, graph, before, nil, count, OpaquePointer(parameters))
                ?? driver.cuGraphAddNode?(&node, graph, before, count, OpaquePointer(parameters))
                ?? Status.notFound
        }
    }

    // MARK: - Changing

    /// Changes what a node does, in its graph or in an executable one.
    func setNode(_ record: Record) throws(ProtocolViolation) {
        guard let found = try nodeRecord(record), var node = handles.graphNodes.find(found.node)
        else { return finish(record, Status.invalidValue) }
        var exec: CUgraphExec?
        switch record.opcode {
        case .cuGraphExecKernelNodeSetParams_v2, .cuGraphExecMemcpyNodeSetParams,
            .cuGraphExecMemsetNodeSetParams:
            guard let named = handles.graphExecs.find(found.owner) else {
                return finish(record, Status.invalidValue)
            }
            exec = named
            if let place = graphParts.place(of: node, in: found.owner) {
                guard let place else { return finish(record, Status.invalidValue) }
                (exec, node) = (place.exec, place.node)
            }
        default: break
        }
        let status: CUresult
        switch record.opcode {
        case .cuGraphKernelNodeSetParams_v2:
            status = try withKernel(record, found) { parameters in
                driver.cuGraphKernelNodeSetParams_v2?(node, parameters)
                    ?? driver.cuGraphKernelNodeSetParams?(node, parameters)
            }
        case .cuGraphExecKernelNodeSetParams_v2:
            status = try withKernel(record, found) { parameters in
                driver.cuGraphExecKernelNodeSetParams_v2?(exec, node, parameters)
                    ?? driver.cuGraphExecKernelNodeSetParams?(exec, node, parameters)
            }
        case .cuGraphMemcpyNodeSetParams:
            status = try withCopy(record, found) { driver.cuGraphMemcpyNodeSetParams?(node, $0) }
        case .cuGraphExecMemcpyNodeSetParams:
            status = try withCopy(record, found) { parameters in
                driver.cuGraphExecMemcpyNodeSetParams?(exec, node, parameters, found.context)
            }
        case .cuGraphMemsetNodeSetParams:
            status = try withFill(record, found) { driver.cuGraphMemsetNodeSetParams?(node, $0) }
        case .cuGraphExecMemsetNodeSetParams:
            status = try withFill(record, found) { parameters in
                driver.cuGraphExecMemsetNodeSetParams?(exec, node, parameters, found.context)
            }
        default: throw .unknownOpcode(record.opcode.rawValue)
        }
        finish(record, status)
    }

    // MARK: - What nodes do

    /// `CUDA_KERNEL_NODE_PARAMS`: function, 3 × u32 grid, 3 × u32 block, u32 shared bytes, addresses of the
    /// parameters, extra, kernel, context.
    private func withKernel(
        _ record: Record,
        _ found: NodeRecord,
        _ body: (OpaquePointer) -> CUresult?
    ) throws(ProtocolViolation) -> CUresult {
        let start = GraphLayout.content
        guard found.contentSize >= LaunchLayout.parameters, let base = record.body.baseAddress
        else {
            throw .malformed(record.opcode)
        }
        func word(_ offset: Int) -> UInt32 { record.load(start + offset, as: UInt32.self) }
        let bytes = Int(word(LaunchLayout.parameterBytes))
        guard bytes <= LaunchLayout.maxParameterBytes else { throw .malformed(record.opcode) }
        try expect(record, found, LaunchLayout.parameters + WireFormat.padded(bytes))
        guard let function = handles.functions.entry(word(LaunchLayout.function)) else {
            return Status.invalidHandle
        }
        guard bytes >= function.pointee.parameterBytes else { return Status.invalidValue }
        let parameters = UnsafeMutableRawPointer(mutating: base + start + LaunchLayout.parameters)
        for index in 0..<function.pointee.parameterCount {
            launchPointers[index] = parameters + function.pointee.offsets[index]
        }
        let isKernel = function.pointee.isKernel && driver.cuGraphAddKernelNode_v2 != nil
        return withUnsafeTemporaryAllocation(byteCount: 72, alignment: 8) { memory in
            memory.initializeMemory(as: UInt8.self, repeating: 0)
            guard let fields = memory.baseAddress else { return Status.outOfMemory }
            let handle = UInt64(UInt(bitPattern: function.pointee.function))
            fields.storeBytes(of: isKernel ? 0 : handle, as: UInt64.self)
            for index in 0..<3 {
                let (grid, block) = (word(LaunchLayout.grid + 4 * index), 20 + 4 * index)
                fields.storeBytes(of: grid, toByteOffset: 8 + 4 * index, as: UInt32.self)
                let size = word(LaunchLayout.block + 4 * index)
                fields.storeBytes(of: size, toByteOffset: block, as: UInt32.self)
            }
            let shared = word(LaunchLayout.sharedBytes)
            fields.storeBytes(of: shared, toByteOffset: 32, as: UInt32.self)
            let pointers = UInt64(UInt(bitPattern: launchPointers))
            fields.storeBytes(of: pointers, toByteOffset: 40, as: UInt64.self)
            fields.storeBytes(of: isKernel ? handle : 0, toByteOffset: 56, as: UInt64.self)
            let context = UInt64(UInt(bitPattern: found.context))
            fields.storeBytes(of: context, toByteOffset: 64, as: UInt64.self)
            return body(OpaquePointer(fields)) ?? Status.notFound
        }
    }

    /// A copy between what lives on the GPU: the client's memory is not there when a graph runs.
    private func withCopy(
        _ record: Record,
        _ found: NodeRecord,
        _ body: (OpaquePointer) -> CUresult?
    ) throws(ProtocolViolation) -> CUresult {
        try expect(record, found, BoxLayout.size)
        let start = GraphLayout.content
        func size(_ offset: Int) -> UInt64 { record.load(start + offset, as: UInt64.self) }
        func kind(_ offset: Int) -> BoxSideKind? {
            BoxSideKind(rawValue: record.load(start + offset, as: UInt32.self))
        }
        guard
            let extent = BoxExtent(
                checking: size(BoxLayout.width),
                size(BoxLayout.height),
                size(BoxLayout.depth)
            ), let from = kind(BoxLayout.sourceKind), let to = kind(BoxLayout.destinationKind),
            from != .host, to != .host
        else { throw .malformed(record.opcode) }
        var status = Status.success
        guard
            let source = BoxSide(record, from, at: start + BoxLayout.source, extent, self, &status),
            let destination = BoxSide(
                record,
                to,
                at: start + BoxLayout.destination,
                extent,
                self,
                &status
            )
        else { return status }
        let copy = BoxCopy(source: source, destination: destination, extent: extent)
        return copy.withParameters(copy.whole, host: nil) { body($0) ?? Status.notFound }
    }

    /// `CUDA_MEMSET_NODE_PARAMS`: as in `GraphLayout`.
    private func withFill(
        _ record: Record,
        _ found: NodeRecord,
        _ body: (OpaquePointer) -> CUresult?
    ) throws(ProtocolViolation) -> CUresult {
        try expect(record, found, GraphLayout.fillSize)
        let start = GraphLayout.content
        func word(_ offset: Int) -> UInt64 { record.load(start + offset, as: UInt64.self) }
        let element = UInt64(record.load(start + GraphLayout.fillElement, as: UInt32.self))
        let (width, height) = (word(GraphLayout.fillWidth), word(GraphLayout.fillHeight))
        let pitch = word(GraphLayout.fillPitch)
        guard [1, 2, 4].contains(element), width <= 1 << 48,
            let row = BoxExtent(checking: max(1, width * element), max(1, height), 1),
            height <= 1 || (pitch >= row.width && pitch <= 1 << 48)
        else { return Status.invalidValue }
        let (rows, overflow) = pitch.multipliedReportingOverflow(by: max(1, height) - 1)
        guard !overflow, rows <= 1 << 48,
            isDeviceRange(word(GraphLayout.fillAddress), rows + UInt64(row.width))
        else { return Status.invalidValue }
        return withUnsafeTemporaryAllocation(byteCount: 40, alignment: 8) { memory in
            guard let fields = memory.baseAddress else { return Status.outOfMemory }
            for offset in stride(from: 0, to: GraphLayout.fillSize, by: 8) {
                fields.storeBytes(of: word(offset), toByteOffset: offset, as: UInt64.self)
            }
            return body(OpaquePointer(fields)) ?? Status.notFound
        }
    }
}
