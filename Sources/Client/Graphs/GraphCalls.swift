internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Graphs and their edges. Handles are made here, so that building a graph waits for nobody.

extension ClientCalls {
    /// Runs `body` with the session, and the current context's identifier or 0: graphs need no context.
    static func withGraphs(
        _ body: (UnsafeMutablePointer<SessionState>, UInt32) -> CUresult
    ) -> CUresult {
        withSession { state in
            guard state.pointee.lostStatus == 0 else { return state.pointee.lostStatus }
            let current = ContextStack.current
            guard current != 0 else { return body(state, 0) }
            guard let context = state.pointee.contexts.usable(current) else {
                return state.pointee.contexts.problem(current)
            }
            return body(state, context)
        }
    }

    /// `cuGraphCreate`
    package static func cuGraphCreate(
        _ graph: UnsafeMutablePointer<CUgraph?>?,
        _ flags: UInt32
    ) -> CUresult {
        withGraphs { state, context in
            guard let graph, flags == 0 else { return Status.invalidValue }
            guard let handle = Graphs.make(state) else { return Status.outOfMemory }
            graph.pointee = Handles.pointer(handle)
            return Session.send(state, .cuGraphCreate, context: context, size: 8) {
                $0.storeBytes(of: handle, as: UInt64.self)
            }
        }
    }

    /// `cuGraphDestroy`
    package static func cuGraphDestroy(_ graph: CUgraph?) -> CUresult {
        withGraphs { state, context in
            let handle = Handles.raw(graph)
            if state.pointee.captures.isAny,
                Capturing.with(state, { $0.isFilled(handle) })
            {
                return Status.invalidValue
            }
            if let entry = state.pointee.graphs.find(handle), entry.pointee.owner != 0 {
                return Status.invalidValue
            }
            var removed: GraphEntry?
            let status = Session.sendLast(
                state,
                .cuGraphDestroy,
                context: context,
                handle: handle
            ) {
                removed = Graphs.remove(state, handle)
                return removed != nil
            }
            if removed != nil {
                GraphMemories.forget(state, graph: handle)
                HostNodes.removeAll(state, of: handle)
            }
            removed?.copies.release(state)
            UserObjects.release(state, removed?.objects)
            return status == Status.success ? status : Status.invalidValue
        }
    }

    /// `cuGraphClone`
    package static func cuGraphClone(
        _ copy: UnsafeMutablePointer<CUgraph?>?,
        _ original: CUgraph?
    ) -> CUresult {
        withGraphs { state, context in
            guard let copy, let source = Handles.graph(original) else { return Status.invalidValue }
            guard !GraphMemories.areUsed(state, by: source) else { return GraphMemories.refuse() }
            guard let handle = Graphs.make(state) else { return Status.outOfMemory }
            if let entry = state.pointee.graphs.find(source),
                let made = state.pointee.graphs.find(handle)
            {
                made.pointee.copies.append(contentsOf: entry.pointee.copies, state)
                state.pointee.objectLock.withLock {
                    made.pointee.objects = entry.pointee.objects.copied(state)
                }
            }
            copy.pointee = Handles.pointer(handle)
            let status = Session.send(state, .cuGraphClone, context: context, size: 16) {
                $0.storeBytes(of: handle, as: UInt64.self)
                $0.storeBytes(of: source, toByteOffset: 8, as: UInt64.self)
            }
            guard status == Status.success else { return status }
            return copyHostNodes(state, context, from: source, to: handle)
        }
    }

    /// The nodes of a copy call the program as those of the graph do.
    private static func copyHostNodes(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        from source: UInt64,
        to graph: UInt64
    ) -> CUresult {
        for var node in HostNodes.all(state, of: source) {
            var found: UInt64 = 0
            let status = ask(state, context, .cuGraphNodeFindInClone, node.node, graph) {
                found = Handles.raw($0)
            }
            guard status == Status.success else { return status }
            node.graph = graph
            node.node = found
            HostNodes.insert(state, node)
        }
        return Status.success
    }

    /// `cuGraphNodeFindInClone`
    package static func cuGraphNodeFindInClone(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ original: CUgraphNode?,
        _ copy: CUgraph?
    ) -> CUresult {
        withGraphs { state, context in
            guard let node, let source = Handles.graphNode(original),
                let graph = Handles.graph(copy)
            else { return Status.invalidValue }
            return ask(state, context, .cuGraphNodeFindInClone, source, graph) { node.pointee = $0 }
        }
    }

    /// `cuGraphChildGraphNodeGetGraph`
    package static func cuGraphChildGraphNodeGetGraph(
        _ node: CUgraphNode?,
        _ graph: UnsafeMutablePointer<CUgraph?>?
    ) -> CUresult {
        withGraphs { state, context in
            guard let graph, let node = Handles.graphNode(node) else { return Status.invalidValue }
            return ask(state, context, .cuGraphChildGraphNodeGetGraph, node, nil) {
                graph.pointee = $0
            }
        }
    }

