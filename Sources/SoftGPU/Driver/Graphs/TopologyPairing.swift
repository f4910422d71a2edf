/// Finds for each node of an executable graph the node of another graph that takes its place, as
/// the driver does: nodes that none waits for are paired in order, then what they wait for, in the
/// order in which that was said ("Updating instantiated graphs" in the programming guide).
struct TopologyPairing {
    /// Why there is no pairing; the nodes are of the other graph.
    struct Mismatch: Error, Equatable {
        /// The node whose place is not the same; `nil` when the numbers of nodes differ.
        var node: UInt64?
        /// What it waits for, if that is what does not fit.
        var from: UInt64?
    }

    /// By the node of the executable graph, that of the other one.
    private(set) var partners: [UInt64: UInt64] = [:]
    private var taken: [UInt64: UInt64] = [:]

    init(_ old: GraphTopology, _ new: GraphTopology) throws(Mismatch) {
        guard old.nodes.count == new.nodes.count else { throw Mismatch() }
        let (oldLeaves, newLeaves) = (old.leaves, new.leaves)
        guard oldLeaves.count == newLeaves.count else { throw Mismatch(node: newLeaves.last) }
        var open: [(old: UInt64, new: UInt64)] = []
        for (first, second) in zip(oldLeaves, newLeaves) where pair(first, second) {
            open.append((first, second))
        }
        while let (first, second) = open.popLast() {
            let (before, after) = (old.dependencies(of: first), new.dependencies(of: second))
            guard before.count == after.count else { throw Mismatch(node: second) }
            for (from, to) in zip(before, after) {
                if partners[from.node] == to.node, from.data == to.data { continue }
                guard from.data == to.data, pair(from.node, to.node) else {
                    throw Mismatch(node: second, from: to.node)
                }
                open.append((from.node, to.node))
            }
        }
        guard partners.count == old.nodes.count else { throw Mismatch(node: new.nodes.last) }
    }

    /// False when either has another partner.
    private mutating func pair(_ old: UInt64, _ new: UInt64) -> Bool {
        guard partners[old] == nil, taken[new] == nil else { return false }
        partners[old] = new
        taken[new] = old
        return true
    }
}
