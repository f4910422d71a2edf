internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Synchronization
internal import Wire

/// What a node does with memory of its graph.
enum GraphMemoryNode: Equatable {
    case none
    /// Takes the memory that begins at this address.
    case takes(UInt64)
    /// Gives it back.
    case gives(UInt64)

    /// The `CUgraphNodeType`; `nil`: the server's node is what the program has made.
    var type: CUgraphNodeType? {
        switch self {
        case .none: nil
        case .takes: 10
        case .gives: 11
        }
    }
}

/// Memory that nodes of graphs take and give back (docs/adr/0023). It is ordinary memory of the GPU, taken when
/// the node is made; the server's graph has an empty node in its place. Thread-safe.
struct GraphMemories: ~Copyable {
    typealias State = UnsafeMutablePointer<SessionState>

    private let lock = ForkSafeLock()
    /// Whether there is any; asked where calls have no time for the lock.
    private let any = Atomic<Bool>(false)
    private var memory = GraphMemory()

    private static func with<R>(_ state: State, _ body: (inout GraphMemory) -> R) -> R {
        state.pointee.graphMemory.lock.lock()
        defer { state.pointee.graphMemory.lock.unlock() }
        let result = body(&state.pointee.graphMemory.memory)
        let isAny = !state.pointee.graphMemory.memory.isEmpty
        state.pointee.graphMemory.any.store(isAny, ordering: .relaxed)
        return result
    }

    private static func isAny(_ state: State) -> Bool {
        state.pointee.graphMemory.any.load(ordering: .relaxed)
    }

    // MARK: - Graphs

    /// Whether a graph has such nodes.
    static func areUsed(_ state: State, by graph: UInt64) -> Bool {
        isAny(state) && with(state) { $0.isUsed(by: graph) }
    }

    /// What such graphs cannot: be copied, taken apart, or be a node's (cuda.h).
    static func refuse() -> CUresult {
        ClientCalls.notSupported("copying or taking apart a graph with memory of its own")
    }

    /// A graph becomes executable; false when it is already.
    static func instantiate(
        _ state: State,
        _ graph: UInt64,
        as exec: UInt64,
        freesItself: Bool
    ) -> Bool {
        guard isAny(state) else { return true }
        let (isMade, isUsed) = with(state) {
            let isMade = $0.instantiate(graph, as: exec, freesItself: freesItself)
            return (isMade, $0.isUsed(byExec: exec))
        }
        if isUsed { state.pointee.graphExecs.find(exec)?.pointee.usesMemory = true }
        return isMade
    }

    /// Whether an executable graph may do what a graph does from now on.
    static func canUpdate(_ state: State, _ exec: UInt64, with graph: UInt64) -> Bool {
        !isAny(state) || with(state) { $0.canUpdate(exec, with: graph) }
    }

    /// An executable graph is launched; false when it has not given back what it took.
    static func launch(_ state: State, _ exec: UInt64) -> Bool { with(state) { $0.launch(exec) } }

    /// A graph is gone.
    static func forget(_ state: State, graph: UInt64) {
        guard isAny(state) else { return }
        for block in with(state, { $0.destroy(graph: graph) }) { release(state, block) }
    }

    /// An executable graph is gone.
    static func forget(_ state: State, exec: UInt64) {
        for block in with(state, { $0.destroy(exec: exec) }) { release(state, block) }
    }

    /// A context is gone, and with it these graphs.
    static func forget(_ state: State, _ graphs: [UInt64], context: UInt64) {
        guard isAny(state) else { return }
        with(state) { $0.removeAll(of: context) }
        for graph in graphs { forget(state, graph: graph) }
    }

    /// The program asks for another order of captured work.
    static func forgetOrder(_ state: State, in graph: UInt64) {
        if isAny(state) { with(state) { $0.forgetOrder(in: graph) } }
    }

    // MARK: - Memory

    /// Takes memory for a node of a graph.
    ///
    /// - Parameter stream: The captured stream of which the node is made; 0 for none.
    static func take(
        _ state: State,
        _ bytes: Int,
        _ device: Int32,
        _ place: StreamOrdered.Place,
        graph: UInt64,
        stream: UInt64,
        _ address: inout UInt64
    ) -> CUresult {
        // A graph inside of a node is the server's.
        guard state.pointee.graphs.find(graph) != nil else {
            return ClientCalls.notSupported("memory nodes of a graph inside of a node")
        }
        guard bytes != 0 else { return Status.invalidValue }
        guard bytes > 0 else { return Status.outOfMemory }
        let known =
            !isAny(state)
            ? nil
            : with(state) {
                $0.reuse(bytes: bytes, device: device, graph: graph, stream: stream)
            }
        if let known {
            address = known
            return Status.success
        }
        let status = MemoryPools.retrying(state) {
            ClientCalls.allocate(state, place.context, bytes, &address)
        }
        guard status == Status.success else { return status }
        state.pointee.memory.giveToGraph(address)
        let made = address
        with(state) {
            $0.insert(
                address: made,
                bytes: bytes,
                device: device,
                context: place.contextHandle,
                graph: graph
            )
        }
        return status
    }

