internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

/// A graph that a call of the program has made.
struct GraphEntry {
    /// The handle of the context that was current; 0 for none.
    var context: UInt64
    var copies = HostCopies()
    var objects = HeldObjects()
    /// The handle of the node that it was moved into, or made with; 0 for none.
    var owner: UInt64 = 0
    /// Whether a conditional node was made with it.
    var isConditional = false
}

/// A node that a call of the program has made.
struct GraphNodeEntry {
    /// The handle of its graph.
    var graph: UInt64
    /// Whether it copies from or to the program's memory.
    var copiesHost = false
    /// What it does with memory of its graph; the server has an empty node in its place.
    var memory = GraphMemoryNode.none
}

/// An executable graph.
struct GraphExecEntry {
    var context: UInt64
    var copies = HostCopies()
    var objects = HeldObjects()
    /// Whether it was launched since it holds objects.
    var isLaunched = false
    /// Whether it has nodes that take memory or give it back.
    var usesMemory = false
    /// The parts of one that calls the program; owned. `nil`: there is one part.
    var parts: UnsafeMutablePointer<GraphParts>?

    /// Gives up its parts; the program's handle is the caller's.
    func releaseParts(_ state: UnsafeMutablePointer<SessionState>, isMade: Bool = true) {
        guard let parts else { return }
        parts.pointee.release(state, isMade: isMade)
        parts.deinitialize(count: 1)
        parts.deallocate()
    }
}

extension Handles {
    /// A graph. Those inside of nodes are the server's, which knows whether they are still there.
    static func graph(_ graph: OpaquePointer?) -> UInt64? {
        let handle = raw(graph)
        if HandleKind.kind(handle) == HandleKind.foundGraph { return handle }
        return Session.state?.pointee.graphs.find(handle) == nil ? nil : handle
    }

    /// A node of a graph.
    static func graphNode(_ node: OpaquePointer?) -> UInt64? {
        let handle = raw(node)
        if HandleKind.kind(handle) == HandleKind.foundNode { return handle }
        return Session.state?.pointee.graphNodes.find(handle) == nil ? nil : handle
    }

    /// An executable graph.
    static func graphExec(_ exec: OpaquePointer?) -> UInt64? {
        let handle = raw(exec)
        return Session.state?.pointee.graphExecs.find(handle) == nil ? nil : handle
    }
}

/// Making and forgetting graphs.
enum Graphs {
    typealias State = UnsafeMutablePointer<SessionState>

    /// A handle for a new graph; `nil` when there are too many.
    static func make(_ state: State) -> UInt64? {
        let entry = GraphEntry(context: ContextStack.current)
        return state.pointee.objectLock.withLock { state.pointee.graphs.insert(entry) }
    }

    /// Whether a graph is part of another one's node: made there by the server, or moved there.
    static func isInNode(_ state: State, _ graph: UInt64) -> Bool {
        state.pointee.graphs.find(graph).map { $0.pointee.owner != 0 } ?? true
    }

    /// Whether a graph is another one, or was moved into it, however deep.
    static func isWithin(_ state: State, _ graph: UInt64, _ other: UInt64) -> Bool {
        var graph = graph
        while graph != other {
            guard let owner = state.pointee.graphs.find(graph)?.pointee.owner, owner != 0,
                let node = state.pointee.graphNodes.find(owner)
            else { return false }
            graph = node.pointee.graph
        }
        return true
    }

    /// Forgets a graph that the server does not have, or will not have any more.
    static func forget(_ state: State, _ handle: UInt64) {
        let entry = state.pointee.objectLock.withLock { remove(state, handle) }
        GraphMemories.forget(state, graph: handle)
        HostNodes.removeAll(state, of: handle)
        entry?.copies.release(state)
        UserObjects.release(state, entry?.objects)
    }

