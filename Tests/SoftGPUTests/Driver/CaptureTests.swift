import CLinux
import CUDAABI
import SoftDevice
import SoftGPU
import Testing

@Suite("Stream capture on the software GPU")
struct CaptureTests {
    private typealias Handle = OpaquePointer?

    private static let unsupported: CUresult = 900
    private static let invalidated: CUresult = 901
    private static let merge: CUresult = 902
    private static let unmatched: CUresult = 903
    private static let unjoined: CUresult = 904
    private static let isolation: CUresult = 905
    private static let implicit: CUresult = 906
    private static let capturedEvent: CUresult = 907
    private static let wrongThread: CUresult = 908
    private static let illegalState: CUresult = 401

    /// Begins a capture, lets something spoil it, and ends it.
    private func spoiled(
        _ stream: Handle,
        by status: CUresult,
        _ body: () throws -> CUresult
    ) throws {
        try Harness.check(SoftCalls.cuStreamBeginCapture_v2(stream, Graphs.threadLocal))
        #expect(try body() == status)
        #expect(Graphs.status(stream) == 2)
        Graphs.expect(SoftCalls.cuLaunchHostFunc(stream, { _ in }, nil), is: Self.invalidated)
        var graph: Handle = stream
        #expect(SoftCalls.cuStreamEndCapture(stream, &graph) == Self.invalidated)
        #expect(graph == nil)
        #expect(Graphs.status(stream) == 0)
    }

    @Test func capturedWorkIsDoneWhenTheGraphIsLaunched() throws {
        try Harness.inContext { _ in
            let append = try Harness.kernel(Kernels.append, "append")
            let (list, stream) = (try Graphs.list(), try Graphs.stream())
            let graph = try Graphs.capture(stream) {
                for value: UInt64 in 1...3 {
                    #expect(Harness.launch(append, stream: stream, [list, value]) == 0)
                }
                #expect(Harness.launch(append, stream: stream, [list, 4], cooperative: true) == 0)
            }
            try Harness.check(SoftCalls.cuStreamSynchronize(stream))
            #expect(try Graphs.content(list) == [])
            let exec = try Graphs.instantiate(graph)
            try Graphs.run(exec, in: stream)
            try Graphs.run(exec, in: nil)
            #expect(try Graphs.content(list) == [1, 2, 3, 4, 1, 2, 3, 4])
            // The executable graph does not need the graph.
            try Harness.check(SoftCalls.cuGraphDestroy(graph))
            try Graphs.run(exec)
            #expect(try Graphs.content(list).count == 12)
            try Harness.check(SoftCalls.cuGraphExecDestroy(exec))
            #expect(SoftCalls.cuGraphLaunch(exec, nil) == 1)
        }
    }

    @Test func copiesAndFillsAreDoneAtEachLaunch() throws {
        try Harness.inContext { _ in
            let (stream, device) = (try Graphs.stream(), try Harness.allocate(64))
            var pinned: UnsafeMutableRawPointer?
            try Harness.check(SoftCalls.cuMemHostAlloc(&pinned, 64, 0))
            let source = try #require(pinned).assumingMemoryBound(to: UInt32.self)
            let pageable = UnsafeMutablePointer<UInt32>.allocate(capacity: 2)
            pageable.initialize(repeating: 0, count: 2)
            defer { pageable.deallocate() }
            (source[0], source[1]) = (1, 2)
            let graph = try Graphs.capture(stream) {
                #expect(SoftCalls.cuMemsetD32Async(device, 9, 4, stream) == 0)
                #expect(SoftCalls.cuMemcpyHtoDAsync_v2(device, source, 4, stream) == 0)
                #expect(SoftCalls.cuMemcpyDtoDAsync_v2(device + 4, device, 4, stream) == 0)
                #expect(SoftCalls.cuMemcpyAsync(device + 8, device, 4, stream) == 0)
                #expect(SoftCalls.cuMemcpyDtoHAsync_v2(pageable, device + 4, 8, stream) == 0)
                #expect(SoftCalls.cuMemsetD2D8Async(device + 16, 8, 7, 2, 2, stream) == 0)
                var rows = CUDA_MEMCPY2D()
                (rows.srcMemoryType, rows.srcDevice, rows.srcPitch) = (2, device + 16, 8)
                (rows.dstMemoryType, rows.dstDevice, rows.dstPitch) = (2, device + 32, 4)
                (rows.WidthInBytes, rows.Height) = (4, 2)
                #expect(SoftCalls.cuMemcpy2DAsync_v2(&rows, stream) == 0)
            }
            #expect(try Graphs.types(graph) == [2, 1, 1, 1, 1, 2, 1])
            let exec = try Graphs.instantiate(graph)
            for value: UInt32 in [5, 6] {
                source[0] = value
                try Graphs.run(exec, in: stream)
                #expect((pageable[0], pageable[1]) == (value, value))
                let words = try Harness.read(device, count: 10)
                #expect(Array(words[..<4]) == [value, value, value, 9])
                #expect(words[8] & 0xFFFF == 0x0707 && words[9] & 0xFFFF == 0x0707)
            }
        }
    }

