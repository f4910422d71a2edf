/// A graph as text in the language of Graphviz, which people look at.
extension Graph {
    var dotText: String {
        "digraph graph_\(id) {\n" + content(prefix: "node_") + "}\n"
    }

    private func content(prefix: String) -> String {
        var text = ""
        for handle in topology.nodes {
            guard let node = nodes[handle] else { continue }
            let name = prefix + String(node.localID)
            text += "  \(name) [label=\"\(node.work.label)\"];\n"
            for (index, child) in node.work.graphs.enumerated() {
                let inner = index == 0 ? name : "\(name)_\(index)"
                text += "  subgraph cluster_\(inner) {\n"
                text += child.content(prefix: inner + "_") + "  }\n"
            }
        }
        for edge in topology.edges {
            guard let from = nodes[edge.from], let to = nodes[edge.to] else { continue }
            text += "  \(prefix)\(from.localID) -> \(prefix)\(to.localID);\n"
        }
        return text
    }
}

extension NodeWork {
    fileprivate var label: String {
        switch self {
        case .kernel(let work): "kernel \(work.kernel.name)"
        case .memcpy: "memcpy"
        case .memset: "memset"
        case .host: "host function"
        case .graph: "graph"
        case .empty: "empty"
        case .eventWait: "event wait"
        case .eventRecord: "event record"
        case .memoryAllocation: "memory allocation"
        case .memoryFree: "memory free"
        case .conditional: "conditional"
        }
    }
}
