package import CUDAABI
internal import Driver
internal import DriverFrontend

extension SoftCalls {
    package static func cuGraphInstantiate(
        _ exec: UnsafeMutablePointer<CUgraphExec?>?,
        _ graph: CUgraph?,
        _ errorNode: UnsafeMutablePointer<CUgraphNode?>?,
        _ log: UnsafeMutablePointer<CChar>?,
        _ logSize: Int
    ) -> CUresult {
        if let log, logSize > 0 { log.pointee = 0 }
        return instantiate(exec, graph, flags: 0, allowed: 0) { errorNode?.pointee = $0 }
    }

    package static func cuGraphInstantiate_v2(
        _ exec: UnsafeMutablePointer<CUgraphExec?>?,
        _ graph: CUgraph?,
        _ errorNode: UnsafeMutablePointer<CUgraphNode?>?,
        _ log: UnsafeMutablePointer<CChar>?,
        _ logSize: Int
    ) -> CUresult {
        cuGraphInstantiate(exec, graph, errorNode, log, logSize)
    }

    package static func cuGraphInstantiateWithFlags(
        _ exec: UnsafeMutablePointer<CUgraphExec?>?,
        _ graph: CUgraph?,
        _ flags: UInt64
    ) -> CUresult {
        // 1 frees memory of earlier launches, 2 uploads (with parameters only), 4 for launches by
        // kernels, 8 uses the priorities of nodes
        instantiate(exec, graph, flags: flags, allowed: 1 | 4 | 8) { _ in }
    }

    package static func cuGraphInstantiateWithParams(
        _ exec: UnsafeMutablePointer<CUgraphExec?>?,
        _ graph: CUgraph?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        instantiate(exec, graph, parameters) { $0 }
    }

    package static func cuGraphInstantiateWithParams_ptsz(
        _ exec: UnsafeMutablePointer<CUgraphExec?>?,
        _ graph: CUgraph?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        instantiate(exec, graph, parameters) { perThread($0) }
    }

    /// `CUDA_GRAPH_INSTANTIATE_PARAMS`: flags, stream for the upload, node and kind of an error.
    private static func instantiate(
        _ exec: UnsafeMutablePointer<CUgraphExec?>?,
        _ graph: CUgraph?,
        _ parameters: OpaquePointer?,
        _ stream: (CUstream?) -> CUstream?
    ) -> CUresult {
        guard let fields = try? NodeParameters(parameters) else { return Status.invalidValue }
        let flags = fields.word(0)
        fields.set(16, UInt64(0))
        var isCyclic = false
        var status = instantiate(exec, graph, flags: flags, allowed: 15) {
            fields.set(16, number($0))
            isCyclic = $0 != nil
        }
        if status == Status.success, flags & 2 != 0 {
            status = cuGraphUpload(exec?.pointee, stream(fields.pointer(8)))
        }
        // 0 success, 1 an error that the status tells, 2 a structure that cannot be
        fields.set(24, status == Status.success ? 0 : isCyclic ? UInt32(2) : UInt32(1))
        return status
    }

    private static func instantiate(
        _ exec: UnsafeMutablePointer<CUgraphExec?>?,
        _ graph: CUgraph?,
        flags: UInt64,
        allowed: UInt64,
        _ tellErrorNode: (CUgraphNode?) -> Void
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            tellErrorNode(nil)
            let (exec, graph) = (try required(exec), try graphs.graph(graph))
            guard !graph.isMoved else { throw .invalidValue }
            guard flags & ~allowed == 0, flags & 5 != 5, graph.captures == 0 else {
                throw .invalidValue
            }
            // Kernels cannot launch graphs here.
            guard flags & 4 == 0 else { throw .notSupported }
            if let node = graph.nodeInCycle { tellErrorNode(handle(node)) }
            guard !graph.hasUnusedConditional else { throw .invalidValue }
            let made = try GraphExec(graph, id: graphs.nextExecID(), flags: flags)
            let freesItself = flags & 1 != 0
            guard graphs.memory.instantiate(graph.number, as: made.number, freesItself: freesItself)
            else { throw .invalidValue }
            made.handle = graphs.execs.insert(made)
            exec.pointee = handle(made.handle)
        }
    }

    package static func cuGraphExecDestroy(_ exec: CUgraphExec?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            guard let removed = driver.graphs.execs.remove(number(exec)) else {
                throw .invalidValue
            }
            removed.end(driver)
            driver.graphs.lock.withLock { driver.graphs.forgetMemory(exec: removed) }
            driver.giveBackGraphMemory()
        }
    }

    package static func cuGraphExecGetFlags(
        _ exec: CUgraphExec?,
        _ flags: UnsafeMutablePointer<UInt64>?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            try required(flags).pointee = graphs.exec(exec).flags
        }
    }

    package static func cuGraphExecGetId(
        _ exec: CUgraphExec?,
        _ id: UnsafeMutablePointer<UInt32>?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            try required(id).pointee = graphs.exec(exec).id
        }
    }

    package static func cuGraphUpload(_ exec: CUgraphExec?, _ stream: CUstream?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let (exec, stream) = (try driver.graphs.exec(exec), try driver.stream(stream))
            try stream.forbidCapture()
            // There is nothing to bring anywhere, but it has its turn.
            try exec.upload(in: stream)
        }
    }

    package static func cuGraphUpload_ptsz(
        _ exec: CUgraphExec?,
        _ stream: CUstream?
    ) -> CUresult {
        cuGraphUpload(exec, perThread(stream))
    }

    package static func cuGraphLaunch(_ exec: CUgraphExec?, _ stream: CUstream?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let (exec, stream) = (try driver.graphs.exec(exec), try driver.stream(stream))
            if Captures.isAny, try driver.graphs.captureLaunch(of: exec, in: stream) { return }
            try exec.launch(in: stream)
        }
    }

    package static func cuGraphLaunch_ptsz(
        _ exec: CUgraphExec?,
        _ stream: CUstream?
    ) -> CUresult {
        cuGraphLaunch(exec, perThread(stream))
    }
}
