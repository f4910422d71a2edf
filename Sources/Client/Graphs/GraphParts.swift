internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

/// An executable graph that calls the program, as the server has it: a part without functions before it, one that
/// comes behind functions, and so on. Owned by one `GraphExecEntry`, whose calls are the program's to order.
struct GraphParts {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Handles of the executable graphs in their order; the first one is the program's.
    private(set) var handles: [UInt64]
    /// Which functions are called behind each part.
    private var functions: [(part: Int, node: HostNode)] = []
    /// In which part each copy of the program's memory is.
    private(set) var copies: [Int] = []
    /// Recorded behind a launch, for one in another stream.
    private var event: CUevent?
    private var stream: UInt64 = 0

    /// Takes handles for as many parts as there could be.
    ///
    /// - Returns: `nil` when there are too many.
    init?(_ state: State, first: UInt64, nodes: [HostNode]) {
        handles = [first]
        functions = nodes.map { (0, $0) }
        for _ in nodes {
            let entry = GraphExecEntry(context: ContextStack.current)
            let made = state.pointee.objectLock.withLock { state.pointee.graphExecs.insert(entry) }
            guard let made else {
                forgetHandles(state, from: 1)
                return nil
            }
            handles.append(made)
        }
    }

    /// Gives up handles that the server does not have.
    private mutating func forgetHandles(_ state: State, from index: Int) {
        state.pointee.objectLock.withLock {
            for handle in handles.dropFirst(index) { _ = state.pointee.graphExecs.remove(handle) }
        }
        handles.removeLast(handles.count - index)
    }

    // MARK: - Making

    /// Bytes of the request.
    func requestSize(_ copies: HostCopies) -> Int {
        GraphLayout.instantiateSize(functions: functions.count, copies: copies.count)
    }

    /// Bytes of the reply.
    func replySize(_ copies: HostCopies) -> Int {
        GraphLayout.parts + (4 * (1 + functions.count + copies.count) + 7) & ~7
    }

    /// Writes what comes behind the flags.
    func write(_ copies: HostCopies, to body: UnsafeMutableRawPointer) {
        body.storeBytes(
            of: UInt32(functions.count),
            toByteOffset: GraphLayout.partFunctions,
            as: UInt32.self
        )
        body.storeBytes(
            of: UInt32(copies.count),
            toByteOffset: GraphLayout.partCopies,
            as: UInt32.self
        )
        var place = body + GraphLayout.partLists
        func add(_ word: UInt64) {
            place.storeBytes(of: word, as: UInt64.self)
            place += 8
        }
        for handle in handles.dropFirst() { add(handle) }
        for function in functions { add(function.node.node) }
        for index in 0..<copies.count { add(copies.address(index)) }
    }

    /// Reads which part everything is in.
    ///
    /// - Parameters:
    ///   - count: Copies.
    ///   - number: The number at an index of the reply's list.
    mutating func read(_ state: State, _ count: Int, _ number: (Int) -> UInt32) {
        let made = min(Int(number(0)), handles.count)
        forgetHandles(state, from: made)
        for index in functions.indices { functions[index].part = Int(number(1 + index)) }
        copies = (0..<count).map { Int(number(1 + functions.count + $0)) }
    }

    // MARK: - Running

    /// Waits for the launch before this one, which may be in another stream.
    mutating func begin(_ stream: UInt64) -> CUresult {
        guard let event, stream != self.stream else { return Status.success }
        return ClientCalls.cuStreamWaitEvent(Handles.pointer(stream), event, 0)
    }

    /// Notes where the launch ends.
    mutating func end(_ stream: UInt64) -> CUresult {
        if event == nil {
            // 2: without times.
            let status = ClientCalls.cuEventCreate(&event, 2)
            guard status == Status.success else { return status }
        }
        self.stream = stream
        return ClientCalls.cuEventRecord(event, Handles.pointer(stream))
    }

    /// Lets a stream call the functions behind a part.
    func call(_ part: Int, in stream: UInt64) -> CUresult {
        for function in functions where function.part == part {
            let status = ClientCalls.cuLaunchHostFunc(
                Handles.pointer(stream),
                function.node.function,
                function.node.data
            )
            guard status == Status.success else { return status }
        }
        return Status.success
    }

    /// Another function in the place of one; false when the node is none of them.
    mutating func change(
        _ node: UInt64,
        _ function: CUhostFn,
        _ data: UnsafeMutableRawPointer?
    ) -> Bool {
        guard let index = functions.firstIndex(where: { $0.node.node == node }) else {
            return false
        }
        functions[index].node.function = function
        functions[index].node.data = data
        return true
    }

    // MARK: - Ends

    /// Gives up everything but the first part.
    ///
    /// - Parameter isMade: Whether the server has the other parts.
    mutating func release(_ state: State, isMade: Bool = true) {
        if let event { _ = ClientCalls.cuEventDestroy_v2(event) }
        event = nil
        if isMade {
            for handle in handles.dropFirst() {
                _ = Session.sendLast(state, .cuGraphExecDestroy, context: 0, handle: handle) {
                    state.pointee.graphExecs.remove(handle) != nil
                }
            }
            handles.removeLast(handles.count - 1)
        }
        forgetHandles(state, from: 1)
    }
}