    /// Asks for a handle that the server gives.
    private static func ask(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ opcode: Opcode,
        _ first: UInt64,
        _ second: UInt64?,
        _ tell: (OpaquePointer?) -> Void
    ) -> CUresult {
        Session.wait(
            state,
            opcode,
            context: context,
            size: second == nil ? 8 : 16,
            replySize: ReplyLayout.values + 8
        ) {
            $0.storeBytes(of: first, as: UInt64.self)
            if let second { $0.storeBytes(of: second, toByteOffset: 8, as: UInt64.self) }
        } reply: {
            let found = $0.loadUnaligned(fromByteOffset: ReplyLayout.values, as: UInt64.self)
            tell(Handles.pointer(found))
        }
    }

    /// `cuGraphDestroyNode`
    package static func cuGraphDestroyNode(_ node: CUgraphNode?) -> CUresult {
        withGraphs { state, context in
            guard let handle = Handles.graphNode(node) else { return Status.invalidValue }
            let entry = state.pointee.graphNodes.find(handle)
            if let graph = entry?.pointee.graph, GraphMemories.areUsed(state, by: graph) {
                return GraphMemories.refuse()
            }
            let copies = entry.flatMap {
                state.pointee.graphs.find($0.pointee.graph)?.pointee.copies
            }
            guard copies.map({ !$0.isEmpty && entry?.pointee.copiesHost == true }) != true else {
                return HostCopies.refuseChange()
            }
            // Copies may be in their order only because of the function between them.
            if HostNodes.find(state, handle) != nil, let copies {
                let parts = Array(repeating: 0, count: copies.count)
                guard copies.areInOrder(parts) else { return HostCopies.refuseOrder() }
            }
            return Session.sendLast(
                state,
                .cuGraphDestroyNode,
                context: context,
                handle: handle
            ) {
                _ = state.pointee.graphNodes.remove(handle)
                Graphs.removeMoved(state, into: handle)
                HostNodes.remove(state, handle)
                return true
            }
        }
    }

    // MARK: - Edges

    /// `cuGraphAddDependencies`
    package static func cuGraphAddDependencies(
        _ graph: CUgraph?,
        _ from: UnsafePointer<CUgraphNode?>?,
        _ to: UnsafePointer<CUgraphNode?>?,
        _ count: Int
    ) -> CUresult {
        change(.cuGraphAddDependencies_v2, graph, from, to, nil, count)
    }

    /// `cuGraphAddDependencies_v2`
    package static func cuGraphAddDependencies_v2(
        _ graph: CUgraph?,
        _ from: UnsafePointer<CUgraphNode?>?,
        _ to: UnsafePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: Int
    ) -> CUresult {
        change(.cuGraphAddDependencies_v2, graph, from, to, edges, count)
    }

    /// `cuGraphRemoveDependencies`
    package static func cuGraphRemoveDependencies(
        _ graph: CUgraph?,
        _ from: UnsafePointer<CUgraphNode?>?,
        _ to: UnsafePointer<CUgraphNode?>?,
        _ count: Int
    ) -> CUresult {
        change(.cuGraphRemoveDependencies_v2, graph, from, to, nil, count)
    }

    /// `cuGraphRemoveDependencies_v2`
    package static func cuGraphRemoveDependencies_v2(
        _ graph: CUgraph?,
        _ from: UnsafePointer<CUgraphNode?>?,
        _ to: UnsafePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: Int
    ) -> CUresult {
        change(.cuGraphRemoveDependencies_v2, graph, from, to, edges, count)
    }

    /// Waits for the reply: which edges there are is known to the server only.
    private static func change(
        _ opcode: Opcode,
        _ graph: CUgraph?,
        _ from: UnsafePointer<CUgraphNode?>?,
        _ to: UnsafePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: Int
    ) -> CUresult {
        withGraphs { state, context in
            guard let graph = Handles.graph(graph), count >= 0 else { return Status.invalidValue }
            if count == 0 { return Status.success }
            guard let from, let to else { return Status.invalidValue }
            if opcode == .cuGraphRemoveDependencies_v2, GraphMemories.areUsed(state, by: graph) {
                return GraphMemories.refuse()
            }
            for index in 0..<count {
                guard Handles.graphNode(from[index]) != nil, Handles.graphNode(to[index]) != nil
                else {
                    return Status.invalidValue
                }
            }
            let data = UnsafeRawPointer(edges)
            var done = 0
            while done < count {
                let start = done
                let part = min(count - done, GraphLayout.mostEdges)
                let size = GraphLayout.edges + part * GraphLayout.edgeSize
                let status = Session.wait(state, opcode, context: context, size: size) { body in
                    body.storeBytes(of: graph, as: UInt64.self)
                    body.storeBytes(
                        of: UInt64(part),
                        toByteOffset: GraphLayout.edgeCount,
                        as: UInt64.self
                    )
                    for index in 0..<part {
                        let place = body + GraphLayout.edges + index * GraphLayout.edgeSize
                        let offset = 8 * (start + index)
                        let word = data?.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                        place.storeBytes(of: Handles.raw(from[start + index]), as: UInt64.self)
                        let second = Handles.raw(to[start + index])
                        place.storeBytes(of: second, toByteOffset: 8, as: UInt64.self)
                        place.storeBytes(of: word ?? 0, toByteOffset: 16, as: UInt64.self)
                    }
                }
                guard status == Status.success else { return status }
                done += part
            }
            return Status.success
        }
    }
}
