/// How many functions of the program come one after the other before each node of a graph: what can run without
/// any, what needs those of the first level, and so on. A pure value.
package struct GraphLevels: Equatable {
    /// By node.
    package let levels: [Int]

    /// - Parameters:
    ///   - count: Nodes.
    ///   - edges: Which node waits for which, by their indices, all below `count`.
    ///   - calls: Whether a node calls a function of the program.
    /// - Returns: `nil` when nodes wait for one another.
    package init?(count: Int, edges: [(from: Int, to: Int)], calls: (Int) -> Bool) {
        var waitsFor = Array(repeating: 0, count: count)
        var next = Array(repeating: [Int](), count: count)
        for edge in edges {
            next[edge.from].append(edge.to)
            waitsFor[edge.to] += 1
        }
        var levels = Array(repeating: 0, count: count)
        var ready = waitsFor.indices.filter { waitsFor[$0] == 0 }
        var done = 0
        while let node = ready.popLast() {
            done += 1
            let level = levels[node] + (calls(node) ? 1 : 0)
            for other in next[node] {
                levels[other] = max(levels[other], level)
                waitsFor[other] -= 1
                if waitsFor[other] == 0 { ready.append(other) }
            }
        }
        guard done == count else { return nil }
        self.levels = levels
    }
}
