internal import CUDAABI
internal import Driver
internal import DriverFrontend

/// What a node of a graph does when its turn comes.
enum NodeWork {
    case kernel(KernelWork)
    case memcpy(CopyWork)
    case memset(FillWork)
    case host(HostWork)
    /// A graph of the node's own.
    case graph(Graph)
    case empty
    case eventWait(Event)
    case eventRecord(Event)
    /// Memory of the graph, which is there already.
    case memoryAllocation(GraphMemory.Block)
    /// Gives memory at an address back.
    case memoryFree(UInt64)
    /// Graphs of the node's own, of which kernels say which are run.
    case conditional(ConditionalNode)

    /// The `CUgraphNodeType`.
    var type: Int32 {
        switch self {
        case .kernel: 0
        case .memcpy: 1
        case .memset: 2
        case .host: 3
        case .graph: 4
        case .empty: 5
        case .eventWait: 6
        case .eventRecord: 7
        case .memoryAllocation: 10
        case .memoryFree: 11
        case .conditional: 13
        }
    }

    /// The graphs that belong to the node.
    var graphs: [Graph] {
        switch self {
        case .graph(let child): [child]
        case .conditional(let node): node.bodies
        default: []
        }
    }

    /// Whether a graph of a conditional node may have it (CUDA Programming Guide, Conditional Graph Nodes).
    var canBeConditional: Bool {
        switch self {
        case .kernel, .memcpy, .memset, .graph, .empty, .conditional: true
        case .host, .eventWait, .eventRecord, .memoryAllocation, .memoryFree: false
        }
    }

    /// Whether it can be switched off in an executable graph.
    var canBeDisabled: Bool { type <= 2 }
}

/// A copy of a graph: described by addresses, which are looked up at each launch, so that memory
/// that is gone by then is an error and no crash.
struct CopyWork {
    let copy: CopyDescription
    let context: Context

    init(_ copy: CopyDescription, _ context: Context) {
        self.copy = copy
        self.context = context
    }

    /// A range of bytes.
    init(_ bytes: Int, from source: CopyOperand, to target: CopyOperand, _ context: Context) {
        self.init(CopyDescription(bytes, from: source, to: target), context)
    }

    /// Checks it as a node that a program adds.
    func check() throws(Failure) {
        guard try copy.resolve(context.driver) != nil else { throw .invalidValue }
    }

    func run() -> Int32 {
        do throws(Failure) {
            try copy.resolve(context.driver)?.run()
            return Status.success
        } catch {
            Diagnostics.note("a copy of a graph uses memory that is gone")
            return Status.illegalAddress
        }
    }

    /// Whether it may take another one's place in an executable graph.
    func canReplace(_ old: CopyWork) -> Bool {
        copy.source.memoryType == old.copy.source.memoryType
            && copy.target.memoryType == old.copy.target.memoryType && context === old.context
    }
}

/// A fill of a graph.
struct FillWork {
    let fill: FillDescription
    let context: Context

    init(_ fill: FillDescription, _ context: Context) {
        self.fill = fill
        self.context = context
    }

    /// Checks it as a node that a program adds.
    func check() throws(Failure) {
        guard try fill.resolve(context.driver) != nil else { throw .invalidValue }
    }

    func run() -> Int32 {
        do throws(Failure) {
            try fill.resolve(context.driver)?.run()
            return Status.success
        } catch {
            Diagnostics.note("a fill of a graph uses memory that is gone")
            return Status.illegalAddress
        }
    }

    /// Whether it may take another one's place in an executable graph: of two dimensions only the
    /// address and the value may be others, of one also the width (cuGraphExecUpdate).
    func canReplace(_ old: FillWork) -> Bool {
        guard context === old.context, fill.height == old.fill.height else { return false }
        return fill.height == 1
            || (fill.width, fill.elementSize, fill.pitch)
                == (old.fill.width, old.fill.elementSize, old.fill.pitch)
    }
}

/// A function of the program.
struct HostWork {
    let function: CUhostFn
    let data: UInt

    init(_ function: CUhostFn, _ data: UnsafeMutableRawPointer?) {
        self.function = function
        self.data = UInt(bitPattern: data)
    }

    func run() -> Int32 {
        function(UnsafeMutableRawPointer(bitPattern: data))
        return Status.success
    }
}
