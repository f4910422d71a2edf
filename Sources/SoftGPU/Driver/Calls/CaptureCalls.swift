package import CUDAABI
internal import Driver
internal import DriverFrontend

extension SoftCalls {
    package static func cuStreamBeginCapture(_ stream: CUstream?) -> CUresult {
        cuStreamBeginCapture_v2(stream, CaptureMode.global.rawValue)
    }

    package static func cuStreamBeginCapture_ptsz(_ stream: CUstream?) -> CUresult {
        cuStreamBeginCapture(perThread(stream))
    }

    package static func cuStreamBeginCapture_v2(
        _ stream: CUstream?,
        _ mode: CUstreamCaptureMode
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let stream = try driver.stream(stream)
            try driver.withGraphs { (graphs) throws(Failure) in
                try graphs.beginCapture(stream, mode: mode)
            }
        }
    }

    package static func cuStreamBeginCapture_v2_ptsz(
        _ stream: CUstream?,
        _ mode: CUstreamCaptureMode
    ) -> CUresult {
        cuStreamBeginCapture_v2(perThread(stream), mode)
    }

    package static func cuStreamBeginCaptureToGraph(
        _ stream: CUstream?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: Int,
        _ mode: CUstreamCaptureMode
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let stream = try driver.stream(stream)
            try driver.withGraphs { (graphs) throws(Failure) in
                let graph = try graphs.graph(graph)
                let front = try graphs.edges(dependencies, edges, count, of: graph)
                try graph.check(front)
                try graphs.beginCapture(stream, mode: mode, into: (graph, front))
            }
        }
    }

    package static func cuStreamBeginCaptureToGraph_ptsz(
        _ stream: CUstream?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: Int,
        _ mode: CUstreamCaptureMode
    ) -> CUresult {
        cuStreamBeginCaptureToGraph(
            perThread(stream),
            graph,
            dependencies,
            edges,
            count,
            mode
        )
    }

    package static func cuStreamEndCapture(
        _ stream: CUstream?,
        _ graph: UnsafeMutablePointer<CUgraph?>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let graph = try required(graph)
            let stream = try driver.stream(stream)
            graph.pointee = nil
            // A capture that was broken leaves no graph.
            defer { driver.giveBackGraphMemory() }
            try driver.withGraphs { (graphs) throws(Failure) in
                graph.pointee = handle(try graphs.endCapture(stream).handle)
            }
        }
    }

    package static func cuStreamEndCapture_ptsz(
        _ stream: CUstream?,
        _ graph: UnsafeMutablePointer<CUgraph?>?
    ) -> CUresult {
        cuStreamEndCapture(perThread(stream), graph)
    }

    package static func cuStreamUpdateCaptureDependencies(
        _ stream: CUstream?,
        _ dependencies: UnsafeMutablePointer<CUgraphNode?>?,
        _ count: Int,
        _ flags: UInt32
    ) -> CUresult {
        cuStreamUpdateCaptureDependencies_v2(stream, dependencies, nil, count, flags)
    }

    package static func cuStreamUpdateCaptureDependencies_ptsz(
        _ stream: CUstream?,
        _ dependencies: UnsafeMutablePointer<CUgraphNode?>?,
        _ count: Int,
        _ flags: UInt32
    ) -> CUresult {
        cuStreamUpdateCaptureDependencies_v2(
            perThread(stream),
            dependencies,
            nil,
            count,
            flags
        )
    }

    package static func cuStreamUpdateCaptureDependencies_v2(
        _ stream: CUstream?,
        _ dependencies: UnsafeMutablePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: Int,
        _ flags: UInt32
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let stream = try driver.stream(stream)
            // 0 adds to the set, 1 replaces it
            guard flags <= 1 else { throw .invalidValue }
            try driver.withGraphs { (graphs) throws(Failure) in
                guard let capture = stream.capture else { throw .illegalState }
                guard capture.sequence.isValid else { throw .captureInvalidated }
                let front = try graphs.edges(
                    UnsafePointer(dependencies),
                    edges,
                    count,
                    of: capture.graph
                )
                try capture.graph.check(front)
                if flags == 1 {
                    graphs.memory.forgetOrder(in: capture.graph.number)
                    capture.sequence.replaceFront(of: stream.id, front)
                } else {
                    capture.sequence.join(stream.id, front)
                }
            }
        }
    }

    package static func cuStreamUpdateCaptureDependencies_v2_ptsz(
        _ stream: CUstream?,
        _ dependencies: UnsafeMutablePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: Int,
        _ flags: UInt32
    ) -> CUresult {
        cuStreamUpdateCaptureDependencies_v2(
            perThread(stream),
            dependencies,
            edges,
            count,
            flags
        )
    }
}

extension Graph {
    /// Fails unless all are nodes of this graph.
    func check(_ edges: [GraphTopology.Edge]) throws(Failure) {
        guard edges.allSatisfy({ topology.contains($0.node) }) else { throw .invalidValue }
    }
}
