package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Executable graphs. Launching one is as cheap as launching a kernel: programs do it for every token.

extension ClientCalls {
    private typealias State = UnsafeMutablePointer<SessionState>

    /// What an instantiation may be asked for: freeing memory of earlier launches, and priorities of nodes.
    private static let plainFlags: UInt64 = 1 | 8
    private static let upload: UInt64 = 2
    private static let deviceLaunch: UInt64 = 4

    /// `cuGraphInstantiate`
    package static func cuGraphInstantiate(
        _ exec: UnsafeMutablePointer<CUgraphExec?>?,
        _ graph: CUgraph?,
        _ errorNode: UnsafeMutablePointer<CUgraphNode?>?,
        _ log: UnsafeMutablePointer<CChar>?,
        _ logSize: Int
    ) -> CUresult {
        if let log, logSize > 0 { log.pointee = 0 }
        errorNode?.pointee = nil
        return instantiate(exec, graph, 0) { _, node in errorNode?.pointee = Handles.pointer(node) }
    }

    /// `cuGraphInstantiate_v2`
    package static func cuGraphInstantiate_v2(
        _ exec: UnsafeMutablePointer<CUgraphExec?>?,
        _ graph: CUgraph?,
        _ errorNode: UnsafeMutablePointer<CUgraphNode?>?,
        _ log: UnsafeMutablePointer<CChar>?,
        _ logSize: Int
    ) -> CUresult {
        cuGraphInstantiate(exec, graph, errorNode, log, logSize)
    }

    /// `cuGraphInstantiateWithFlags`
    package static func cuGraphInstantiateWithFlags(
        _ exec: UnsafeMutablePointer<CUgraphExec?>?,
        _ graph: CUgraph?,
        _ flags: UInt64
    ) -> CUresult {
        guard flags & upload == 0 else { return withGraphs { _, _ in Status.invalidValue } }
        return instantiate(exec, graph, flags) { _, _ in }
    }

    /// `cuGraphInstantiateWithParams`
    package static func cuGraphInstantiateWithParams(
        _ exec: UnsafeMutablePointer<CUgraphExec?>?,
        _ graph: CUgraph?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        instantiate(exec, graph, parameters) { $0 }
    }

    /// `cuGraphInstantiateWithParams_ptsz`
    package static func cuGraphInstantiateWithParams_ptsz(
        _ exec: UnsafeMutablePointer<CUgraphExec?>?,
        _ graph: CUgraph?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        instantiate(exec, graph, parameters) { perThread($0) }
    }

    /// `CUDA_GRAPH_INSTANTIATE_PARAMS`: u64 flags, stream of the upload, node and kind of an error.
    private static func instantiate(
        _ exec: UnsafeMutablePointer<CUgraphExec?>?,
        _ graph: CUgraph?,
        _ parameters: OpaquePointer?,
        _ stream: (CUstream?) -> CUstream?
    ) -> CUresult {
        guard let parameters else { return withGraphs { _, _ in Status.invalidValue } }
        let fields = UnsafeMutableRawPointer(parameters)
        let flags = fields.load(as: UInt64.self)
        var status = instantiate(exec, graph, flags & ~upload) { result, node in
            fields.storeBytes(of: node, toByteOffset: 16, as: UInt64.self)
            fields.storeBytes(of: result, toByteOffset: 24, as: Int32.self)
        }
        if status == Status.success, flags & upload != 0 {
            let target = fields.load(fromByteOffset: 8, as: CUstream?.self)
            status = cuGraphUpload(exec?.pointee, stream(target))
        }
        return status
    }

