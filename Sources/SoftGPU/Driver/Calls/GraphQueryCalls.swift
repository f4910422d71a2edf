package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuGraphGetNodes(
        _ graph: CUgraph?,
        _ nodes: UnsafeMutablePointer<CUgraphNode?>?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            try list(graphs.graph(graph).topology.nodes, nodes, count)
        }
    }

    package static func cuGraphGetRootNodes(
        _ graph: CUgraph?,
        _ nodes: UnsafeMutablePointer<CUgraphNode?>?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            try list(graphs.graph(graph).topology.roots, nodes, count)
        }
    }

    package static func cuGraphGetEdges(
        _ graph: CUgraph?,
        _ from: UnsafeMutablePointer<CUgraphNode?>?,
        _ to: UnsafeMutablePointer<CUgraphNode?>?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        cuGraphGetEdges_v2(graph, from, to, nil, count)
    }

    package static func cuGraphGetEdges_v2(
        _ graph: CUgraph?,
        _ from: UnsafeMutablePointer<CUgraphNode?>?,
        _ to: UnsafeMutablePointer<CUgraphNode?>?,
        _ data: OpaquePointer?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            let edges = try graphs.graph(graph).topology.edges
            let count = try required(count)
            guard let from, let to else {
                guard from == nil, to == nil, data == nil else { throw .invalidValue }
                return count.pointee = edges.count
            }
            guard data != nil || edges.allSatisfy({ $0.data == .plain }) else { throw .lossyQuery }
            let room = count.pointee
            guard room >= 0 else { throw .invalidValue }
            for index in 0..<room {
                let edge = index < edges.count ? edges[index] : nil
                from[index] = handle(edge?.from ?? 0)
                to[index] = handle(edge?.to ?? 0)
                if let data { (edge?.data ?? .plain).write(to: data, at: index) }
            }
            count.pointee = min(room, edges.count)
        }
    }

    package static func cuGraphNodeGetDependencies(
        _ node: CUgraphNode?,
        _ nodes: UnsafeMutablePointer<CUgraphNode?>?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        cuGraphNodeGetDependencies_v2(node, nodes, nil, count)
    }

    package static func cuGraphNodeGetDependencies_v2(
        _ node: CUgraphNode?,
        _ nodes: UnsafeMutablePointer<CUgraphNode?>?,
        _ data: OpaquePointer?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            let node = try graphs.node(node)
            try list(node.graph.topology.dependencies(of: node.handle), nodes, data, count)
        }
    }

    package static func cuGraphNodeGetDependentNodes(
        _ node: CUgraphNode?,
        _ nodes: UnsafeMutablePointer<CUgraphNode?>?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        cuGraphNodeGetDependentNodes_v2(node, nodes, nil, count)
    }

    package static func cuGraphNodeGetDependentNodes_v2(
        _ node: CUgraphNode?,
        _ nodes: UnsafeMutablePointer<CUgraphNode?>?,
        _ data: OpaquePointer?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            let node = try graphs.node(node)
            try list(node.graph.topology.dependents(of: node.handle), nodes, data, count)
        }
    }

    package static func cuGraphNodeGetType(
        _ node: CUgraphNode?,
        _ type: UnsafeMutablePointer<CUgraphNodeType>?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            try required(type).pointee = graphs.node(node).work.type
        }
    }

    package static func cuGraphNodeGetContainingGraph(
        _ node: CUgraphNode?,
        _ graph: UnsafeMutablePointer<CUgraph?>?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            try required(graph).pointee = handle(graphs.node(node).graph.handle)
        }
    }

    package static func cuGraphNodeGetLocalId(
        _ node: CUgraphNode?,
        _ id: UnsafeMutablePointer<UInt32>?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            try required(id).pointee = graphs.node(node).localID
        }
    }

    package static func cuGraphNodeGetToolsId(
        _ node: CUgraphNode?,
        _ id: UnsafeMutablePointer<UInt64>?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            let node = try graphs.node(node)
            try required(id).pointee = UInt64(node.graph.id) << 32 | UInt64(node.localID)
        }
    }

    // MARK: - Lists

    /// Tells how many there are, or fills the room that a program has and clears the rest of it.
    private static func list(
        _ found: [UInt64],
        _ nodes: UnsafeMutablePointer<CUgraphNode?>?,
        _ count: UnsafeMutablePointer<Int>?
    ) throws(Failure) {
        try list(found.map { GraphTopology.Edge(node: $0) }, nodes, nil, count)
    }

    private static func list(
        _ found: [GraphTopology.Edge],
        _ nodes: UnsafeMutablePointer<CUgraphNode?>?,
        _ data: OpaquePointer?,
        _ count: UnsafeMutablePointer<Int>?
    ) throws(Failure) {
        let count = try required(count)
        guard let nodes else {
            guard data == nil else { throw .invalidValue }
            return count.pointee = found.count
        }
        guard data != nil || found.allSatisfy({ $0.data == .plain }) else { throw .lossyQuery }
        let room = count.pointee
        guard room >= 0 else { throw .invalidValue }
        for index in 0..<room {
            let edge = index < found.count ? found[index] : GraphTopology.Edge(node: 0)
            nodes[index] = handle(edge.node)
            if let data { edge.data.write(to: data, at: index) }
        }
        count.pointee = min(room, found.count)
    }
}
