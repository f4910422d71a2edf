internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Captures: what they are in the client is in `CaptureState`; the server's driver makes the graph.

extension ClientCalls {
    /// `cuStreamBeginCapture`
    package static func cuStreamBeginCapture(_ stream: CUstream?) -> CUresult {
        cuStreamBeginCapture_v2(stream, CaptureMode.global.rawValue)
    }

    /// `cuStreamBeginCapture_v2`: nothing is waited for.
    package static func cuStreamBeginCapture_v2(
        _ stream: CUstream?,
        _ mode: CUstreamCaptureMode
    ) -> CUresult {
        guard let handle = Handles.stream(stream) else { return invalidHandle() }
        return withContext(of: .stream(handle)) { state, context in
            guard let mode = CaptureMode(rawValue: mode) else { return Status.invalidValue }
            guard handle > 1 else { return FERRY_CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED }
            guard let graph = Graphs.make(state) else { return Status.outOfMemory }
            guard begin(state, handle, mode, graph, makesGraph: true) else {
                Graphs.forget(state, graph)
                return Status.illegalState
            }
            let size = CaptureLayout.beginSize
            return Session.send(state, .cuStreamBeginCapture_v2, context: context, size: size) {
                $0.storeBytes(of: handle, as: UInt64.self)
            }
        }
    }

    private static func begin(
        _ state: Graphs.State,
        _ stream: UInt64,
        _ mode: CaptureMode,
        _ graph: UInt64,
        makesGraph: Bool
    ) -> Bool {
        let captured = Capturing.stream(state, stream)
        return Capturing.with(state) {
            $0.begin(
                captured,
                mode: mode,
                thread: Capturing.thread,
                graph: graph,
                makesGraph: makesGraph
            ) != nil
        }
    }

    /// `cuStreamBeginCaptureToGraph`
    package static func cuStreamBeginCaptureToGraph(
        _ stream: CUstream?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: Int,
        _ mode: CUstreamCaptureMode
    ) -> CUresult {
        guard let handle = Handles.stream(stream) else { return invalidHandle() }
        return withContext(of: .stream(handle)) { state, context in
            guard let mode = CaptureMode(rawValue: mode), let graph = Handles.graph(graph),
                count <= GraphLayout.mostEdges,
                let links = GraphLinks(dependencies, edges, count)
            else { return Status.invalidValue }
            guard handle > 1 else { return FERRY_CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED }
            if let entry = state.pointee.graphs.find(graph), entry.pointee.owner != 0,
                !entry.pointee.isConditional
            {
                return notSupported("capturing to a graph that was moved into a node")
            }
            guard begin(state, handle, mode, graph, makesGraph: false) else {
                return Status.illegalState
            }
            let size = CaptureLayout.links + links.size
            return Session.send(state, .cuStreamBeginCaptureToGraph, context: context, size: size) {
                $0.storeBytes(of: handle, as: UInt64.self)
                $0.storeBytes(of: graph, toByteOffset: CaptureLayout.graph, as: UInt64.self)
                $0.storeBytes(of: UInt64(count), toByteOffset: CaptureLayout.count, as: UInt64.self)
                links.encode(to: $0 + CaptureLayout.links)
            }
        }
    }

    /// `cuStreamEndCapture`: waits for the graph.
    package static func cuStreamEndCapture(
        _ stream: CUstream?,
        _ graph: UnsafeMutablePointer<CUgraph?>?
    ) -> CUresult {
        guard let handle = Handles.stream(stream) else { return invalidHandle() }
        return withContext(of: .stream(handle)) { state, context in
            guard let graph else { return Status.invalidValue }
            graph.pointee = nil
            let problem = Capturing.with(state) { $0.checkEnd(handle, thread: Capturing.thread) }
            guard problem == Status.success else { return problem }
            guard let capture = Capturing.with(state, { $0.capture(of: handle) }) else {
                return Status.illegalState
            }
            return end(state, context, capture, graph)
        }
    }

