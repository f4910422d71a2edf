package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Nodes that programs add to graphs: checked here, so nothing is waited for.

extension ClientCalls {
    private typealias State = UnsafeMutablePointer<SessionState>

    /// `cuGraphAddKernelNode`
    package static func cuGraphAddKernelNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        let place = NewNode(node, graph, dependencies, count)
        return add(.cuGraphAddKernelNode_v2, place) {
            .kernel($0, parameters, hasKernel: false, &$1)
        }
    }

    /// `cuGraphAddKernelNode_v2`
    package static func cuGraphAddKernelNode_v2(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        let place = NewNode(node, graph, dependencies, count)
        return add(.cuGraphAddKernelNode_v2, place) {
            .kernel($0, parameters, hasKernel: true, &$1)
        }
    }

    /// `cuGraphAddMemcpyNode`
    package static func cuGraphAddMemcpyNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ copy: OpaquePointer?,
        _ context: CUcontext?
    ) -> CUresult {
        let place = NewNode(node, graph, dependencies, count)
        return add(.cuGraphAddMemcpyNode, place) { .copy($0, copy, context, &$1) }
    }

    /// `cuGraphAddMemsetNode`
    package static func cuGraphAddMemsetNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ fill: OpaquePointer?,
        _ context: CUcontext?
    ) -> CUresult {
        let place = NewNode(node, graph, dependencies, count)
        return add(.cuGraphAddMemsetNode, place) { .fill($0, fill, context, &$1) }
    }

    /// `cuGraphAddChildGraphNode`
    package static func cuGraphAddChildGraphNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ child: CUgraph?
    ) -> CUresult {
        let place = NewNode(node, graph, dependencies, count)
        return addChild(place, Handles.graph(child), ownership: 0)
    }

    /// `cuGraphAddEmptyNode`
    package static func cuGraphAddEmptyNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int
    ) -> CUresult {
        add(.cuGraphAddEmptyNode, NewNode(node, graph, dependencies, count)) { _, _ in .nothing }
    }

    /// `cuGraphAddEventRecordNode`
    package static func cuGraphAddEventRecordNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ event: CUevent?
    ) -> CUresult {
        addEvent(.cuGraphAddEventRecordNode, NewNode(node, graph, dependencies, count), event)
    }

    /// `cuGraphAddEventWaitNode`
    package static func cuGraphAddEventWaitNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ event: CUevent?
    ) -> CUresult {
        addEvent(.cuGraphAddEventWaitNode, NewNode(node, graph, dependencies, count), event)
    }

    private static func addEvent(
        _ opcode: Opcode,
        _ place: NewNode,
        _ event: CUevent?
    ) -> CUresult {
        add(opcode, place) { state, _ in
            guard let entry = state.pointee.events.find(Handles.raw(event)) else { return nil }
            entry.pointee.belongToGraph()
            return .handle(Handles.raw(event))
        }
    }

    /// Adds a node that is a graph: a copy of one (0), or that one itself (1).
    private static func addChild(
        _ place: NewNode,
        _ child: UInt64?,
        ownership: UInt32
    ) -> CUresult {
        let status = add(.cuGraphAddChildGraphNode, place, child: child) { state, status in
            guard let child, ownership <= 1 else { return nil }
            let entry = state.pointee.graphs.find(child)
            // One that was moved belongs to its node; of one that the server has made, there are copies only.
            if let entry, entry.pointee.owner != 0 { return nil }
            guard ownership == 1 else { return .child(child, ownership: 0) }
            guard let entry, let graph = Handles.graph(place.graph),
                !Graphs.isWithin(state, graph, child)
            else { return nil }
            if !entry.pointee.copies.isEmpty || !entry.pointee.objects.isEmpty {
                status = notSupported(
                    "moving a graph with objects or copies of the program's memory"
                )
                return nil
            }
            return .child(child, ownership: 1)
        }
        guard status == Status.success, ownership == 1 else { return status }
        return withGraphs { state, _ in
            state.pointee.objectLock.withLock {
                state.pointee.hasMovedGraphs = true
                guard let child, let entry = state.pointee.graphs.find(child) else { return }
                entry.pointee.owner = Handles.raw(place.node?.pointee)
            }
            return Status.success
        }
    }

    // MARK: - Any node

    /// `cuGraphAddNode`
    package static func cuGraphAddNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        cuGraphAddNode_v2(node, graph, dependencies, nil, count, parameters)
    }

    /// `cuGraphAddNode_v2`
    package static func cuGraphAddNode_v2(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: Int,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        guard let parameters else { return withGraphs { _, _ in Status.invalidValue } }
        let content = AnyNode(parameters)
        var place = NewNode(node, graph, dependencies, count)
        place.edges = edges
        switch content.type {
        case 0:
            return add(.cuGraphAddKernelNode_v2, place) {
                .kernel($0, content.union(0), hasKernel: true, &$1)
            }
        case 1:
            return add(.cuGraphAddMemcpyNode, place) {
                .copy($0, content.union(16), content.pointer(8), &$1)
            }
        case 2:
            return add(.cuGraphAddMemsetNode, place) {
                .fill($0, content.union(0), content.pointer(40), &$1)
            }
        case 3: return addHost(place, content.union(0))
        case 4:
            return addChild(place, Handles.graph(content.pointer(0)), ownership: content.small(8))
        case 5: return add(.cuGraphAddEmptyNode, place) { _, _ in .nothing }
        case 6: return addEvent(.cuGraphAddEventWaitNode, place, content.pointer(0))
        case 7: return addEvent(.cuGraphAddEventRecordNode, place, content.pointer(0))
        case 10: return addMemory(place, content.union(0))
        case 11:
            let address = UInt64(UInt(bitPattern: content.pointer(0)))
            return addMemoryFree(place, address)
        case 13: return addConditional(place, UnsafeMutableRawPointer(parameters) + 16)
        default: return notSupported("a node of this type")
        }
    }

    /// `cuGraphAddNode_v3`
    package static func cuGraphAddNode_v3(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: Int,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        cuGraphAddNode_v2(node, graph, dependencies, edges, count, parameters)
    }

    // MARK: - What they share

    /// Where a node goes.
    struct NewNode {
        var node: UnsafeMutablePointer<CUgraphNode?>?
        var graph: CUgraph?
        var dependencies: UnsafePointer<CUgraphNode?>?
        var edges: OpaquePointer?
        var count: Int

        init(
            _ node: UnsafeMutablePointer<CUgraphNode?>?,
            _ graph: CUgraph?,
            _ dependencies: UnsafePointer<CUgraphNode?>?,
            _ count: Int
        ) {
            self.node = node
            self.graph = graph
            self.dependencies = dependencies
            self.count = count
        }

        /// Whether something is said of the edges.
        var hasEdgeData: Bool {
            guard let edges else { return false }
            let words = UnsafeRawPointer(edges)
            for index in 0..<count
            where words.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self) != 0 {
                return true
            }
            return false
        }
    }

    static func add(
        _ opcode: Opcode,
        _ place: NewNode,
        child: UInt64? = nil,
        memory: GraphMemoryNode = .none,
        _ read: (UnsafeMutablePointer<SessionState>, inout CUresult) -> NodeContent?
    ) -> CUresult {
        withGraphs { state, context in
            guard let out = place.node, let graph = Handles.graph(place.graph),
                GraphLinks(place.dependencies, nil, place.count) != nil
            else { return Status.invalidValue }
            if let child, GraphMemories.areUsed(state, by: child) { return GraphMemories.refuse() }
            if let child, HostNodes.has(state, child) { return HostNodes.refuse() }
            var status = Status.invalidValue
            guard var content = read(state, &status) else { return status }
            status = HostCopies.add(state, context, &content, child: child, to: graph)
            guard status == Status.success else { return status }
            let copiesHost = content.host != nil || child.map { HostCopies.has(state, $0) } == true
            let entry = GraphNodeEntry(graph: graph, copiesHost: copiesHost, memory: memory)
            let made = state.pointee.objectLock.withLock { state.pointee.graphNodes.insert(entry) }
            guard let made else { return Status.outOfMemory }
            // What does not fit, or what edges say, follows when the node is there.
            let isLater = place.count > GraphLayout.mostEdges || place.hasEdgeData
            let count = isLater ? 0 : place.count
            let isWhole = write(
                state,
                opcode,
                context,
                graph,
                made,
                content,
                place.dependencies,
                count
            )
            guard isWhole else {
                _ = state.pointee.objectLock.withLock { state.pointee.graphNodes.remove(made) }
                return Status.invalidValue
            }
            out.pointee = Handles.pointer(made)
            return isLater ? connect(place, made) : Status.success
        }
    }

    private static func connect(_ place: NewNode, _ node: UInt64) -> CUresult {
        let to = UnsafeMutablePointer<CUgraphNode?>.allocate(capacity: place.count)
        defer { to.deallocate() }
        to.initialize(repeating: Handles.pointer(node), count: place.count)
        return cuGraphAddDependencies_v2(
            place.graph,
            place.dependencies,
            to,
            place.edges,
            place.count
        )
    }

    /// Writes the record of a node.
    static func write(
        _ state: UnsafeMutablePointer<SessionState>,
        _ opcode: Opcode,
        _ context: UInt32,
        _ owner: UInt64,
        _ node: UInt64,
        _ content: NodeContent,
        _ dependencies: UnsafePointer<CUgraphNode?>? = nil,
        _ count: Int = 0
    ) -> Bool {
        let size = GraphLayout.content + content.size + 8 * count
        state.pointee.streamLock.lock()
        let body = CommandStream.begin(state, opcode, flags: 0, context: context, size: size)
        body.storeBytes(of: owner, as: UInt64.self)
        body.storeBytes(of: node, toByteOffset: GraphLayout.node, as: UInt64.self)
        body.storeBytes(of: UInt32(count), toByteOffset: GraphLayout.count, as: UInt32.self)
        body.storeBytes(of: content.context, toByteOffset: GraphLayout.context, as: UInt32.self)
        let isWhole = content.encode(to: body + GraphLayout.content)
        let list = body + GraphLayout.content + content.size
        for index in 0..<count {
            let handle = Handles.raw(dependencies?[index])
            list.storeBytes(of: handle, toByteOffset: 8 * index, as: UInt64.self)
        }
        // A record that is not committed never was.
        if isWhole { CommandStream.commit(state, size: size) }
        state.pointee.streamLock.unlock()
        if isWhole { Flusher.request(state) }
        return isWhole
    }
}

/// `CUgraphNodeParams`: the type, then from byte 16 on what depends on it.
struct AnyNode {
    private let fields: UnsafeRawPointer

    init(_ parameters: OpaquePointer) { fields = UnsafeRawPointer(parameters) }

    var type: Int32 { fields.load(as: Int32.self) }

    /// What lies from an offset of the variable part on.
    func union(_ offset: Int) -> OpaquePointer? { OpaquePointer(fields + 16 + offset) }

    func pointer(_ offset: Int) -> OpaquePointer? {
        fields.load(fromByteOffset: 16 + offset, as: OpaquePointer?.self)
    }

    func small(_ offset: Int) -> UInt32 {
        fields.load(fromByteOffset: 16 + offset, as: UInt32.self)
    }
}