    @Test func eventsForkAndJoin() throws {
        try Harness.inContext { _ in
            let append = try Harness.kernel(Kernels.append, "append")
            let (first, second) = (try Graphs.stream(), try Graphs.stream())
            let (fork, join) = (try Graphs.event(), try Graphs.event())
            let (left, right) = (try Graphs.list(), try Graphs.list())
            let graph = try Graphs.capture(first) {
                #expect(Harness.launch(append, stream: first, [left, 1]) == 0)
                #expect(SoftCalls.cuEventRecord(fork, first) == 0)
                #expect(SoftCalls.cuStreamWaitEvent(second, fork, 0) == 0)
                #expect(Graphs.status(second) == 1)
                #expect(Harness.launch(append, stream: second, [right, 2]) == 0)
                #expect(Harness.launch(append, stream: first, [left, 3]) == 0)
                #expect(SoftCalls.cuEventRecord(join, second) == 0)
                #expect(SoftCalls.cuStreamWaitEvent(first, join, 0) == 0)
                #expect(Harness.launch(append, stream: first, [right, 4]) == 0)
            }
            #expect(Graphs.status(second) == 0)
            let nodes = try Graphs.nodes(graph)
            try #require(nodes.count == 4)
            let counts = try nodes.map { try Graphs.dependencies($0).count }
            #expect(counts == [0, 1, 1, 2])
            #expect(try Graphs.dependencies(nodes[3]) == [nodes[2], nodes[1]])
            let exec = try Graphs.instantiate(graph)
            try Graphs.run(exec, in: first)
            #expect(try Graphs.content(left) == [1, 3])
            #expect(try Graphs.content(right) == [2, 4])
            // Work outside is as before, and so are events that are recorded anew.
            #expect(SoftCalls.cuEventQuery(join) == Self.capturedEvent)
            try Harness.check(SoftCalls.cuEventRecord(join, second))
            try Harness.check(SoftCalls.cuEventSynchronize(join))
        }
    }