    private static func instantiate(
        _ exec: UnsafeMutablePointer<CUgraphExec?>?,
        _ graph: CUgraph?,
        _ flags: UInt64,
        _ tell: (Int32, UInt64) -> Void
    ) -> CUresult {
        withGraphs { state, context in
            guard let exec, let graph = Handles.graph(graph),
                flags & ~(plainFlags | deviceLaunch) == 0
            else { return Status.invalidValue }
            if state.pointee.captures.isAny, Capturing.with(state, { $0.isFilled(graph) }) {
                return Status.invalidValue
            }
            guard flags & deviceLaunch == 0 else {
                return notSupported("launching graphs from kernels")
            }
            let entry = GraphExecEntry(context: ContextStack.current)
            let made = state.pointee.objectLock.withLock { state.pointee.graphExecs.insert(entry) }
            guard let made else { return Status.outOfMemory }
            if let source = state.pointee.graphs.find(graph),
                let entry = state.pointee.graphExecs.find(made)
            {
                entry.pointee.copies.append(contentsOf: source.pointee.copies, state)
                state.pointee.objectLock.withLock {
                    entry.pointee.objects = source.pointee.objects.copied(state)
                }
            }
            guard GraphMemories.instantiate(state, graph, as: made, freesItself: flags & 1 != 0)
            else {
                forget(state, exec: made)
                return Status.invalidValue
            }
            let nodes = HostNodes.all(state, of: graph)
            guard nodes.isEmpty else {
                return instantiate(state, context, exec, graph, made, flags, nodes, tell)
            }
            var isMade = false
            let status = Session.wait(
                state,
                .cuGraphInstantiateWithParams,
                context: context,
                size: GraphLayout.instantiateSize,
                replySize: GraphLayout.errorNode + 8,
                readsFailure: true
            ) { body in
                body.storeBytes(of: made, as: UInt64.self)
                body.storeBytes(of: graph, toByteOffset: 8, as: UInt64.self)
                body.storeBytes(of: flags, toByteOffset: 16, as: UInt64.self)
            } reply: { reply in
                isMade = reply.loadUnaligned(as: Int32.self) == Status.success
                guard reply.count >= GraphLayout.errorNode + 8 else { return tell(1, 0) }
                tell(
                    reply.loadUnaligned(fromByteOffset: GraphLayout.result, as: Int32.self),
                    reply.loadUnaligned(fromByteOffset: GraphLayout.errorNode, as: UInt64.self)
                )
            }
            if status == Status.success {
                exec.pointee = Handles.pointer(made)
            } else if isMade {
                // The error that is told is an earlier call's.
                _ = cuGraphExecDestroy(Handles.pointer(made))
            } else {
                forget(state, exec: made)
            }
            return status
        }
    }

    /// The same for a graph that calls the program, which the server makes executable in parts.
    private static func instantiate(
        _ state: State,
        _ context: UInt32,
        _ exec: UnsafeMutablePointer<CUgraphExec?>,
        _ graph: UInt64,
        _ made: UInt64,
        _ flags: UInt64,
        _ nodes: [HostNode],
        _ tell: (Int32, UInt64) -> Void
    ) -> CUresult {
        guard let entry = state.pointee.graphExecs.find(made),
            nodes.count <= GraphLayout.mostFunctions,
            entry.pointee.copies.count <= GraphLayout.mostCopies
        else {
            forget(state, exec: made)
            return HostNodes.refuse()
        }
        let copies = entry.pointee.copies
        guard var parts = GraphParts(state, first: made, nodes: nodes) else {
            forget(state, exec: made)
            return Status.outOfMemory
        }
        var isMade = false
        var status = Session.wait(
            state,
            .cuGraphInstantiateWithParams,
            context: context,
            size: parts.requestSize(copies),
            replySize: parts.replySize(copies),
            readsFailure: true
        ) { body in
            body.storeBytes(of: made, as: UInt64.self)
            body.storeBytes(of: graph, toByteOffset: 8, as: UInt64.self)
            body.storeBytes(of: flags, toByteOffset: 16, as: UInt64.self)
            parts.write(copies, to: body)
        } reply: { reply in
            isMade = reply.loadUnaligned(as: Int32.self) == Status.success
            tell(isMade ? 0 : 1, 0)
            guard isMade, reply.count >= parts.replySize(copies) else { return }
            parts.read(state, copies.count) {
                reply.loadUnaligned(fromByteOffset: GraphLayout.parts + 4 * $0, as: UInt32.self)
            }
        }
        if status == Status.success, !copies.areInOrder(parts.copies) {
            status = HostCopies.refuseOrder()
        }
        let owned = UnsafeMutablePointer<GraphParts>.allocate(capacity: 1)
        owned.initialize(to: parts)
        entry.pointee.parts = owned
        if status == Status.success {
            exec.pointee = Handles.pointer(made)
        } else if isMade {
            _ = cuGraphExecDestroy(Handles.pointer(made))
        } else {
            forget(state, exec: made)
        }
        return status
    }