    private static func end(
        _ state: Graphs.State,
        _ context: UInt32,
        _ capture: Capture,
        _ graph: UnsafeMutablePointer<CUgraph?>
    ) -> CUresult {
        var isMade = false
        let status = Session.wait(
            state,
            .cuStreamEndCapture,
            context: context,
            size: CaptureLayout.endSize
        ) { body in
            let name = capture.makesGraph ? capture.graph : 0
            let isDiscarded: UInt64 = capture.isValid ? 0 : 1
            body.storeBytes(of: capture.origin, as: UInt64.self)
            body.storeBytes(of: name, toByteOffset: CaptureLayout.graph, as: UInt64.self)
            body.storeBytes(
                of: isDiscarded,
                toByteOffset: CaptureLayout.isDiscarded,
                as: UInt64.self
            )
        } reply: { _ in
            isMade = capture.isValid
        }
        Capturing.with(state) { $0.end(capture.identifier) }
        if capture.isValid, status == Status.success {
            graph.pointee = Handles.pointer(capture.graph)
            return status
        }
        guard capture.makesGraph else {
            return capture.isValid ? status : FERRY_CUDA_ERROR_STREAM_CAPTURE_INVALIDATED
        }
        if isMade {
            // The error that is told is an earlier call's: the graph is there, and nobody will have it.
            _ = cuGraphDestroy(Handles.pointer(capture.graph))
        } else {
            Graphs.forget(state, capture.graph)
        }
        return capture.isValid ? status : FERRY_CUDA_ERROR_STREAM_CAPTURE_INVALIDATED
    }

    // MARK: - Questions

    /// `cuStreamIsCapturing`: asked at every allocation, so it is answered here.
    package static func cuStreamIsCapturing(
        _ stream: CUstream?,
        _ status: UnsafeMutablePointer<CUstreamCaptureStatus>?
    ) -> CUresult {
        cuStreamGetCaptureInfo(stream, status, nil)
    }

    /// `cuStreamGetCaptureInfo`: answered here as well.
    package static func cuStreamGetCaptureInfo(
        _ stream: CUstream?,
        _ status: UnsafeMutablePointer<CUstreamCaptureStatus>?,
        _ identifier: UnsafeMutablePointer<UInt64>?
    ) -> CUresult {
        withStream(stream) { state, _ in
            guard let status else { return Status.invalidValue }
            status.pointee = 0
            identifier?.pointee = 0
            guard state.pointee.captures.isAny else { return Status.success }
            guard let handle = Handles.stream(stream) else { return Status.invalidHandle }
            let current = ContextStack.current
            return Capturing.with(state) { captures in
                guard handle > 1 || captures.isLegacyFree(of: current) else {
                    return FERRY_CUDA_ERROR_STREAM_CAPTURE_IMPLICIT
                }
                guard let capture = captures.capture(of: handle) else { return Status.success }
                status.pointee = capture.isValid ? 1 : 2
                if capture.isValid { identifier?.pointee = capture.identifier }
                return Status.success
            }
        }
    }

    /// `cuStreamGetCaptureInfo_v2`
    package static func cuStreamGetCaptureInfo_v2(
        _ stream: CUstream?,
        _ status: UnsafeMutablePointer<CUstreamCaptureStatus>?,
        _ identifier: UnsafeMutablePointer<UInt64>?,
        _ graph: UnsafeMutablePointer<CUgraph?>?,
        _ dependencies: UnsafeMutablePointer<UnsafePointer<CUgraphNode?>?>?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        cuStreamGetCaptureInfo_v3(stream, status, identifier, graph, dependencies, nil, count)
    }

    /// `cuStreamGetCaptureInfo_v3`: only the graph and what the next work waits for are the server's to tell.
    package static func cuStreamGetCaptureInfo_v3(
        _ stream: CUstream?,
        _ status: UnsafeMutablePointer<CUstreamCaptureStatus>?,
        _ identifier: UnsafeMutablePointer<UInt64>?,
        _ graph: UnsafeMutablePointer<CUgraph?>?,
        _ dependencies: UnsafeMutablePointer<UnsafePointer<CUgraphNode?>?>?,
        _ edges: UnsafeMutablePointer<OpaquePointer?>?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        guard edges == nil || dependencies != nil else {
            return withContext { _, _ in Status.invalidValue }
        }
        graph?.pointee = nil
        dependencies?.pointee = nil
        edges?.pointee = nil
        count?.pointee = 0
        let known = cuStreamGetCaptureInfo(stream, status, identifier)
        guard known == Status.success, status?.pointee == 1,
            graph != nil || dependencies != nil || count != nil,
            let handle = Handles.stream(stream)
        else { return known }
        return withContext(of: .stream(handle)) { state, context in
            guard let capture = Capturing.with(state, { $0.capture(of: handle) }) else {
                return Status.success
            }
            var list = NodeList()
            let told = list.ask(
                state,
                context,
                .cuStreamGetCaptureInfo_v3,
                handle,
                capture.graph,
                element: GraphLayout.linkSize
            )
            guard told == Status.success else { return told }
            graph?.pointee = Handles.pointer(capture.graph)
            count?.pointee = list.count
            guard let dependencies else {
                list.deallocate()
                return Status.success
            }
            guard edges != nil || list.isPlain(8) else {
                list.deallocate()
                return FERRY_CUDA_ERROR_LOSSY_QUERY
            }
            // Valid until the stream's next call, so it may as well stay until the graph goes.
            let memory = list.split()
            state.pointee.nodeMemory.insert(memory.nodes, node: 0, graph: capture.graph)
            dependencies.pointee = UnsafePointer(
                memory.nodes.assumingMemoryBound(to: CUgraphNode?.self)
            )
            edges?.pointee = OpaquePointer(memory.data)
            return Status.success
        }
    }

