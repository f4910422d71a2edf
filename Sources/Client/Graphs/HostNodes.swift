internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Synchronization
internal import Wire

/// A function of the program that a node of a graph calls.
struct HostNode {
    var graph: UInt64
    var node: UInt64
    var function: CUhostFn
    var data: UnsafeMutableRawPointer?
}

/// The nodes of all graphs that call the program: the server's graphs have empty nodes in their places
/// (docs/adr/0024). Thread-safe.
struct HostNodes: ~Copyable {
    typealias State = UnsafeMutablePointer<SessionState>

    /// The `CUgraphNodeType`.
    static let type: CUgraphNodeType = 3

    private let lock = ForkSafeLock()
    private let any = Atomic<Bool>(false)
    private var nodes: [HostNode] = []

    private static func with<R>(_ state: State, _ body: (inout [HostNode]) -> R) -> R {
        state.pointee.hostNodes.lock.lock()
        defer { state.pointee.hostNodes.lock.unlock() }
        let result = body(&state.pointee.hostNodes.nodes)
        let isAny = !state.pointee.hostNodes.nodes.isEmpty
        state.pointee.hostNodes.any.store(isAny, ordering: .relaxed)
        return result
    }

    private static func isAny(_ state: State) -> Bool {
        state.pointee.hostNodes.any.load(ordering: .relaxed)
    }

    /// Whether a graph calls the program.
    static func has(_ state: State, _ graph: UInt64) -> Bool {
        isAny(state) && with(state) { $0.contains { $0.graph == graph } }
    }

    /// The nodes of a graph.
    static func all(_ state: State, of graph: UInt64) -> [HostNode] {
        isAny(state) ? with(state) { $0.filter { $0.graph == graph } } : []
    }

    /// What a node calls; `nil`: it is none of them.
    static func find(_ state: State, _ node: UInt64) -> HostNode? {
        isAny(state) ? with(state) { $0.first { $0.node == node } } : nil
    }

    /// A node was added to a graph.
    static func insert(_ state: State, _ node: HostNode) { with(state) { $0.append(node) } }

    /// A node calls something else; false when it is none of them.
    static func change(
        _ state: State,
        _ node: UInt64,
        _ function: CUhostFn,
        _ data: UnsafeMutableRawPointer?
    ) -> Bool {
        guard isAny(state) else { return false }
        return with(state) { nodes in
            guard let index = nodes.firstIndex(where: { $0.node == node }) else { return false }
            nodes[index].function = function
            nodes[index].data = data
            return true
        }
    }

    /// A node is gone.
    static func remove(_ state: State, _ node: UInt64) {
        if isAny(state) { with(state) { $0.removeAll { $0.node == node } } }
    }

    /// A graph is gone.
    static func removeAll(_ state: State, of graph: UInt64) {
        if isAny(state) { with(state) { $0.removeAll { $0.graph == graph } } }
    }

    static func refuse() -> CUresult {
        ClientCalls.notSupported("this with a graph that calls the program")
    }
}