    private static func forget(_ state: State, exec: UInt64) {
        let entry = state.pointee.objectLock.withLock { state.pointee.graphExecs.remove(exec) }
        entry?.releaseParts(state, isMade: false)
        if entry?.usesMemory == true { GraphMemories.forget(state, exec: exec) }
        entry?.copies.release(state)
        UserObjects.release(state, entry?.objects)
    }

    /// `cuGraphExecDestroy`
    package static func cuGraphExecDestroy(_ exec: CUgraphExec?) -> CUresult {
        withGraphs { state, context in
            let handle = Handles.raw(exec)
            var removed: GraphExecEntry?
            let status = Session.sendLast(
                state,
                .cuGraphExecDestroy,
                context: context,
                handle: handle
            ) {
                removed = state.pointee.graphExecs.remove(handle)
                return removed != nil
            }
            if removed?.usesMemory == true { GraphMemories.forget(state, exec: handle) }
            removed?.releaseParts(state)
            removed?.copies.release(state)
            if let removed, !removed.objects.isEmpty {
                // What still runs may use them.
                if removed.isLaunched, context != 0 { _ = Capturing.settle(state, context) }
                UserObjects.release(state, removed.objects)
            }
            return status == Status.success ? status : Status.invalidValue
        }
    }

    // MARK: - Running

    /// `cuGraphLaunch`
    package static func cuGraphLaunch(_ exec: CUgraphExec?, _ stream: CUstream?) -> CUresult {
        withContext(of: .stream(Handles.raw(stream))) { state, context in
            guard let target = Handles.stream(stream) else { return Status.invalidHandle }
            let handle = Handles.raw(exec)
            guard let entry = state.pointee.graphExecs.find(handle) else {
                return Status.invalidValue
            }
            if _slowPath(!entry.pointee.objects.isEmpty) { entry.pointee.isLaunched = true }
            if _slowPath(state.pointee.captures.isAny) {
                switch Capturing.work(state, target) {
                case .plain: break
                case .refused(let status): return status
                case .captured:
                    guard !entry.pointee.usesMemory, entry.pointee.parts == nil,
                        entry.pointee.copies.capture(state, target)
                    else {
                        return Capturing.forbid(state, target)
                    }
                    return launch(state, context, handle, target)
                }
            }
            if _slowPath(entry.pointee.usesMemory), !GraphMemories.launch(state, handle) {
                return Status.invalidValue
            }
            if let parts = entry.pointee.parts {
                return launch(state, context, parts, entry.pointee.copies, target)
            }
            guard _fastPath(entry.pointee.copies.isEmpty) else {
                return entry.pointee.copies.around(state, context, target) { _ in
                    launch(state, context, handle, target)
                }
            }
            return launch(state, context, handle, target)
        }
    }

    /// Launches the parts one after the other, and calls the functions between them.
    private static func launch(
        _ state: State,
        _ context: UInt32,
        _ parts: UnsafeMutablePointer<GraphParts>,
        _ copies: HostCopies,
        _ stream: UInt64
    ) -> CUresult {
        var status = parts.pointee.begin(stream)
        guard status == Status.success else { return status }
        status = copies.around(
            state,
            context,
            stream,
            parts: parts.pointee.copies,
            count: parts.pointee.handles.count
        ) {
            launch(state, context, parts.pointee.handles[$0], stream)
        } _: {
            parts.pointee.call($0, in: stream)
        }
        return status == Status.success ? parts.pointee.end(stream) : status
    }

    @inline(__always)
    private static func launch(
        _ state: State,
        _ context: UInt32,
        _ exec: UInt64,
        _ stream: UInt64
    ) -> CUresult {
        let size = Request_cuGraphLaunch.size
        return Session.send(state, .cuGraphLaunch, context: context, size: size) {
            Request_cuGraphLaunch.encode(to: $0, graph: exec, stream: stream)
        }
    }

    /// `cuGraphUpload`
    package static func cuGraphUpload(_ exec: CUgraphExec?, _ stream: CUstream?) -> CUresult {
        guard let target = Handles.stream(stream) else { return invalidHandle() }
        return withContext(of: .stream(target)) { state, context in
            guard let handle = Handles.graphExec(exec) else { return Status.invalidValue }
            let refusal = Capturing.forbid(state, target)
            guard refusal == Status.success else { return refusal }
            let size = Request_cuGraphUpload.size
            let parts = state.pointee.graphExecs.find(handle)?.pointee.parts
            for part in parts?.pointee.handles ?? [handle] {
                let status = Session.send(state, .cuGraphUpload, context: context, size: size) {
                    Request_cuGraphUpload.encode(to: $0, graph: part, stream: target)
                }
                guard status == Status.success else { return status }
            }
            return Status.success
        }
    }

