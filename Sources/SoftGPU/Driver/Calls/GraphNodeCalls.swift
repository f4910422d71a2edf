package import CUDAABI
internal import Driver

// Nodes that programs add to graphs.
extension SoftCalls {
    package static func cuGraphAddKernelNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        add(node, graph, dependencies, count) { (driver) throws(Failure) in
            .kernel(try driver.kernelWork(NodeParameters(parameters), hasKernel: false))
        }
    }

    package static func cuGraphAddKernelNode_v2(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        add(node, graph, dependencies, count) { (driver) throws(Failure) in
            .kernel(try driver.kernelWork(NodeParameters(parameters), hasKernel: true))
        }
    }

    package static func cuGraphAddMemcpyNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ copy: OpaquePointer?,
        _ context: CUcontext?
    ) -> CUresult {
        add(node, graph, dependencies, count) { (driver) throws(Failure) in
            .memcpy(try driver.copyWork(NodeParameters(copy), context))
        }
    }

    package static func cuGraphAddMemsetNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ fill: OpaquePointer?,
        _ context: CUcontext?
    ) -> CUresult {
        add(node, graph, dependencies, count) { (driver) throws(Failure) in
            .memset(try driver.fillWork(NodeParameters(fill), context))
        }
    }

    package static func cuGraphAddHostNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        add(node, graph, dependencies, count) { (driver) throws(Failure) in
            .host(try driver.hostWork(NodeParameters(parameters)))
        }
    }

    package static func cuGraphAddEmptyNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int
    ) -> CUresult {
        add(node, graph, dependencies, count) { (_) throws(Failure) in .empty }
    }

    package static func cuGraphAddChildGraphNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ child: CUgraph?
    ) -> CUresult {
        add(node, graph, dependencies, count) { (driver) throws(Failure) in
            let child = try driver.graphs.graph(child)
            guard !child.isMoved else { throw .invalidValue }
            return .graph(try driver.graphs.clone(child, isOwned: true))
        }
    }

    package static func cuGraphAddEventRecordNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ event: CUevent?
    ) -> CUresult {
        add(node, graph, dependencies, count) { (driver) throws(Failure) in
            .eventRecord(try driver.nodeEvent(event))
        }
    }

    package static func cuGraphAddEventWaitNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ event: CUevent?
    ) -> CUresult {
        add(node, graph, dependencies, count) { (driver) throws(Failure) in
            .eventWait(try driver.nodeEvent(event))
        }
    }

    package static func cuGraphAddNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        cuGraphAddNode_v2(node, graph, dependencies, nil, count, parameters)
    }

    package static func cuGraphAddNode_v2(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: Int,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        addToGraph(node, graph, dependencies, count, edges) { (driver, graph) throws(Failure) in
            try driver.work(NodeParameters(parameters), of: graph)
        }
    }

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

    /// Adds a node; what it does is made only if the rest is in order.
    private static func add(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ work: (SoftDriver) throws(Failure) -> NodeWork
    ) -> CUresult {
        addToGraph(node, graph, dependencies, count, nil) { (driver, _) throws(Failure) in
            try work(driver)
        }
    }

    /// The same for work that depends on the graph.
    static func addToGraph(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ edges: OpaquePointer?,
        _ work: (SoftDriver, Graph) throws(Failure) -> NodeWork
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let node = try required(node)
            try driver.withGraphs { (graphs) throws(Failure) in
                let graph = try graphs.graph(graph)
                let edges = try graphs.edges(dependencies, edges, count, of: graph)
                try graph.check(edges)
                let made = try graphs.add(work(driver, graph), to: graph, after: edges)
                node.pointee = handle(made.handle)
            }
        }
    }
}