    /// The same with the object lock held: its copies and objects are the caller's to release without it.
    static func remove(_ state: State, _ handle: UInt64) -> GraphEntry? {
        guard let entry = state.pointee.graphs.remove(handle) else { return nil }
        state.pointee.graphNodes.forEach { node, found in
            guard found.pointee.graph == handle else { return }
            _ = state.pointee.graphNodes.remove(node)
            removeMoved(state, into: node)
        }
        state.pointee.nodeMemory.removeAll(graph: handle)
        return entry
    }

    /// The same for the graph that was moved into a node, which has neither copies nor objects.
    static func removeMoved(_ state: State, into node: UInt64) {
        guard state.pointee.hasMovedGraphs else { return }
        state.pointee.graphs.forEach { handle, found in
            if found.pointee.owner == node { _ = remove(state, handle) }
        }
    }

    /// A stream goes, and with it the capture that began there.
    static func abandonCapture(_ state: State, _ stream: UInt64) {
        guard let ended = Capturing.with(state, { $0.remove(stream) }), ended.makesGraph else {
            return
        }
        forget(state, ended.graph)
    }

    /// A context goes, and with it what was made in it.
    static func forget(_ state: State, context: UInt64) {
        if state.pointee.captures.isAny {
            var streams: [UInt64] = []
            state.pointee.streams.forEach { handle, entry in
                if entry.pointee.context == context { streams.append(handle) }
            }
            for stream in streams { abandonCapture(state, stream) }
        }
        var copies: [HostCopies] = []
        var objects: [HeldObjects] = []
        var graphs: [UInt64] = []
        var parts: [GraphExecEntry] = []
        state.pointee.objectLock.lock()
        state.pointee.graphExecs.forEach { handle, entry in
            guard entry.pointee.context == context else { return }
            copies.append(entry.pointee.copies)
            objects.append(entry.pointee.objects)
            if entry.pointee.parts != nil { parts.append(entry.pointee) }
            _ = state.pointee.graphExecs.remove(handle)
        }
        state.pointee.graphs.forEach { handle, entry in
            guard entry.pointee.context == context else { return }
            guard let entry = remove(state, handle) else { return }
            graphs.append(handle)
            copies.append(entry.copies)
            objects.append(entry.objects)
        }
        state.pointee.objectLock.unlock()
        GraphMemories.forget(state, graphs, context: context)
        for graph in graphs { HostNodes.removeAll(state, of: graph) }
        for entry in parts { entry.releaseParts(state, isMade: false) }
        for list in copies { list.release(state) }
        for held in objects { UserObjects.release(state, held) }
    }
}

/// Memory behind the pointers that questions about kernel nodes give to the program: the client's own, valid
/// as long as the node. Thread-safe.
struct NodeMemory: ~Copyable {
    private struct Block {
        var node: UInt64
        var graph: UInt64
        var memory: UnsafeMutableRawPointer
        var next: UnsafeMutablePointer<Block>?
    }

    private let lock = ForkSafeLock()
    private let first: UnsafeMutablePointer<UnsafeMutablePointer<Block>?>

    init() {
        first = .allocate(capacity: 1)
        first.initialize(to: nil)
    }

    /// Gives a node memory, which it takes over.
    func insert(_ memory: UnsafeMutableRawPointer, node: UInt64, graph: UInt64) {
        lock.lock()
        defer { lock.unlock() }
        // What was given out before may still be read: it goes with the graph.
        let new = UnsafeMutablePointer<Block>.allocate(capacity: 1)
        new.initialize(to: Block(node: node, graph: graph, memory: memory, next: first.pointee))
        first.pointee = new
    }

    /// A graph is gone.
    func removeAll(graph: UInt64) {
        lock.lock()
        defer { lock.unlock() }
        var link = first
        while let found = link.pointee {
            if found.pointee.graph == graph {
                link.pointee = found.pointee.next
                found.pointee.memory.deallocate()
                found.deallocate()
            } else {
                link = withUnsafeMutablePointer(to: &found.pointee.next) { $0 }
            }
        }
    }
}
