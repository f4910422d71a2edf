package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Nodes with graphs of their own, of which kernels say which are run. The graphs have the client's handles, so that
// nothing is waited for; the values that kernels set have the driver's, because kernels get them as arguments.

extension ClientCalls {
    /// `cuGraphConditionalHandleCreate`: waits for the handle.
    package static func cuGraphConditionalHandleCreate(
        _ handle: UnsafeMutablePointer<UInt64>?,
        _ graph: CUgraph?,
        _ context: CUcontext?,
        _ value: UInt32,
        _ flags: UInt32
    ) -> CUresult {
        withGraphs { state, _ in
            guard let handle, let graph = Handles.graph(graph), flags <= 1 else {
                return Status.invalidValue
            }
            let wanted = context == nil ? ContextStack.current : Handles.raw(context)
            guard let identifier = state.pointee.contexts.usable(wanted) else {
                return state.pointee.contexts.problem(wanted)
            }
            return Session.wait(
                state,
                .cuGraphConditionalHandleCreate,
                context: identifier,
                size: GraphLayout.conditionalSize,
                replySize: ReplyLayout.values + 8
            ) { body in
                body.storeBytes(of: graph, as: UInt64.self)
                body.storeBytes(
                    of: value,
                    toByteOffset: GraphLayout.conditionalValue,
                    as: UInt32.self
                )
                body.storeBytes(
                    of: flags,
                    toByteOffset: GraphLayout.conditionalFlags,
                    as: UInt32.self
                )
            } reply: { reply in
                let offset = ReplyLayout.values
                handle.pointee = reply.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            }
        }
    }

    /// Adds a conditional node, and tells the program of its graphs.
    ///
    /// - Parameter fields: `CUDA_CONDITIONAL_NODE_PARAMS`: u64 handle, u32 kind, u32 number of graphs, the list of
    ///   them (written here), context.
    static func addConditional(_ place: NewNode, _ fields: UnsafeMutableRawPointer) -> CUresult {
        var node = NodeContent.Conditional(
            handle: fields.load(as: UInt64.self),
            kind: fields.load(fromByteOffset: 8, as: UInt32.self),
            count: Int(fields.load(fromByteOffset: 12, as: UInt32.self))
        )
        guard node.isPossible else { return withGraphs { _, _ in Status.invalidValue } }
        guard node.count <= GraphLayout.mostConditionalGraphs else {
            return notSupported("a conditional node with more than 1024 graphs")
        }
        let context = fields.load(fromByteOffset: 24, as: OpaquePointer?.self)
        // The program's to read as long as the node is there.
        let list = UnsafeMutablePointer<CUgraph?>.allocate(capacity: node.count)
        list.initialize(repeating: nil, count: node.count)
        node.graphs = UnsafePointer(list)
        let status = withGraphs { state, _ in
            guard makeGraphs(state, list, node.count) else { return Status.outOfMemory }
            return add(.cuGraphAddNode_v2, place) {
                .conditional($0, node, context, &$1)
            }
        }
        return withGraphs { state, _ in
            guard status == Status.success else {
                for index in 0..<node.count where list[index] != nil {
                    Graphs.forget(state, Handles.raw(list[index]))
                }
                list.deallocate()
                return status
            }
            let made = Handles.raw(place.node?.pointee)
            state.pointee.objectLock.withLock {
                state.pointee.hasMovedGraphs = true
                for index in 0..<node.count {
                    let entry = state.pointee.graphs.find(Handles.raw(list[index]))
                    entry?.pointee.owner = made
                    entry?.pointee.isConditional = true
                }
            }
            let graph = Handles.raw(place.graph)
            state.pointee.nodeMemory.insert(UnsafeMutableRawPointer(list), node: made, graph: graph)
            fields.storeBytes(of: list, toByteOffset: 16, as: UnsafeMutablePointer<CUgraph?>.self)
            return status
        }
    }

    private static func makeGraphs(
        _ state: Graphs.State,
        _ list: UnsafeMutablePointer<CUgraph?>,
        _ count: Int
    ) -> Bool {
        for index in 0..<count {
            guard let handle = Graphs.make(state) else { return false }
            list[index] = Handles.pointer(handle)
        }
        return true
    }
}