    @Test func aStreamTellsOfItsCapture() throws {
        try Harness.inContext { _ in
            let append = try Harness.kernel(Kernels.append, "append")
            let (stream, list) = (try Graphs.stream(), try Graphs.list())
            var (status, id, count): (Int32, UInt64, Int) = (-1, 7, 7)
            var (graph, ended): (Handle, Handle) = (nil, nil)
            var nodes: UnsafePointer<OpaquePointer?>?
            func ask() -> CUresult {
                SoftCalls.cuStreamGetCaptureInfo_v2(stream, &status, &id, &graph, &nodes, &count)
            }
            #expect(ask() == 0 && status == 0 && id == 0 && graph == nil && count == 0)
            try Harness.check(SoftCalls.cuStreamBeginCapture_v2(stream, Graphs.threadLocal))
            #expect(ask() == 0 && status == 1 && id != 0 && graph != nil && count == 0)
            let firstID = id
            #expect(Harness.launch(append, stream: stream, [list, 1]) == 0)
            #expect(ask() == 0 && id == firstID && count == 1)
            #expect(try Graphs.nodes(graph) == [nodes?[0]])
            // A node that the program adds, and waits for.
            var node: Handle = nil
            try Harness.check(SoftCalls.cuGraphAddEmptyNode(&node, graph, nil, 0))
            var more = [node]
            #expect(SoftCalls.cuStreamUpdateCaptureDependencies(stream, &more, 1, 0) == 0)
            #expect(ask() == 0 && count == 2)
            #expect(SoftCalls.cuStreamUpdateCaptureDependencies(stream, &more, 1, 1) == 0)
            #expect(ask() == 0 && count == 1 && nodes?[0] == node)
            #expect(SoftCalls.cuStreamUpdateCaptureDependencies(stream, &more, 1, 2) == 1)
            more = [stream]
            #expect(SoftCalls.cuStreamUpdateCaptureDependencies(stream, &more, 1, 0) == 1)
            #expect(SoftCalls.cuGraphDestroy(graph) == 1)
            #expect(SoftCalls.cuGraphDestroyNode(node) == 1)
            var exec: Handle = nil
            #expect(SoftCalls.cuGraphInstantiateWithFlags(&exec, graph, 0) == 1)
            try Harness.check(SoftCalls.cuStreamEndCapture(stream, &ended))
            #expect(ended == graph)
            #expect(SoftCalls.cuStreamUpdateCaptureDependencies(stream, &more, 0, 0) == 401)
            try Harness.check(SoftCalls.cuStreamBeginCapture_v2(stream, Graphs.threadLocal))
            #expect(ask() == 0 && id != firstID)
            try Harness.check(SoftCalls.cuStreamEndCapture(stream, &ended))
            #expect(try Graphs.nodes(ended) == [])
        }
    }

    @Test func captureGoesIntoAGraphThatIsThere() throws {
        try Harness.inContext { _ in
            let append = try Harness.kernel(Kernels.append, "append")
            let (stream, list) = (try Graphs.stream(), try Graphs.list())
            let graph = try Graphs.graph()
            let first = try Graphs.add(append, [list, 1], to: graph)
            func begin(_ nodes: [Handle]) -> CUresult {
                SoftCalls.cuStreamBeginCaptureToGraph(
                    stream,
                    graph,
                    nodes,
                    nil,
                    nodes.count,
                    Graphs.threadLocal
                )
            }
            #expect(begin([stream]) == 1)
            try Harness.check(begin([first]))
            #expect(Harness.launch(append, stream: stream, [list, 2]) == 0)
            var ended: Handle = nil
            try Harness.check(SoftCalls.cuStreamEndCapture(stream, &ended))
            #expect(ended == graph)
            let nodes = try Graphs.nodes(graph)
            #expect(nodes.count == 2 && nodes[0] == first)
            #expect(try Graphs.dependencies(nodes[1]) == [first])
            try Graphs.run(Graphs.instantiate(graph))
            #expect(try Graphs.content(list) == [1, 2])
        }
    }

