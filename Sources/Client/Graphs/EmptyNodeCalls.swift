package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Nodes that are the client's business: the server's graph has an empty node in the place of each.

extension ClientCalls {
    /// Adds such a node.
    static func addEmpty(_ place: NewNode, memory: GraphMemoryNode = .none) -> CUresult {
        add(.cuGraphAddEmptyNode, place, memory: memory) { _, _ in .nothing }
    }

    /// Adds one to a captured graph, behind what a stream has got so far.
    ///
    /// - Parameter node: Receives its handle.
    static func addCaptured(
        _ stream: UInt64,
        _ graph: UInt64,
        _ memory: GraphMemoryNode,
        _ node: inout CUgraphNode?
    ) -> CUresult {
        var (state, count) = (CUstreamCaptureStatus(0), 0)
        var found: CUgraph?
        var dependencies: UnsafePointer<CUgraphNode?>?
        var edges: OpaquePointer?
        var status = cuStreamGetCaptureInfo_v3(
            Handles.pointer(stream),
            &state,
            nil,
            &found,
            &dependencies,
            &edges,
            &count
        )
        guard status == Status.success else { return status }
        status = withUnsafeMutablePointer(to: &node) { node in
            var place = NewNode(node, Handles.pointer(graph), dependencies, count)
            place.edges = edges
            return addEmpty(place, memory: memory)
        }
        return status == Status.success ? replaceDependencies(stream, with: node) : status
    }

    // MARK: - Nodes that call the program

    /// `cuGraphAddHostNode`
    package static func cuGraphAddHostNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        addHost(NewNode(node, graph, dependencies, count), parameters)
    }

    static func addHost(_ place: NewNode, _ parameters: OpaquePointer?) -> CUresult {
        withGraphs { state, _ in
            guard let out = place.node, let graph = Handles.graph(place.graph),
                let (function, data) = hostParameters(parameters)
            else { return Status.invalidValue }
            // A graph inside of a node is the server's.
            guard !Graphs.isInNode(state, graph) else { return HostNodes.refuse() }
            guard HostFunctions.isOpen(state) else { return Status.notSupported }
            let status = addEmpty(place)
            guard status == Status.success else { return status }
            let node = Handles.raw(out.pointee)
            let made = HostNode(graph: graph, node: node, function: function, data: data)
            HostNodes.insert(state, made)
            return status
        }
    }

    /// A captured stream is given a function.
    ///
    /// - Returns: `nil` when it is not captured.
    static func captureHostFunction(
        _ state: UnsafeMutablePointer<SessionState>,
        _ stream: UInt64,
        _ function: CUhostFn,
        _ data: UnsafeMutableRawPointer?
    ) -> CUresult? {
        switch Capturing.work(state, stream) {
        case .plain: return nil
        case .refused(let status): return status
        case .captured: break
        }
        guard let capture = Capturing.with(state, { $0.capture(of: stream) }) else { return nil }
        var node: CUgraphNode?
        let status = addCaptured(stream, capture.graph, .none, &node)
        guard status == Status.success else { return status }
        let made = HostNode(
            graph: capture.graph,
            node: Handles.raw(node),
            function: function,
            data: data
        )
        HostNodes.insert(state, made)
        return status
    }

    /// `CUDA_HOST_NODE_PARAMS`: function, argument.
    private static func hostParameters(
        _ parameters: OpaquePointer?
    ) -> (CUhostFn, UnsafeMutableRawPointer?)? {
        guard let parameters else { return nil }
        let fields = UnsafeRawPointer(parameters)
        guard let function = fields.load(as: CUhostFn?.self) else { return nil }
        return (function, fields.load(fromByteOffset: 8, as: UnsafeMutableRawPointer?.self))
    }

    /// `cuGraphHostNodeGetParams`
    package static func cuGraphHostNodeGetParams(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        withGraphs { state, _ in
            guard let parameters, let found = HostNodes.find(state, Handles.raw(node)) else {
                return Status.invalidValue
            }
            let fields = UnsafeMutableRawPointer(parameters)
            fields.storeBytes(of: found.function, as: CUhostFn.self)
            fields.storeBytes(of: found.data, toByteOffset: 8, as: UnsafeMutableRawPointer?.self)
            return Status.success
        }
    }

    /// `cuGraphHostNodeSetParams`
    package static func cuGraphHostNodeSetParams(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        withGraphs { state, _ in
            guard let (function, data) = hostParameters(parameters),
                HostNodes.change(state, Handles.raw(node), function, data)
            else { return Status.invalidValue }
            return Status.success
        }
    }

    /// `cuGraphExecHostNodeSetParams`
    package static func cuGraphExecHostNodeSetParams(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        withGraphs { state, _ in
            guard let (function, data) = hostParameters(parameters),
                let handle = Handles.graphExec(exec),
                let parts = state.pointee.graphExecs.find(handle)?.pointee.parts,
                parts.pointee.change(Handles.raw(node), function, data)
            else { return Status.invalidValue }
            return Status.success
        }
    }
}
