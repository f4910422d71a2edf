internal import Driver

/// A graph as a program builds it. Guarded by `GraphState.lock`, like all that belongs to it.
final class Graph: @unchecked Sendable {
    let handle: UInt64
    /// What `cuGraphGetId` says.
    let id: UInt32
    /// The same for `GraphMemory`.
    var number: UInt64 { UInt64(id) }
    var topology = GraphTopology()
    var nodes: [UInt64: GraphNode] = [:]
    /// Of a clone: the node here by the one that it was made of.
    var copies: [UInt64: UInt64] = [:]
    /// Whether it belongs to a node, with which it ends.
    private(set) var isOwned: Bool
    /// Whether the program made it and gave it to the node.
    private(set) var isMoved = false
    /// Captures that add to it: until they end it can be neither destroyed nor instantiated.
    var captures = 0
    var objects = HeldObjects()
    /// Handles that were made for it.
    var conditionals: [ConditionalHandle] = []
    private var lastLocalID: UInt32 = 0

    init(handle: UInt64, id: UInt32, isOwned: Bool) {
        self.handle = handle
        self.id = id
        self.isOwned = isOwned
    }

    /// Gives it to a node.
    func move() { (isOwned, isMoved) = (true, true) }

    /// Whether another graph is this one, or belongs to a node of it, however deep.
    func contains(_ other: Graph) -> Bool {
        if other === self { return true }
        return nodes.values.contains { node in node.work.graphs.contains { $0.contains(other) } }
    }

    /// Whether no node looks at one of its handles.
    var hasUnusedConditional: Bool { conditionals.contains { !$0.isUsed } }

    /// A node that waits for itself, here or in a graph of a node.
    var nodeInCycle: UInt64? {
        if let node = topology.nodeInCycle { return node }
        for child in nodes.values.lazy.flatMap(\.work.graphs) {
            if let found = child.nodeInCycle { return found }
        }
        return nil
    }

    /// A number that no other node of this graph has had.
    func nextLocalID() -> UInt32 {
        lastLocalID += 1
        return lastLocalID
    }
}

/// A node of a graph.
final class GraphNode: @unchecked Sendable {
    let handle: UInt64
    let localID: UInt32
    /// A node ends with its graph.
    unowned let graph: Graph
    var work: NodeWork

    init(handle: UInt64, graph: Graph, work: NodeWork) {
        self.handle = handle
        localID = graph.nextLocalID()
        self.graph = graph
        self.work = work
    }
}
