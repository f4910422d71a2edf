package import CUDAABI
internal import Driver
internal import Wire

// Lists of nodes and edges: the server's driver has them.

extension ClientCalls {
    /// `cuGraphGetNodes`
    package static func cuGraphGetNodes(
        _ graph: CUgraph?,
        _ nodes: UnsafeMutablePointer<CUgraphNode?>?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        list(.cuGraphGetNodes, Handles.graph(graph), nodes, nil, count)
    }

    /// `cuGraphGetRootNodes`
    package static func cuGraphGetRootNodes(
        _ graph: CUgraph?,
        _ nodes: UnsafeMutablePointer<CUgraphNode?>?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        list(.cuGraphGetRootNodes, Handles.graph(graph), nodes, nil, count)
    }

    /// `cuGraphNodeGetDependencies`
    package static func cuGraphNodeGetDependencies(
        _ node: CUgraphNode?,
        _ nodes: UnsafeMutablePointer<CUgraphNode?>?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        cuGraphNodeGetDependencies_v2(node, nodes, nil, count)
    }

    /// `cuGraphNodeGetDependencies_v2`
    package static func cuGraphNodeGetDependencies_v2(
        _ node: CUgraphNode?,
        _ nodes: UnsafeMutablePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        list(.cuGraphNodeGetDependencies_v2, Handles.graphNode(node), nodes, edges, count)
    }

    /// `cuGraphNodeGetDependentNodes`
    package static func cuGraphNodeGetDependentNodes(
        _ node: CUgraphNode?,
        _ nodes: UnsafeMutablePointer<CUgraphNode?>?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        cuGraphNodeGetDependentNodes_v2(node, nodes, nil, count)
    }

    /// `cuGraphNodeGetDependentNodes_v2`
    package static func cuGraphNodeGetDependentNodes_v2(
        _ node: CUgraphNode?,
        _ nodes: UnsafeMutablePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        list(.cuGraphNodeGetDependentNodes_v2, Handles.graphNode(node), nodes, edges, count)
    }

    private static func list(
        _ opcode: Opcode,
        _ handle: UInt64?,
        _ nodes: UnsafeMutablePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        withGraphs { state, context in
            guard let handle else { return Status.invalidValue }
            var list = NodeList()
            let element = GraphLayout.linkSize
            let status = list.ask(state, context, opcode, handle, element: element)
            guard status == Status.success else { return status }
            let columns = [nodes.map { UnsafeMutableRawPointer($0) }, edges.map { .init($0) }]
            return list.tell(columns, data: 1, count)
        }
    }

    /// `cuGraphGetEdges`
    package static func cuGraphGetEdges(
        _ graph: CUgraph?,
        _ from: UnsafeMutablePointer<CUgraphNode?>?,
        _ to: UnsafeMutablePointer<CUgraphNode?>?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        cuGraphGetEdges_v2(graph, from, to, nil, count)
    }

    /// `cuGraphGetEdges_v2`
    package static func cuGraphGetEdges_v2(
        _ graph: CUgraph?,
        _ from: UnsafeMutablePointer<CUgraphNode?>?,
        _ to: UnsafeMutablePointer<CUgraphNode?>?,
        _ edges: OpaquePointer?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        withGraphs { state, context in
            guard let handle = Handles.graph(graph) else { return Status.invalidValue }
            var list = NodeList()
            let element = GraphLayout.edgeSize
            let status = list.ask(state, context, .cuGraphGetEdges_v2, handle, element: element)
            guard status == Status.success else { return status }
            let columns = [
                from.map { UnsafeMutableRawPointer($0) }, to.map { .init($0) },
                edges.map { .init($0) },
            ]
            return list.tell(columns, data: 2, count)
        }
    }
}
