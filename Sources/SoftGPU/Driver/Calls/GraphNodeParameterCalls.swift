package import CUDAABI
internal import Driver

// What nodes do, asked for and changed.
extension SoftCalls {
    package static func cuGraphKernelNodeGetParams(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        read(node) { (work) throws(Failure) in
            guard case .kernel(let work) = work else { throw .invalidValue }
            try work.write(to: NodeParameters(parameters), hasKernel: false)
        }
    }

    package static func cuGraphKernelNodeGetParams_v2(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        read(node) { (work) throws(Failure) in
            guard case .kernel(let work) = work else { throw .invalidValue }
            try work.write(to: NodeParameters(parameters), hasKernel: true)
        }
    }

    package static func cuGraphKernelNodeSetParams(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        change(node) { (driver) throws(Failure) in
            .kernel(try driver.kernelWork(NodeParameters(parameters), hasKernel: false))
        }
    }

    package static func cuGraphKernelNodeSetParams_v2(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        change(node) { (driver) throws(Failure) in
            .kernel(try driver.kernelWork(NodeParameters(parameters), hasKernel: true))
        }
    }

    package static func cuGraphMemcpyNodeGetParams(
        _ node: CUgraphNode?,
        _ copy: OpaquePointer?
    ) -> CUresult {
        read(node) { (work) throws(Failure) in
            guard case .memcpy(let work) = work else { throw .invalidValue }
            try work.copy.write(planes: NodeParameters(copy).base)
        }
    }

    package static func cuGraphMemcpyNodeSetParams(
        _ node: CUgraphNode?,
        _ copy: OpaquePointer?
    ) -> CUresult {
        changeKeepingContext(node) { (driver, context) throws(Failure) in
            .memcpy(try driver.copyWork(NodeParameters(copy), context))
        }
    }

    package static func cuGraphMemsetNodeGetParams(
        _ node: CUgraphNode?,
        _ fill: OpaquePointer?
    ) -> CUresult {
        read(node) { (work) throws(Failure) in
            guard case .memset(let work) = work else { throw .invalidValue }
            try work.write(to: NodeParameters(fill))
        }
    }

    package static func cuGraphMemsetNodeSetParams(
        _ node: CUgraphNode?,
        _ fill: OpaquePointer?
    ) -> CUresult {
        changeKeepingContext(node) { (driver, context) throws(Failure) in
            .memset(try driver.fillWork(NodeParameters(fill), context))
        }
    }

    package static func cuGraphHostNodeGetParams(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        read(node) { (work) throws(Failure) in
            guard case .host(let work) = work else { throw .invalidValue }
            try work.write(to: NodeParameters(parameters))
        }
    }

    package static func cuGraphHostNodeSetParams(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        change(node) { (driver) throws(Failure) in
            .host(try driver.hostWork(NodeParameters(parameters)))
        }
    }

    package static func cuGraphEventRecordNodeGetEvent(
        _ node: CUgraphNode?,
        _ event: UnsafeMutablePointer<CUevent?>?
    ) -> CUresult {
        read(node) { (work) throws(Failure) in
            guard case .eventRecord(let found) = work else { throw .invalidValue }
            try required(event).pointee = handle(found.handle)
        }
    }

    package static func cuGraphEventRecordNodeSetEvent(
        _ node: CUgraphNode?,
        _ event: CUevent?
    ) -> CUresult {
        change(node) { (driver) throws(Failure) in .eventRecord(try driver.nodeEvent(event)) }
    }

    package static func cuGraphEventWaitNodeGetEvent(
        _ node: CUgraphNode?,
        _ event: UnsafeMutablePointer<CUevent?>?
    ) -> CUresult {
        read(node) { (work) throws(Failure) in
            guard case .eventWait(let found) = work else { throw .invalidValue }
            try required(event).pointee = handle(found.handle)
        }
    }

    package static func cuGraphEventWaitNodeSetEvent(
        _ node: CUgraphNode?,
        _ event: CUevent?
    ) -> CUresult {
        change(node) { (driver) throws(Failure) in .eventWait(try driver.nodeEvent(event)) }
    }

    package static func cuGraphChildGraphNodeGetGraph(
        _ node: CUgraphNode?,
        _ graph: UnsafeMutablePointer<CUgraph?>?
    ) -> CUresult {
        read(node) { (work) throws(Failure) in
            guard case .graph(let found) = work else { throw .invalidValue }
            try required(graph).pointee = handle(found.handle)
        }
    }

    package static func cuGraphNodeGetParams(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        read(node) { (work) throws(Failure) in try NodeParameters(parameters).write(work) }
    }

    package static func cuGraphNodeSetParams(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        change(node) { (driver) throws(Failure) in
            try driver.work(NodeParameters(parameters))
        }
    }

    package static func cuGraphNodeSetParams_v2(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        cuGraphNodeSetParams(node, parameters)
    }

    // MARK: - What they share

    private static func read(
        _ node: CUgraphNode?,
        _ body: (NodeWork) throws(Failure) -> Void
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in try body(graphs.node(node).work) }
    }

    private static func change(
        _ node: CUgraphNode?,
        _ work: (SoftDriver) throws(Failure) -> NodeWork
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try driver.withGraphs { (graphs) throws(Failure) in
                let node = try graphs.node(node)
                let new = try work(driver)
                guard new.type == node.work.type else {
                    graphs.discard(new)
                    throw .invalidValue
                }
                let old = node.work
                node.work = try new.keepingAttributes(of: old)
                graphs.discard(old)
            }
        }
    }

    /// The same where the new work is done in the context of the old one.
    private static func changeKeepingContext(
        _ node: CUgraphNode?,
        _ work: (SoftDriver, CUcontext?) throws(Failure) -> NodeWork
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try driver.withGraphs { (graphs) throws(Failure) in
                let node = try graphs.node(node)
                let context: UInt64
                switch node.work {
                case .memcpy(let work): context = work.context.slot.handle
                case .memset(let work): context = work.context.slot.handle
                default: throw .invalidValue
                }
                let new = try work(driver, handle(context))
                guard new.type == node.work.type else { throw .invalidValue }
                node.work = new
            }
        }
    }
}

extension NodeWork {
    /// New parameters of a kernel leave the attributes of its node as they are.
    func keepingAttributes(of old: NodeWork) throws(Failure) -> NodeWork {
        guard case .kernel(var new) = self, case .kernel(let old) = old else { return self }
        try new.set(old.attributes)
        return .kernel(new)
    }
}

extension GraphState {
    /// Ends the graph of work that no node has any more.
    func discard(_ work: NodeWork) {
        for graph in work.graphs { destroy(graph) }
    }
}
