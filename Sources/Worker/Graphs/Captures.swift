internal import CUDAABI
internal import Driver
internal import Wire

// Captures. The reader makes the calls of all threads, so it begins each capture as relaxed: what other
// threads may do meanwhile is the client's to say (docs/adr/0018).
extension Executor {
    /// CU_STREAM_CAPTURE_MODE_RELAXED
    private static let relaxed: Int32 = 2
    /// CU_STREAM_CAPTURE_STATUS_NONE
    private static let none: Int32 = 0

    func beginCapture(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: CaptureLayout.beginSize)
        let handle = record.load(0, as: UInt64.self)
        guard handle > 1, let stream = handles.streams.find(handle) else {
            return finish(record, Status.invalidHandle)
        }
        guard let call = driver.cuStreamBeginCapture_v2 else {
            return finish(record, Status.notFound)
        }
        let status = call(stream, Self.relaxed)
        if status == Status.success { captures.graphs[handle] = .init(handle: 0, isMade: true) }
        finish(record, status)
    }

    func beginCaptureToGraph(_ record: Record) throws(ProtocolViolation) {
        let links = try linkList(record, count: CaptureLayout.count, at: CaptureLayout.links)
        let handle = record.load(0, as: UInt64.self)
        let graphHandle = record.load(CaptureLayout.graph, as: UInt64.self)
        guard handle > 1, let stream = handles.streams.find(handle),
            let graph = handles.graphs.find(graphHandle), var links
        else { return finish(record, Status.invalidHandle) }
        guard let call = driver.cuStreamBeginCaptureToGraph else {
            return finish(record, Status.notFound)
        }
        let status = links.withPointers { nodes, data, count in
            call(stream, graph, nodes, data, count, Self.relaxed)
        }
        if status == Status.success {
            captures.graphs[handle] = .init(handle: graphHandle, isMade: false)
        }
        finish(record, status)
    }

    /// Ends a capture. A graph that it has made becomes the client's, unless it is thrown away; handle 0 is
    /// for one that captured into a graph that the client had already.
    func endCapture(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: CaptureLayout.endSize)
        let handle = record.load(0, as: UInt64.self)
        let name = record.load(CaptureLayout.graph, as: UInt64.self)
        let isDiscarded = record.load(CaptureLayout.isDiscarded, as: UInt32.self) != 0
        guard captures.graphs[handle] != nil, let stream = handles.streams.find(handle) else {
            return finish(record, Status.illegalState)
        }
        captures.graphs[handle] = nil
        var graph: CUgraph?
        let status = driver.cuStreamEndCapture?(stream, &graph) ?? Status.notFound
        guard name != 0 else { return finish(record, status) }
        let known = handles.graphs.find(name)
        let isWanted = status == Status.success && !isDiscarded && graph != nil
        if isWanted, known == .some(graph) { return finish(record, status) }
        if isWanted, known == nil, handles.graphs.accepts(name) {
            handles.graphs.insert(name, graph, context: record.context)
            return finish(record, status)
        }
        handles.graphs.remove(name)
        if let graph { _ = driver.cuGraphDestroy?(graph) }
        let isUnexpected = status == Status.success && !isDiscarded
        finish(record, isUnexpected ? Status.invalidHandle : status)
    }

    /// The graph that a capture fills and what its stream's next work waits for.
    func captureInformation(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: CaptureLayout.informationSize)
        let handle = record.load(0, as: UInt64.self)
        let graphHandle = record.load(CaptureLayout.graph, as: UInt64.self)
        guard handle > 1, let stream = handles.streams.find(handle) else {
            return finish(record, Status.invalidHandle)
        }
        var captured = CaptureFacts()
        let status = captured.read(driver, stream)
        guard status == Status.success else { return finish(record, status) }
        guard captured.isActive, let graph = captured.graph else {
            return finish(record, FERRY_CUDA_ERROR_STREAM_CAPTURE_INVALIDATED)
        }
        let known = handles.graphs.find(graphHandle)
        guard known == nil || known == .some(graph) else {
            return finish(record, Status.invalidHandle)
        }
        if known == nil {
            guard handles.graphs.accepts(graphHandle) else {
                return finish(record, Status.invalidHandle)
            }
            handles.graphs.insert(graphHandle, graph, context: record.context)
            captures.graphs[handle] = CaptureList.Target(handle: graphHandle, isMade: true)
        }
        finishList(record, captured.links(), in: graphHandle)
    }

    func updateCapture(_ record: Record) throws(ProtocolViolation) {
        let links = try linkList(
            record,
            count: CaptureLayout.updateCount,
            at: CaptureLayout.updateLinks
        )
        let handle = record.load(0, as: UInt64.self)
        let flags = record.load(CaptureLayout.flags, as: UInt32.self)
        guard handle > 1, let stream = handles.streams.find(handle), var links else {
            return finish(record, Status.invalidHandle)
        }
        let status = links.withPointers { nodes, data, count in
            if let call = driver.cuStreamUpdateCaptureDependencies_v2 {
                return call(stream, nodes, data, count, flags)
            }
            return driver.cuStreamUpdateCaptureDependencies?(stream, nodes, count, flags)
                ?? Status.notFound
        }
        finish(record, status)
    }

    func destroyStream(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: Request_cuStreamDestroy_v2.size)
        endCapture(of: record.load(0, as: UInt64.self))
        _ = try executePlain(record)
    }

    /// A stream is about to be destroyed: no capture may be left that nobody can end.
    func endCapture(of handle: UInt64) {
        guard let target = captures.graphs.removeValue(forKey: handle),
            let stream = handles.streams.find(handle)
        else { return }
        var graph: CUgraph?
        _ = driver.cuStreamEndCapture?(stream, &graph)
        guard target.isMade else { return }
        handles.graphs.remove(target.handle)
        if let graph { _ = driver.cuGraphDestroy?(graph) }
    }

    /// Whether a stream can be asked for its state without breaking a capture.
    func mayQuery(_ stream: CUstream?) -> Bool {
        guard captures.isAny else { return true }
        var status: Int32 = 0
        let asked = driver.cuStreamIsCapturing?(stream, &status) ?? Status.success
        return asked == Status.success && status == Self.none
    }
}

