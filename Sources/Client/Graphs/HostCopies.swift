internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Synchronization
internal import Wire

/// A copy in a graph between the program's memory and the GPU. The graph copies from or to memory of the GPU
/// that takes the place of the program's; that is filled before a launch, or fetched after it.
struct HostCopy {
    var host: UInt
    var bytes: Int
    /// The memory that takes its place; 0 while there is none.
    var device: UInt64 = 0
    var isUpload: Bool

    func overlaps(_ other: HostCopy) -> Bool {
        host < other.host + UInt(other.bytes) && other.host < host + UInt(bytes)
    }

    /// Makes a side in the program's memory one of the GPU's, whose address is to come.
    ///
    /// - Returns: `nil` when there is none, or one with gaps.
    static func replaceHost(in copy: inout ArrayCopy) -> HostCopy? {
        let isUpload = copy.from.kind == .host
        guard isUpload != (copy.to.kind == .host) else { return nil }
        let side = isUpload ? copy.from : copy.to
        let (width, height) = (copy.extent.width, copy.extent.height)
        let isDense =
            (height == 1 || side.pitch == width)
            && (copy.extent.depth == 1 || side.slice == width * height)
        guard isDense, height == 1 && copy.extent.depth == 1 || side.pitch == width else {
            return nil
        }
        let end = ArrayCopies.End(kind: .device, place: 0, pitch: width, slice: width * height)
        if isUpload { copy.from = end } else { copy.to = end }
        return HostCopy(host: UInt(side.place), bytes: copy.extent.bytes, isUpload: isUpload)
    }
}

/// The copies of a graph. A value that owns memory: `release` ends it.
struct HostCopies {
    typealias State = UnsafeMutablePointer<SessionState>

    private var copies = GrowingList<HostCopy>()

    var isEmpty: Bool { copies.isEmpty }
    var count: Int { copies.count }

    /// Adds a copy, whose memory it takes over.
    private mutating func append(_ copy: HostCopy) { copies.append(copy) }

    /// Adds the copies of another graph, which use the same memory.
    mutating func append(contentsOf other: HostCopies, _ state: State) {
        for index in 0..<other.count {
            let copy = other.copies[index]
            state.pointee.hostCopyMemory.retain(copy.device)
            append(copy)
        }
    }

    /// Gives up the memory of the GPU that nobody else needs.
    func release(_ state: State) {
        for index in 0..<count {
            let copy = copies[index]
            if state.pointee.hostCopyMemory.release(copy.device) { free(state, copy.device) }
        }
        copies.deallocate()
    }

    private func free(_ state: State, _ address: UInt64) {
        guard let known = state.pointee.memory.remove(address),
            let context = state.pointee.contexts.identifier(known.context),
            state.pointee.lostStatus == 0
        else { return }
        _ = Session.send(state, .cuMemFree_v2, context: context, size: MemoryLayouts.freeSize) {
            $0.storeBytes(of: address, as: UInt64.self)
        }
    }

    /// Whether one of the copies of each direction would have to be made in an order that is lost: what a graph
    /// brings to the program cannot be read by the same launch.
    private func collides(_ copy: HostCopy) -> Bool {
        for index in 0..<count {
            let other = copies[index]
            if other.isUpload != copy.isUpload, other.overlaps(copy) { return true }
        }
        return false
    }

    /// The memory that takes the place of the program's.
    func address(_ index: Int) -> UInt64 { copies[index].device }

    /// Whether each copy to the GPU comes before what writes the memory that it reads, or in a later part: between
    /// parts the program's memory is up to date.
    func areInOrder(_ parts: [Int]) -> Bool {
        for index in 0..<count where copies[index].isUpload {
            for other in 0..<index where !copies[other].isUpload {
                guard copies[other].overlaps(copies[index]) else { continue }
                if parts[index] <= parts[other] { return false }
            }
        }
        return true
    }

    // MARK: - Graphs