    /// A node gives memory back.
    static func give(_ state: State, _ address: UInt64, graph: UInt64, stream: UInt64) -> CUresult {
        guard isAny(state), state.pointee.graphs.find(graph) != nil,
            with(state, { $0.addFree(address, graph: graph, stream: stream) })
        else { return Status.invalidValue }
        return Status.success
    }

    /// The program gives memory of a graph back; nothing is known of it as other memory.
    static func free(_ state: State, _ address: UInt64) -> CUresult {
        guard isAny(state) else { return Status.invalidValue }
        switch with(state, { $0.free(address) }) {
        case .unknown, .notTaken: return Status.invalidValue
        case .done: return Status.success
        case .last(let block):
            release(state, block)
            return Status.success
        }
    }

    /// The same when all that could use it is done.
    static func freeAndWait(_ state: State, _ context: UInt32, _ address: UInt64) -> CUresult {
        guard isAny(state), with(state, { $0.find(address) }) != nil else {
            return Status.invalidValue
        }
        let told = Capturing.settle(state, context)
        let status = free(state, address)
        return status == Status.success ? told : status
    }

    /// The server's driver waits for what could still use it.
    private static func release(_ state: State, _ block: GraphMemory.Block) {
        state.pointee.memory.takeFromGraph(block.address)
        guard let known = state.pointee.memory.remove(block.address),
            let context = state.pointee.contexts.identifier(known.context),
            state.pointee.lostStatus == 0
        else { return }
        _ = Session.send(state, .cuMemFree_v2, context: context, size: MemoryLayouts.freeSize) {
            $0.storeBytes(of: block.address, as: UInt64.self)
        }
    }

    /// What is known of memory of a node.
    static func block(_ state: State, _ address: UInt64) -> GraphMemory.Block? {
        with(state) { $0.find(address) }
    }

    // MARK: - Captures

    /// Takes memory in a captured stream.
    ///
    /// - Returns: `nil` when it is not captured.
    static func capture(
        _ state: State,
        _ address: UnsafeMutablePointer<CUdeviceptr>,
        _ bytes: Int,
        _ device: Int32,
        _ place: StreamOrdered.Place
    ) -> CUresult? {
        addCaptured(state, place) { graph in
            var found: UInt64 = 0
            let status = take(
                state,
                bytes,
                device,
                place,
                graph: graph,
                stream: place.stream,
                &found
            )
            guard status == Status.success else { return (status, .none) }
            address.pointee = found
            return (status, .takes(found))
        }
    }

    /// Gives memory back in a captured stream.
    ///
    /// - Returns: `nil` when it is not captured.
    static func captureFree(
        _ state: State,
        _ address: UInt64,
        _ place: StreamOrdered.Place
    ) -> CUresult? {
        addCaptured(state, place) { graph in
            let status = give(state, address, graph: graph, stream: place.stream)
            return (status, .gives(address))
        }
    }

    /// Adds a node where the next work of a captured stream would be.
    private static func addCaptured(
        _ state: State,
        _ place: StreamOrdered.Place,
        _ make: (UInt64) -> (CUresult, GraphMemoryNode)
    ) -> CUresult? {
        switch Capturing.work(state, place.stream) {
        case .plain: return nil
        case .refused(let status): return status
        case .captured: break
        }
        guard let capture = Capturing.with(state, { $0.capture(of: place.stream) }) else {
            return nil
        }
        let (status, memory) = make(capture.graph)
        guard status == Status.success else { return status }
        var node: CUgraphNode?
        return ClientCalls.addCaptured(place.stream, capture.graph, memory, &node)
    }

    // MARK: - How much

    /// Bytes of a GPU.
    static func amount(
        _ state: State,
        _ attribute: GraphMemory.Attribute,
        of device: Int32
    ) -> UInt64 {
        with(state) { $0.amount(attribute, of: device) }
    }

    /// Lets the most begin anew; false for what cannot be set.
    static func reset(
        _ state: State,
        _ attribute: GraphMemory.Attribute,
        to value: UInt64,
        of device: Int32
    ) -> Bool {
        with(state) { $0.reset(attribute, to: value, of: device) }
    }
}
