internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

/// Memory of the GPU that takes the place of the program's in graphs, counted by its users, and the order of
/// the launches that use it. Graphs that share it may be launched in several streams, so each launch with such
/// copies waits for the one before it in its context. Thread-safe.
struct HostCopyMemory: ~Copyable {
    private struct Piece {
        var address: UInt64
        var uses: Int
    }

    /// The last launch of a context.
    private struct Order {
        var context: UInt64
        var event: CUevent?
        var stream: UInt64
    }

    private let lock = ForkSafeLock()
    private var pieces: [Piece] = []
    private var orders: [Order] = []

    /// Whether there is any.
    var isUsed: Bool { lock.withLock { !pieces.isEmpty } }

    /// Counts new memory.
    mutating func insert(_ address: UInt64) {
        lock.lock()
        defer { lock.unlock() }
        pieces.append(Piece(address: address, uses: 1))
    }

    /// Somebody else uses it, too.
    mutating func retain(_ address: UInt64) {
        lock.lock()
        defer { lock.unlock() }
        for index in pieces.indices where pieces[index].address == address {
            pieces[index].uses += 1
        }
    }

    /// - Returns: Whether nobody uses it any more.
    mutating func release(_ address: UInt64) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        for index in pieces.indices where pieces[index].address == address {
            pieces[index].uses -= 1
            guard pieces[index].uses == 0 else { return false }
            pieces.remove(at: index)
            return true
        }
        return false
    }

    /// A launch in a stream begins: lets it wait for the one before it.
    mutating func enter(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ stream: UInt64
    ) -> CUresult {
        lock.lock()
        let current = ContextStack.current
        var found: Order?
        for order in orders where order.context == current { found = order }
        lock.unlock()
        guard let found, found.stream != stream else { return Status.success }
        guard state.pointee.events.find(Handles.raw(found.event)) != nil else {
            return Status.success
        }
        return ClientCalls.cuStreamWaitEvent(Handles.pointer(stream), found.event, 0)
    }

    /// A launch in a stream was made.
    mutating func leave(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ stream: UInt64
    ) -> CUresult {
        let current = ContextStack.current
        lock.lock()
        orders.removeAll {
            $0.context == current && state.pointee.events.find(Handles.raw($0.event)) == nil
        }
        var index = orders.firstIndex { $0.context == current }
        if let index { orders[index].stream = stream }
        var event = index.flatMap { orders[$0].event }
        lock.unlock()
        if index == nil {
            let status = ClientCalls.cuEventCreate(&event, 2)
            guard status == Status.success else { return status }
            lock.lock()
            orders.append(Order(context: current, event: event, stream: stream))
            index = orders.count - 1
            lock.unlock()
        }
        return ClientCalls.cuEventRecord(event, Handles.pointer(stream))
    }
}