    /// Whether a graph has such copies; nothing is known of graphs inside of nodes.
    static func has(_ state: State, _ graph: UInt64) -> Bool {
        guard let entry = state.pointee.graphs.find(graph) else { return false }
        return !entry.pointee.copies.isEmpty
    }

    /// Whether a node may be such a copy, or have some inside.
    ///
    /// - Parameter owner: An executable graph; 0: the graph that the node is in.
    static func mayBeOne(_ state: State, _ node: UInt64, in owner: UInt64) -> Bool {
        if let entry = state.pointee.graphNodes.find(node) { return entry.pointee.copiesHost }
        if owner != 0, state.pointee.graphExecs.find(owner)?.pointee.copies.isEmpty != false {
            return false
        }
        var type: CUgraphNodeType = 0
        guard ClientCalls.cuGraphNodeGetType(Handles.pointer(node), &type) == Status.success else {
            return false
        }
        let (copy, graph): (CUgraphNodeType, CUgraphNodeType) = (1, 4)
        guard owner == 0 else { return type == copy || type == graph }
        return (type == copy || type == graph) && state.pointee.hostCopyMemory.isUsed
    }

    static func refuseChange() -> CUresult {
        ClientCalls.notSupported("changing a graph's copies of the program's memory")
    }

    /// Gives a new node of a graph the memory that it needs, and the graph the copies that it brings.
    static func add(
        _ state: State,
        _ context: UInt32,
        _ content: inout NodeContent,
        child: UInt64?,
        to graph: UInt64
    ) -> CUresult {
        if let child, let source = state.pointee.graphs.find(child) {
            guard let entry = state.pointee.graphs.find(graph), entry.pointee.owner == 0 else {
                return source.pointee.copies.isEmpty ? Status.success : refuseChange()
            }
            for index in 0..<source.pointee.copies.count {
                let copy = source.pointee.copies.copies[index]
                guard !entry.pointee.copies.collides(copy) else { return refuseOrder() }
            }
            entry.pointee.copies.append(contentsOf: source.pointee.copies, state)
        }
        guard var copy = content.host else { return Status.success }
        guard let entry = state.pointee.graphs.find(graph), entry.pointee.owner == 0 else {
            return refuseChange()
        }
        guard !entry.pointee.copies.collides(copy) else { return refuseOrder() }
        let status = allocate(state, context, &copy)
        guard status == Status.success else { return status }
        content = content.place(copy.device)
        entry.pointee.copies.append(copy)
        return Status.success
    }

    static func refuseOrder() -> CUresult {
        ClientCalls.notSupported("a graph that reads memory of the program that it writes")
    }

    /// Takes memory of the GPU, whatever captures are going on.
    private static func allocate(
        _ state: State,
        _ context: UInt32,
        _ copy: inout HostCopy
    ) -> CUresult {
        let status = ClientCalls.allocate(state, context, copy.bytes, &copy.device)
        guard status == Status.success else { return status }
        state.pointee.hostCopyMemory.insert(copy.device)
        return status
    }

    // MARK: - Captures

    /// Captures a copy: the stream copies from or to the memory that takes the place of the program's.
    ///
    /// - Returns: A status; `nil` when it cannot be captured.
    static func capture(
        _ state: State,
        _ context: UInt32,
        _ stream: UInt64,
        host: UInt,
        device: UInt64,
        bytes: Int,
        isUpload: Bool
    ) -> CUresult? {
        guard let capture = Capturing.with(state, { $0.capture(of: stream) }), capture.isValid,
            let entry = state.pointee.graphs.find(capture.graph)
        else { return nil }
        var copy = HostCopy(host: host, bytes: bytes, isUpload: isUpload)
        // What was captured before comes first, so memory may be read and then written. Functions between may
        // make it right the other way round, too (`areInOrder`).
        guard
            !isUpload || !entry.pointee.copies.collides(copy)
                || HostNodes.has(state, capture.graph)
        else { return nil }
        let status = allocate(state, context, &copy)
        guard status == Status.success else { return status }
        entry.pointee.copies.append(copy)
        let size = Request_cuMemcpyDtoDAsync_v2.size
        return Session.send(state, .cuMemcpyDtoDAsync_v2, context: context, size: size) {
            Request_cuMemcpyDtoDAsync_v2.encode(
                to: $0,
                dstDevice: isUpload ? device : copy.device,
                srcDevice: isUpload ? copy.device : device,
                bytes: UInt64(bytes),
                stream: stream
            )
        }
    }