    @Test func onlyItsStreamAndThreadEndACapture() throws {
        try Harness.inContext { context in
            let (first, second) = (try Graphs.stream(), try Graphs.stream())
            let event = try Graphs.event()
            var graph: Handle = nil
            #expect(SoftCalls.cuStreamEndCapture(first, &graph) == Self.illegalState)
            #expect(SoftCalls.cuStreamBeginCapture_v2(first, 3) == 1)
            #expect(SoftCalls.cuStreamBeginCapture_v2(nil, 1) == Self.unsupported)
            try Harness.check(SoftCalls.cuStreamBeginCapture_v2(first, Graphs.threadLocal))
            #expect(SoftCalls.cuStreamBeginCapture_v2(first, 1) == Self.illegalState)
            #expect(SoftCalls.cuStreamEndCapture(first, nil) == 1)
            let handle = UInt(bitPattern: first)
            let status = OtherThread.call {
                var graph: Handle = nil
                return SoftCalls.cuStreamEndCapture(OpaquePointer(bitPattern: handle), &graph)
            }
            #expect(status == Self.wrongThread)
            #expect(SoftCalls.cuEventRecord(event, first) == 0)
            #expect(SoftCalls.cuStreamWaitEvent(second, event, 0) == 0)
            #expect(SoftCalls.cuStreamEndCapture(second, &graph) == Self.unmatched)
            #expect(SoftCalls.cuStreamEndCapture(first, &graph) == Self.invalidated)
            // A relaxed one may be ended by anybody.
            try Harness.check(SoftCalls.cuStreamBeginCapture_v2(first, Graphs.relaxed))
            let relaxed = OtherThread.call {
                var graph: Handle = nil
                return SoftCalls.cuStreamEndCapture(OpaquePointer(bitPattern: handle), &graph)
            }
            #expect(relaxed == 0)
        }
    }

    @Test func workThatIsNotJoinedIsRefused() throws {
        try Harness.inContext { _ in
            let (first, second) = (try Graphs.stream(), try Graphs.stream())
            let (event, memory) = (try Graphs.event(), try Harness.allocate(64))
            var graph: Handle = first
            try Harness.check(SoftCalls.cuStreamBeginCapture_v2(first, Graphs.threadLocal))
            #expect(SoftCalls.cuMemsetD32Async(memory, 1, 1, first) == 0)
            #expect(SoftCalls.cuEventRecord(event, first) == 0)
            #expect(SoftCalls.cuStreamWaitEvent(second, event, 0) == 0)
            #expect(SoftCalls.cuMemsetD32Async(memory, 1, 1, second) == 0)
            #expect(SoftCalls.cuStreamEndCapture(first, &graph) == Self.unjoined)
            #expect(graph == nil)
            #expect(Graphs.status(first) == 0 && Graphs.status(second) == 0)
            try Harness.check(SoftCalls.cuStreamSynchronize(second))
        }
    }

    @Test func capturesStayApart() throws {
        try Harness.inContext { _ in
            let (first, second) = (try Graphs.stream(), try Graphs.stream())
            let (inside, outside) = (try Graphs.event(), try Graphs.event())
            try Harness.check(SoftCalls.cuEventRecord(outside, second))
            try spoiled(first, by: Self.isolation) {
                SoftCalls.cuStreamWaitEvent(first, outside, 0)
            }
            try spoiled(first, by: Self.merge) {
                try Harness.check(SoftCalls.cuStreamBeginCapture_v2(second, Graphs.threadLocal))
                #expect(SoftCalls.cuEventRecord(inside, second) == 0)
                let status = SoftCalls.cuStreamWaitEvent(first, inside, 0)
                var graph: Handle = nil
                #expect(SoftCalls.cuStreamEndCapture(second, &graph) == Self.invalidated)
                return status
            }
            // An event of a capture that is over stands for nothing.
            #expect(SoftCalls.cuStreamWaitEvent(first, inside, 0) == Self.capturedEvent)
            // One that was never recorded is nothing to wait for.
            let unused = try Graphs.event()
            _ = try Graphs.capture(first) {
                #expect(SoftCalls.cuStreamWaitEvent(first, unused, 0) == 0)
            }
        }
    }