    // MARK: - Changing

    /// `cuGraphExecUpdate`
    package static func cuGraphExecUpdate(
        _ exec: CUgraphExec?,
        _ graph: CUgraph?,
        _ errorNode: UnsafeMutablePointer<CUgraphNode?>?,
        _ result: UnsafeMutablePointer<CUgraphExecUpdateResult>?
    ) -> CUresult {
        guard let result else { return withGraphs { _, _ in Status.invalidValue } }
        return update(exec, graph) { told, node, _ in
            result.pointee = told
            errorNode?.pointee = Handles.pointer(node)
        }
    }

    /// `cuGraphExecUpdate_v2`: `CUgraphExecUpdateResultInfo` has a result and two nodes.
    package static func cuGraphExecUpdate_v2(
        _ exec: CUgraphExec?,
        _ graph: CUgraph?,
        _ information: OpaquePointer?
    ) -> CUresult {
        guard let information else { return withGraphs { _, _ in Status.invalidValue } }
        let fields = UnsafeMutableRawPointer(information)
        return update(exec, graph) { result, node, from in
            fields.storeBytes(of: result, as: Int32.self)
            fields.storeBytes(of: node, toByteOffset: 8, as: UInt64.self)
            fields.storeBytes(of: from, toByteOffset: 16, as: UInt64.self)
        }
    }

    private static func update(
        _ exec: CUgraphExec?,
        _ graph: CUgraph?,
        _ tell: (Int32, UInt64, UInt64) -> Void
    ) -> CUresult {
        withGraphs { state, context in
            guard let exec = Handles.graphExec(exec), let graph = Handles.graph(graph) else {
                return Status.invalidValue
            }
            let parts = state.pointee.graphExecs.find(exec)?.pointee.parts
            guard parts == nil, !HostNodes.has(state, graph) else {
                // 6: it cannot be done.
                tell(6, 0, 0)
                return FERRY_CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE
            }
            guard GraphMemories.canUpdate(state, exec, with: graph) else {
                // 5: parameters that cannot be others.
                tell(5, 0, 0)
                return FERRY_CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE
            }
            var isDone = false
            let status = Session.wait(
                state,
                .cuGraphExecUpdate_v2,
                context: context,
                size: GraphLayout.updateSize,
                replySize: GraphLayout.errorFromNode + 8,
                readsFailure: true
            ) { body in
                body.storeBytes(of: exec, as: UInt64.self)
                body.storeBytes(of: graph, toByteOffset: 8, as: UInt64.self)
            } reply: { reply in
                isDone = reply.loadUnaligned(as: Int32.self) == Status.success
                // 1: an error that the status tells.
                guard reply.count >= GraphLayout.errorFromNode + 8 else { return tell(1, 0, 0) }
                func word(_ offset: Int) -> UInt64 {
                    reply.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                }
                let result = Int32(truncatingIfNeeded: word(GraphLayout.result))
                tell(result, word(GraphLayout.errorNode), word(GraphLayout.errorFromNode))
            }
            if isDone, let entry = state.pointee.graphExecs.find(exec) {
                let old = entry.pointee.copies
                var new = HostCopies()
                if let source = state.pointee.graphs.find(graph) {
                    new.append(contentsOf: source.pointee.copies, state)
                }
                entry.pointee.copies = new
                old.release(state)
            }
            return status
        }
    }

    /// `cuGraphNodeSetEnabled`
    package static func cuGraphNodeSetEnabled(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ isEnabled: UInt32
    ) -> CUresult {
        withGraphs { state, context in
            guard let exec = Handles.graphExec(exec), let handle = Handles.graphNode(node) else {
                return Status.invalidValue
            }
            guard !HostCopies.mayBeOne(state, handle, in: exec) else {
                return HostCopies.refuseChange()
            }
            let size = Request_cuGraphNodeSetEnabled.size
            return Session.send(state, .cuGraphNodeSetEnabled, context: context, size: size) {
                Request_cuGraphNodeSetEnabled.encode(
                    to: $0,
                    graphExec: exec,
                    node: handle,
                    isEnabled: isEnabled
                )
            }
        }
    }
}