    /// The launch of an executable graph is captured: its copies become those of the graph.
    func capture(_ state: State, _ stream: UInt64) -> Bool {
        if isEmpty { return true }
        guard let capture = Capturing.with(state, { $0.capture(of: stream) }),
            let entry = state.pointee.graphs.find(capture.graph)
        else { return false }
        for index in 0..<count {
            let copy = copies[index]
            if copy.isUpload, entry.pointee.copies.collides(copy) { return false }
        }
        entry.pointee.copies.append(contentsOf: self, state)
        return true
    }

    // MARK: - Launches

    /// Launches with what the program's memory holds now, and fetches what the graph brings to it.
    ///
    /// - Parameters:
    ///   - parts: In which part each copy is; `nil`: there is one only.
    ///   - count: Parts.
    ///   - launch: Launches a part.
    ///   - call: Calls the functions behind a part.
    func around(
        _ state: State,
        _ context: UInt32,
        _ stream: UInt64,
        parts: [Int]? = nil,
        count partCount: Int = 1,
        _ launch: (Int) -> CUresult,
        _ call: (Int) -> CUresult = { _ in Status.success }
    ) -> CUresult {
        // A launch before this one may still bring what this one reads.
        if readsLanding(state) {
            let status = Session.synchronize(state, context: context, stream: stream)
            guard status == Status.success else { return status }
        }
        var status = state.pointee.hostCopyMemory.enter(state, context, stream)
        guard status == Status.success else { return status }
        for part in 0..<partCount where status == Status.success {
            status = upload(state, stream, parts, part)
            if status == Status.success { status = launch(part) }
            if status == Status.success { status = download(state, context, stream, parts, part) }
            if status == Status.success { status = call(part) }
        }
        let left = state.pointee.hostCopyMemory.leave(state, context, stream)
        Flusher.request(state)
        return status == Status.success ? left : status
    }

    /// Brings what the program's memory holds.
    private func upload(
        _ state: State,
        _ stream: UInt64,
        _ parts: [Int]?,
        _ part: Int
    ) -> CUresult {
        let target = Handles.pointer(stream)
        for index in 0..<count where copies[index].isUpload {
            if let parts, parts[index] != part { continue }
            let copy = copies[index]
            // What the functions before it write is there when they have returned.
            if part > 0 {
                HostFunctions.awaitWriters(state, stream, copy.host, isSynchronous: true)
            }
            let source = UnsafeRawPointer(bitPattern: copy.host)
            let status = ClientCalls.cuMemcpyHtoDAsync_v2(copy.device, source, copy.bytes, target)
            guard status == Status.success else { return status }
        }
        return Status.success
    }

    /// Fetches what a part has left.
    private func download(
        _ state: State,
        _ context: UInt32,
        _ stream: UInt64,
        _ parts: [Int]?,
        _ part: Int
    ) -> CUresult {
        var status = Status.success
        for index in 0..<count where !copies[index].isUpload {
            if let parts, parts[index] != part { continue }
            let copy = copies[index]
            guard let memory = UnsafeMutableRawPointer(bitPattern: copy.host) else { continue }
            let told = ClientCalls.begin(state, context, memory, copy.device, copy.bytes, stream)
            if told != Status.success { status = told }
        }
        return status
    }

    private func readsLanding(_ state: State) -> Bool {
        guard state.pointee.pendingCopies.load(ordering: .acquiring) > 0 else { return false }
        for index in 0..<count where copies[index].isUpload { return true }
        return false
    }
}
