internal import Driver
internal import DriverFrontend

/// What `cuGraphExecUpdate` finds.
struct GraphUpdate {
    /// A `CUgraphExecUpdateResult`, and the nodes that it is about.
    struct Refusal: Error {
        static let invalid: Int32 = 1
        static let topology: Int32 = 2
        static let nodeType: Int32 = 3
        static let parameters: Int32 = 5
        static let unsupportedFunction: Int32 = 7
        static let attributes: Int32 = 8

        var result: Int32
        /// Of the graph that should have been taken over.
        var node: UInt64?
        var from: UInt64?
    }

    /// An executable graph with the work of another graph in the same places; the old one is not
    /// changed.
    static func apply(_ graph: Graph, to old: ExecGraph) throws(Refusal) -> ExecGraph {
        let pairing: TopologyPairing
        do throws(TopologyPairing.Mismatch) {
            pairing = try TopologyPairing(old.topology, graph.topology)
        } catch {
            throw Refusal(result: Refusal.topology, node: error.node, from: error.from)
        }
        var result = old
        for (place, partner) in pairing.partners {
            guard let before = old.nodes[place], let node = graph.nodes[partner] else { continue }
            result.nodes[place] = try replace(before, with: node)
        }
        return result
    }

    private static func replace(
        _ old: ExecGraph.Node,
        with node: GraphNode
    ) throws(Refusal) -> ExecGraph.Node {
        guard old.work.type == node.work.type else {
            throw Refusal(result: Refusal.nodeType, node: node.handle)
        }
        var result = old
        result.children = []
        for (graph, child) in zip(node.work.graphs, old.children) {
            result.children.append(try apply(graph, to: child))
        }
        if let reason = refusal(of: node.work, for: old.work) {
            throw Refusal(result: reason, node: node.handle)
        }
        result.work = node.work
        return result
    }

    /// Why work cannot take the place of other work of its kind; `nil` if it can.
    static func refusal(of new: NodeWork, for old: NodeWork) -> Int32? {
        switch (old, new) {
        case (.kernel(let old), .kernel(let new)):
            if new.context !== old.context { return Refusal.unsupportedFunction }
            return new.canReplace(old) ? nil : Refusal.attributes
        case (.memcpy(let old), .memcpy(let new)):
            return new.canReplace(old) ? nil : Refusal.parameters
        case (.memset(let old), .memset(let new)):
            return new.canReplace(old) ? nil : Refusal.parameters
        case (.memoryAllocation(let old), .memoryAllocation(let new)):
            return new.address == old.address ? nil : Refusal.parameters
        case (.conditional(let old), .conditional(let new)):
            return new.kind == old.kind && new.bodies.count == old.bodies.count
                && new.handle.context === old.handle.context ? nil : Refusal.parameters
        case (.memoryFree(let old), .memoryFree(let new)):
            return new == old ? nil : Refusal.parameters
        default: return nil
        }
    }
}