    @Test func aCapturedStreamAnswersNoQuestions() throws {
        try Harness.inContext { _ in
            let (stream, event) = (try Graphs.stream(), try Graphs.event())
            try spoiled(stream, by: Self.unsupported) { SoftCalls.cuStreamQuery(stream) }
            try spoiled(stream, by: Self.unsupported) { SoftCalls.cuStreamSynchronize(stream) }
            try spoiled(stream, by: Self.unsupported) { SoftCalls.cuCtxSynchronize() }
            try spoiled(stream, by: Self.unsupported) {
                SoftCalls.cuStreamAddCallback(stream, { _, _, _ in }, nil, 0)
            }
            for ask in [SoftCalls.cuEventQuery, SoftCalls.cuEventSynchronize] {
                // The thread is not forbidden the question as such.
                var mode = Graphs.relaxed
                try Harness.check(SoftCalls.cuThreadExchangeStreamCaptureMode(&mode))
                try spoiled(stream, by: Self.capturedEvent) {
                    try Harness.check(SoftCalls.cuEventRecord(event, stream))
                    return ask(event)
                }
                try Harness.check(SoftCalls.cuThreadExchangeStreamCaptureMode(&mode))
                #expect(mode == Graphs.relaxed)
            }
        }
    }

    @Test func whatAGraphWouldNotRepeatIsForbidden() throws {
        try Harness.inContext { _ in
            let stream = try Graphs.stream()
            let memory = try Harness.allocate(64)
            var (address, pointer): (UInt64, UnsafeMutableRawPointer?) = (0, nil)
            var word: UInt32 = 0
            let calls: [() -> CUresult] = [
                { SoftCalls.cuMemAlloc_v2(&address, 64) },
                { SoftCalls.cuMemAllocManaged(&address, 64, 1) },
                { SoftCalls.cuMemHostAlloc(&pointer, 64, 0) },
                { SoftCalls.cuMemcpyDtoH_v2(&word, memory, 4) },
                { SoftCalls.cuMemFree_v2(memory) },
            ]
            for call in calls {
                try spoiled(stream, by: Self.unsupported, call)
                #expect(address == 0 && pointer == nil)
            }
            // The thread may allow itself to.
            var mode = Graphs.relaxed
            try Harness.check(SoftCalls.cuThreadExchangeStreamCaptureMode(&mode))
            _ = try Graphs.capture(stream) {
                for call in calls { #expect(call() == 0) }
            }
            try Harness.check(SoftCalls.cuThreadExchangeStreamCaptureMode(&mode))
            // And other threads are not concerned.
            try Harness.check(SoftCalls.cuStreamBeginCapture_v2(stream, Graphs.threadLocal))
            let status = OtherThread.call { SoftCalls.cuMemAlloc_v2(&address, 64) }
            #expect(status == 0)
            #expect(Graphs.status(stream) == 1)
            var graph: Handle = nil
            try Harness.check(SoftCalls.cuStreamEndCapture(stream, &graph))
            try Harness.check(SoftCalls.cuMemFree_v2(address))
        }
    }

    @Test func theLegacyStreamMustNotBeUsedBesideABlockingOne() throws {
        try Harness.inContext { _ in
            let (blocking, other) = (try Graphs.stream(isBlocking: true), try Graphs.stream())
            let (memory, event) = (try Harness.allocate(64), try Graphs.event())
            try spoiled(blocking, by: Self.implicit) {
                var status: Int32 = 0
                // A question breaks nothing.
                #expect(SoftCalls.cuStreamIsCapturing(nil, &status) == Self.implicit)
                #expect(Graphs.status(blocking) == 1)
                return SoftCalls.cuMemsetD32_v2(memory, 0, 1)
            }
            try spoiled(blocking, by: Self.implicit) { SoftCalls.cuStreamSynchronize(nil) }
            try spoiled(blocking, by: Self.implicit) { SoftCalls.cuEventRecord(event, nil) }
            _ = try Graphs.capture(other) {
                #expect(SoftCalls.cuMemsetD32_v2(memory, 0, 1) == 0)
                #expect(SoftCalls.cuStreamSynchronize(nil) == 0)
            }
        }
    }

    @Test func aCaptureEndsWithItsStreamAndContext() throws {
        let (stream, other) = try {
            var streams: (Handle, Handle) = (nil, nil)
            try Harness.inContext { _ in
                streams = (try Graphs.stream(), try Graphs.stream())
                let event = try Graphs.event()
                try Harness.check(
                    SoftCalls.cuStreamBeginCapture_v2(streams.0, Graphs.threadLocal)
                )
                try Harness.check(SoftCalls.cuEventRecord(event, streams.0))
                try Harness.check(SoftCalls.cuStreamWaitEvent(streams.1, event, 0))
                try Harness.check(SoftCalls.cuStreamDestroy_v2(streams.0))
                #expect(Graphs.status(streams.1) == 0)
                try Harness.check(
                    SoftCalls.cuStreamBeginCapture_v2(streams.1, Graphs.threadLocal)
                )
            }
            return streams
        }()
        #expect(stream != other)
        try Harness.inContext { _ in
            // Nothing is captured any more in this thread.
            let memory = try Harness.allocate(64)
            try Harness.check(SoftCalls.cuMemFree_v2(memory))
            #expect(SoftCalls.cuStreamEndCapture(other, nil) == 1)
        }
    }

    @Test func aLaunchOfAGraphBecomesANode() throws {
        try Harness.inContext { _ in
            let append = try Harness.kernel(Kernels.append, "append")
            let (stream, list) = (try Graphs.stream(), try Graphs.list())
            let inner = try Graphs.instantiate(
                Graphs.capture(stream) {
                    for value: UInt64 in [1, 2] {
                        #expect(Harness.launch(append, stream: stream, [list, value]) == 0)
                    }
                }
            )
            let graph = try Graphs.capture(stream) {
                #expect(SoftCalls.cuGraphLaunch(inner, stream) == 0)
                #expect(Harness.launch(append, stream: stream, [list, 3]) == 0)
            }
            #expect(try Graphs.types(graph) == [4, 0])
            #expect(try Graphs.content(list) == [])
            try Graphs.run(Graphs.instantiate(graph), in: stream)
            #expect(try Graphs.content(list) == [1, 2, 3])
        }
    }

    @Test func launchesThatAreNotExecutedAreCapturedAsWell() throws {
        try Harness.inContext { context in
            let append = try Harness.kernel(Kernels.append, "append")
            let (stream, list) = (try Graphs.stream(), try Graphs.list())
            try Harness.check(SoftCalls.setLaunches(.null, in: context))
            #expect(Harness.launch(append, stream: stream, [list, 1]) == 0)
            let graph = try Graphs.capture(stream) {
                #expect(Harness.launch(append, stream: stream, [list, 1]) == 0)
            }
            #expect(try Graphs.types(graph) == [0])
            let exec = try Graphs.instantiate(graph)
            try Graphs.run(exec, in: stream)
            #expect(try Graphs.content(list) == [])
            try Harness.check(SoftCalls.setLaunches(.run, in: context))
            try Graphs.run(exec, in: stream)
            #expect(try Graphs.content(list) == [1])
        }
    }
}

/// A thread beside the test's, with the same context.
private enum OtherThread {
    private final class Call {
        let context: UInt
        let body: () -> CUresult
        var status: CUresult = -1

        init(_ context: OpaquePointer?, _ body: @escaping () -> CUresult) {
            self.context = UInt(bitPattern: context)
            self.body = body
        }
    }

    /// What a call answers there.
    static func call(_ body: @escaping () -> CUresult) -> CUresult {
        var current: OpaquePointer?
        _ = SoftCalls.cuCtxGetCurrent(&current)
        let call = Call(current, body)
        var thread = pthread_t()
        let argument = Unmanaged.passUnretained(call).toOpaque()
        let result = pthread_create(&thread, nil, Self.run, argument)
        guard result == 0 else { return -1 }
        pthread_join(thread, nil)
        return call.status
    }

    private static let run: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? =
        {
            guard let argument = $0 else { return nil }
            let call = Unmanaged<Call>.fromOpaque(argument).takeUnretainedValue()
            _ = SoftCalls.cuCtxSetCurrent(OpaquePointer(bitPattern: call.context))
            call.status = call.body()
            return nil
        }
}
