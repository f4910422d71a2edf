internal import Driver

/// Which nodes a graph has and which of them wait for which: a pure value. Nodes are the numbers
/// that their handles are.
struct GraphTopology {
    /// One end of a dependency.
    struct Edge: Equatable {
        var node: UInt64
        var data = EdgeData.plain
    }

    /// The nodes in the order in which they were added.
    private(set) var nodes: [UInt64] = []
    private var before: [UInt64: [Edge]] = [:]
    private var after: [UInt64: [Edge]] = [:]

    func contains(_ node: UInt64) -> Bool { before[node] != nil }

    /// What a node waits for, in the order in which that was said.
    func dependencies(of node: UInt64) -> [Edge] { before[node] ?? [] }

    /// What waits for a node.
    func dependents(of node: UInt64) -> [Edge] { after[node] ?? [] }

    /// Nodes that wait for none.
    var roots: [UInt64] { nodes.filter { dependencies(of: $0).isEmpty } }

    /// Nodes that none waits for.
    var leaves: [UInt64] { nodes.filter { dependents(of: $0).isEmpty } }

    /// All dependencies, by the node that waits.
    var edges: [(from: UInt64, to: UInt64, data: EdgeData)] {
        nodes.flatMap { node in
            dependencies(of: node).map { (from: $0.node, to: node, data: $0.data) }
        }
    }

    // MARK: - Changing it

    /// Adds a node that waits for others; nothing changes when one of them is unknown or twice there.
    mutating func add(_ node: UInt64, after dependencies: [Edge] = []) throws(Failure) {
        guard !contains(node), Set(dependencies.map(\.node)).count == dependencies.count,
            dependencies.allSatisfy({ contains($0.node) })
        else { throw .invalidValue }
        nodes.append(node)
        before[node] = dependencies
        after[node] = []
        for edge in dependencies { after[edge.node]?.append(Edge(node: node, data: edge.data)) }
    }

    /// Takes a node out, and what has to do with it.
    mutating func remove(_ node: UInt64) {
        for edge in dependencies(of: node) { after[edge.node]?.removeAll { $0.node == node } }
        for edge in dependents(of: node) { before[edge.node]?.removeAll { $0.node == node } }
        before[node] = nil
        after[node] = nil
        nodes.removeAll { $0 == node }
    }

    /// Lets a node wait for another; fails when it does already.
    mutating func connect(
        from: UInt64,
        to: UInt64,
        _ data: EdgeData = .plain
    ) throws(Failure) {
        guard from != to, contains(from), contains(to),
            !dependencies(of: to).contains(where: { $0.node == from })
        else { throw .invalidValue }
        before[to]?.append(Edge(node: from, data: data))
        after[from]?.append(Edge(node: to, data: data))
    }

    /// Takes a dependency away; fails when there is none like it.
    mutating func disconnect(
        from: UInt64,
        to: UInt64,
        _ data: EdgeData = .plain
    ) throws(Failure) {
        guard contains(from), contains(to),
            dependencies(of: to).contains(Edge(node: from, data: data))
        else { throw .invalidValue }
        before[to]?.removeAll { $0.node == from }
        after[from]?.removeAll { $0.node == to }
    }

    /// The same with other names for the nodes, every order kept.
    func renamed(_ names: [UInt64: UInt64]) -> GraphTopology {
        func name(_ node: UInt64) -> UInt64 { names[node] ?? node }
        func edges(_ list: [UInt64: [Edge]]) -> [UInt64: [Edge]] {
            var result: [UInt64: [Edge]] = [:]
            for (node, edges) in list {
                result[name(node)] = edges.map { Edge(node: name($0.node), data: $0.data) }
            }
            return result
        }
        var result = GraphTopology()
        result.nodes = nodes.map(name)
        result.before = edges(before)
        result.after = edges(after)
        return result
    }

    // MARK: - Questions

    /// The nodes so that none comes before what it waits for; `nil` when some wait for one another.
    func sorted() -> [UInt64]? {
        var missing = before.mapValues(\.count)
        var ready = roots
        var next = 0
        while next < ready.count {
            for edge in dependents(of: ready[next]) {
                let left = (missing[edge.node] ?? 0) - 1
                missing[edge.node] = left
                if left == 0 { ready.append(edge.node) }
            }
            next += 1
        }
        return ready.count == nodes.count ? ready : nil
    }

    /// A node that waits for itself by way of others; `nil` when there is none.
    var nodeInCycle: UInt64? {
        guard sorted() == nil else { return nil }
        return nodes.first { node in
            ancestors(of: dependencies(of: node).map(\.node)).contains(node)
        }
    }

    /// Some nodes, and all that these wait for.
    func ancestors(of nodes: [UInt64]) -> Set<UInt64> {
        var found = Set<UInt64>()
        var open = nodes
        while let node = open.popLast() {
            if found.insert(node).inserted { open += dependencies(of: node).map(\.node) }
        }
        return found
    }
}
