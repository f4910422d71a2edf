internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend

extension SoftCalls {
    /// A call about graphs that needs no context.
    static func withGraphs(_ body: (GraphState) throws(Failure) -> Void) -> CUresult {
        withDriver { (driver) throws(Failure) in try driver.withGraphs(body) }
    }

    package static func cuGraphCreate(
        _ graph: UnsafeMutablePointer<CUgraph?>?,
        _ flags: UInt32
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            let graph = try required(graph)
            guard flags == 0 else { throw .invalidValue }
            graph.pointee = handle(graphs.makeGraph().handle)
        }
    }

    package static func cuGraphConditionalHandleCreate(
        _ handle: UnsafeMutablePointer<UInt64>?,
        _ graph: CUgraph?,
        _ context: CUcontext?,
        _ value: UInt32,
        _ flags: UInt32
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let handle = try required(handle)
            guard flags <= 1 else { throw .invalidValue }
            try driver.withGraphs { (graphs) throws(Failure) in
                let (graph, context) = (try graphs.graph(graph), try driver.context(context))
                let made = graphs.makeConditional(
                    for: graph,
                    in: context,
                    value: value,
                    flags: flags
                )
                handle.pointee = made.number
            }
        }
    }

    package static func cuGraphDestroy(_ graph: CUgraph?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try driver.withGraphs { (graphs) throws(Failure) in
                let graph = try graphs.graph(graph)
                guard !graph.isOwned, graph.captures == 0 else { throw .invalidValue }
                graphs.destroy(graph)
            }
            driver.giveBackGraphMemory()
        }
    }

    package static func cuGraphClone(
        _ copy: UnsafeMutablePointer<CUgraph?>?,
        _ original: CUgraph?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            let (copy, original) = (try required(copy), try graphs.graph(original))
            copy.pointee = handle(try graphs.clone(original).handle)
        }
    }

    package static func cuGraphNodeFindInClone(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ original: CUgraphNode?,
        _ copy: CUgraph?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            let (node, copy) = (try required(node), try graphs.graph(copy))
            guard let found = copy.copies[number(original)], copy.nodes[found] != nil else {
                throw .invalidValue
            }
            node.pointee = handle(found)
        }
    }

    package static func cuGraphDestroyNode(_ node: CUgraphNode?) -> CUresult {
        withGraphs { (graphs) throws(Failure) in try graphs.remove(graphs.node(node)) }
    }

    // MARK: - Dependencies

    package static func cuGraphAddDependencies(
        _ graph: CUgraph?,
        _ from: UnsafePointer<CUgraphNode?>?,
        _ to: UnsafePointer<CUgraphNode?>?,
        _ count: Int
    ) -> CUresult {
        cuGraphAddDependencies_v2(graph, from, to, nil, count)
    }

    package static func cuGraphAddDependencies_v2(
        _ graph: CUgraph?,
        _ from: UnsafePointer<CUgraphNode?>?,
        _ to: UnsafePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: Int
    ) -> CUresult {
        change(graph, from, to, edges, count) { (topology, from, to, data) throws(Failure) in
            try topology.connect(from: from, to: to, data)
        }
    }

    package static func cuGraphRemoveDependencies(
        _ graph: CUgraph?,
        _ from: UnsafePointer<CUgraphNode?>?,
        _ to: UnsafePointer<CUgraphNode?>?,
        _ count: Int
    ) -> CUresult {
        cuGraphRemoveDependencies_v2(graph, from, to, nil, count)
    }

    package static func cuGraphRemoveDependencies_v2(
        _ graph: CUgraph?,
        _ from: UnsafePointer<CUgraphNode?>?,
        _ to: UnsafePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: Int
    ) -> CUresult {
        change(graph, from, to, edges, count, keepsEdges: false) {
            (topology, from, to, data) throws(Failure) in
            try topology.disconnect(from: from, to: to, data)
        }
    }

    /// Changes dependencies: all or, when one is wrong, none.
    private static func change(
        _ graph: CUgraph?,
        _ from: UnsafePointer<CUgraphNode?>?,
        _ to: UnsafePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: Int,
        keepsEdges: Bool = true,
        _ body: (inout GraphTopology, UInt64, UInt64, EdgeData) throws(Failure) -> Void
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            let graph = try graphs.graph(graph)
            let nodes = graph.nodes.count
            guard count >= 0, count <= nodes * nodes else { throw .invalidValue }
            if count == 0 { return }
            guard keepsEdges || !graphs.memory.isUsed(by: graph.number) else { throw .notSupported }
            let (from, to) = (try required(from), try required(to))
            var topology = graph.topology
            for index in 0..<count {
                let data = try EdgeData(edges, at: index)
                try body(&topology, number(from[index]), number(to[index]), data)
            }
            graph.topology = topology
        }
    }

    // MARK: - Numbers and pictures

    package static func cuGraphGetId(
        _ graph: CUgraph?,
        _ id: UnsafeMutablePointer<UInt32>?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            try required(id).pointee = graphs.graph(graph).id
        }
    }

    package static func cuGraphDebugDotPrint(
        _ graph: CUgraph?,
        _ path: UnsafePointer<CChar>?,
        _ flags: UInt32
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            let (graph, path) = (try graphs.graph(graph), try required(path))
            guard let file = fopen(path, "w") else { throw Failure(Status.operatingSystem) }
            let isWritten = graph.dotText.withCString { fputs($0, file) } >= 0
            guard fclose(file) == 0, isWritten else { throw Failure(Status.operatingSystem) }
        }
    }
}