    // MARK: - Dependencies

    /// `cuStreamUpdateCaptureDependencies`
    package static func cuStreamUpdateCaptureDependencies(
        _ stream: CUstream?,
        _ dependencies: UnsafeMutablePointer<CUgraphNode?>?,
        _ count: Int,
        _ flags: UInt32
    ) -> CUresult {
        cuStreamUpdateCaptureDependencies_v2(stream, dependencies, nil, count, flags)
    }

    /// `cuStreamUpdateCaptureDependencies_v2`
    package static func cuStreamUpdateCaptureDependencies_v2(
        _ stream: CUstream?,
        _ dependencies: UnsafeMutablePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: Int,
        _ flags: UInt32
    ) -> CUresult {
        guard let handle = Handles.stream(stream) else { return invalidHandle() }
        return withContext(of: .stream(handle)) { state, context in
            // 0 adds to the set, 1 replaces it.
            guard flags <= 1, count <= GraphLayout.mostEdges,
                let links = GraphLinks(UnsafePointer(dependencies), edges, count)
            else { return Status.invalidValue }
            guard let capture = Capturing.with(state, { $0.capture(of: handle) }) else {
                return Status.illegalState
            }
            guard capture.isValid else { return FERRY_CUDA_ERROR_STREAM_CAPTURE_INVALIDATED }
            if flags == 1 { GraphMemories.forgetOrder(state, in: capture.graph) }
            return update(state, context, handle, links, flags)
        }
    }

    /// What a captured stream gets from now on waits for a node only.
    static func replaceDependencies(_ stream: UInt64, with node: CUgraphNode?) -> CUresult {
        withContext(of: .stream(stream)) { state, context in
            withUnsafePointer(to: node) { node in
                GraphLinks(node, nil, 1).map { update(state, context, stream, $0, 1) }
                    ?? Status.invalidValue
            }
        }
    }

    private static func update(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ stream: UInt64,
        _ links: GraphLinks,
        _ flags: UInt32
    ) -> CUresult {
        let opcode = Opcode.cuStreamUpdateCaptureDependencies_v2
        let size = CaptureLayout.updateLinks + links.size
        return Session.send(state, opcode, context: context, size: size) { body in
            body.storeBytes(of: stream, as: UInt64.self)
            body.storeBytes(of: flags, toByteOffset: CaptureLayout.flags, as: UInt32.self)
            let number = UInt32(links.count)
            body.storeBytes(of: number, toByteOffset: CaptureLayout.updateCount, as: UInt32.self)
            links.encode(to: body + CaptureLayout.updateLinks)
        }
    }
}

/// Nodes that something waits for, as a program gives them.
struct GraphLinks {
    private let nodes: UnsafePointer<CUgraphNode?>?
    private let data: UnsafeRawPointer?
    let count: Int

    /// - Returns: `nil` when one of them is no node, or there is no list.
    init?(_ nodes: UnsafePointer<CUgraphNode?>?, _ edges: OpaquePointer?, _ count: Int) {
        guard count >= 0, count == 0 || nodes != nil else { return nil }
        self.nodes = nodes
        self.count = count
        data = UnsafeRawPointer(edges)
        for index in 0..<count where Handles.graphNode(nodes?[index]) == nil { return nil }
    }

    /// Bytes on the wire.
    var size: Int { count * GraphLayout.linkSize }

    func encode(to body: UnsafeMutableRawPointer) {
        for index in 0..<count {
            let place = body + index * GraphLayout.linkSize
            let word = data?.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
            place.storeBytes(of: Handles.raw(nodes?[index]), as: UInt64.self)
            place.storeBytes(of: word ?? 0, toByteOffset: 8, as: UInt64.self)
        }
    }
}