/// The captures that have begun. Used by the reader thread alone.
final class CaptureList: @unchecked Sendable {
    /// The graph that a capture fills.
    struct Target {
        /// 0 while nobody has asked for it.
        var handle: UInt64
        /// Whether the capture has made it.
        var isMade: Bool
    }

    /// By the stream where it began.
    var graphs: [UInt64: Target] = [:]

    var isAny: Bool { !graphs.isEmpty }

    /// Whether a capture fills this graph.
    func isFilled(_ graph: UInt64) -> Bool { graphs.values.contains { $0.handle == graph } }
}

/// What the driver tells of a stream's capture.
private struct CaptureFacts {
    private var status: Int32 = 0
    private(set) var graph: CUgraph?
    private var nodes: UnsafePointer<CUgraphNode?>?
    private var edges: OpaquePointer?
    private var count = 0

    var isActive: Bool { status == 1 }

    mutating func read(_ driver: DriverTable, _ stream: CUstream?) -> CUresult {
        var identifier: UInt64 = 0
        if let call = driver.cuStreamGetCaptureInfo_v3 {
            return call(stream, &status, &identifier, &graph, &nodes, &edges, &count)
        }
        let call = driver.cuStreamGetCaptureInfo_v2
        return call?(stream, &status, &identifier, &graph, &nodes, &count) ?? Status.notFound
    }

    /// In the driver's memory until its next call.
    func links() -> [GraphLink] {
        guard let nodes else { return [] }
        let data = UnsafeRawPointer(edges)
        return (0..<max(0, count)).map { index in
            let word = data?.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
            return GraphLink(node: nodes[index], data: word ?? 0)
        }
    }
}
