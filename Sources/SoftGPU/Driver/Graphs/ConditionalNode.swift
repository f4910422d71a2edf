internal import CUDAABI
internal import Driver
internal import SoftDevice

/// A value that kernels set and a conditional node looks at (`CUgraphConditionalHandle`). It is there as long as a
/// graph or an executable one has it.
final class ConditionalHandle: @unchecked Sendable {
    /// What kernels get as an argument.
    let number: UInt64
    let context: Context
    private let atLaunch: UInt32?
    /// Whether a node looks at it; guarded by `GraphState.lock`.
    var isUsed = false

    /// - Parameter flags: 1 (`CU_GRAPH_COND_ASSIGN_DEFAULT`): each launch begins with the value.
    init(_ number: UInt64, _ context: Context, value: UInt32, flags: UInt32) {
        self.number = number
        self.context = context
        atLaunch = flags & 1 != 0 ? value : nil
        context.machine.conditionals.add(number, value)
    }

    deinit { context.machine.conditionals.remove(number) }

    var value: UInt32 { context.machine.conditionals.value(number) }

    func begin() {
        if let atLaunch { context.machine.conditionals.set(number, atLaunch) }
    }
}

/// A node that runs graphs of its own as a value says (`CUDA_CONDITIONAL_NODE_PARAMS`).
final class ConditionalNode: @unchecked Sendable {
    /// `CUgraphConditionalNodeType`
    enum Kind: UInt32 {
        /// The first graph, once, if the value is not 0; the second if it is.
        case choice = 0
        /// The graph, as long as the value is not 0.
        case loop = 1
        /// The graph that the value counts from 0.
        case selection = 2

        func allows(_ bodies: Int) -> Bool {
            switch self {
            case .choice: bodies == 1 || bodies == 2
            case .loop: bodies == 1
            case .selection: bodies >= 1
            }
        }
    }

    let handle: ConditionalHandle
    let kind: Kind
    let bodies: [Graph]
    /// What the program gets to see of the graphs.
    let list: UnsafeMutablePointer<CUgraph?>

    init(_ handle: ConditionalHandle, _ kind: Kind, _ bodies: [Graph]) {
        self.handle = handle
        self.kind = kind
        self.bodies = bodies
        list = .allocate(capacity: bodies.count)
        for (index, body) in bodies.enumerated() {
            (list + index).initialize(to: OpaquePointer(bitPattern: UInt(body.handle)))
        }
    }

    deinit { list.deallocate() }
}

extension SoftDriver {
    /// Reads `CUDA_CONDITIONAL_NODE_PARAMS`, makes the graphs and tells the program of them. The lock of the graphs is
    /// held.
    func conditionalWork(_ fields: NodeParameters, of graph: Graph) throws(Failure) -> NodeWork {
        let count = Int(fields.small(12))
        guard let handle = graphs.conditionals[fields.word(0)], !handle.isUsed,
            let kind = ConditionalNode.Kind(rawValue: fields.small(8)), kind.allows(count),
            count <= 1 << 16, try context(fields.pointer(24)) === handle.context
        else { throw .invalidValue }
        let bodies = (0..<count).map { _ in graphs.makeGraph(isOwned: true) }
        let node = ConditionalNode(handle, kind, bodies)
        handle.isUsed = true
        node.write(to: fields)
        return .conditional(node)
    }
}

extension ConditionalNode {
    func write(to fields: NodeParameters) {
        fields.set(0, handle.number)
        fields.set(8, kind.rawValue)
        fields.set(12, UInt32(bodies.count))
        fields.set(16, UnsafeRawPointer(list))
        fields.set(24, handle.context.slot.handle)
    }
}
