import CLinux
import CUDAABI
import SoftGPU
import Testing

@Suite("CUDA graphs on the software GPU")
struct GraphTests {
    private typealias Handle = OpaquePointer?
    private static let updateFailed: CUresult = 910

    @Test func aGraphIsBuiltNodeByNode() throws {
        try Harness.inContext { context in
            let append = try Harness.kernel(Kernels.append, "append")
            let list = try Harness.allocate(4096)
            let copy = try Harness.allocate(64)
            let graph = try Graphs.graph()
            var (fill, last, host, empty): (Handle, Handle, Handle, Handle) = (nil, nil, nil, nil)
            try Harness.check(
                Graphs.with(Graphs.memset(list, 0, width: 1024)) {
                    SoftCalls.cuGraphAddMemsetNode(&fill, graph, nil, 0, $0, context)
                }
            )
            let second = try Graphs.add(append, [list, 2], to: graph)
            let first = try Graphs.add(append, [list, 1], to: graph, after: [fill])
            try Harness.check(
                SoftCalls.cuGraphAddDependencies(graph, [first], [second], 1)
            )
            try Harness.check(SoftCalls.cuGraphAddEmptyNode(&empty, graph, [second], 1))
            try Harness.check(
                Graphs.with(Graphs.memcpy(copy, list, bytes: 12)) {
                    SoftCalls.cuGraphAddMemcpyNode(&last, graph, [empty], 1, $0, context)
                }
            )
            let called = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
            called.initialize(to: 0)
            defer { called.deallocate() }
            let function: @convention(c) (UnsafeMutableRawPointer?) -> Void = {
                $0?.assumingMemoryBound(to: Int32.self).pointee += 1
            }
            let words = [
                UInt64(UInt(bitPattern: unsafeBitCast(function, to: Int.self))),
                UInt64(UInt(bitPattern: called)),
            ]
            try Harness.check(
                Graphs.with(words) { SoftCalls.cuGraphAddHostNode(&host, graph, [last], 1, $0) }
            )
            #expect(try Graphs.types(graph) == [2, 0, 0, 5, 1, 3])
            let exec = try Graphs.instantiate(graph)
            try Graphs.run(exec)
            #expect(try Harness.read(copy, count: 3) == [2, 1, 2])
            #expect(called.pointee == 1)
            // What happens to the graph does not change what was made of it.
            try Harness.check(SoftCalls.cuGraphDestroyNode(first))
            #expect(try Graphs.dependencies(second) == [])
            try Graphs.run(exec)
            #expect(try Harness.read(copy, count: 3) == [2, 1, 2])
            try Graphs.run(Graphs.instantiate(graph))
            #expect(called.pointee == 3)
        }
    }

    @Test func nodesTellTheirParameters() throws {
        try Harness.inContext { context in
            let append = try Harness.kernel(Kernels.append, "append")
            let (list, graph) = (try Graphs.list(), try Graphs.graph())
            let node = try Graphs.add(append, [list, 7], to: graph)
            var words = [UInt64](repeating: 0, count: 9)
            try Harness.check(
                words.withUnsafeMutableBytes {
                    SoftCalls.cuGraphKernelNodeGetParams_v2(node, OpaquePointer($0.baseAddress))
                }
            )
            #expect(words[0] == Graphs.word(append) && words[7] == 0)
            #expect(words[1] == 1 | 1 << 32 && words[8] == Graphs.word(context))
            let list2 = try #require(
                UnsafePointer<UnsafePointer<UInt64>>(bitPattern: UInt(words[5]))
            )
            #expect((list2[0].pointee, list2[1].pointee) == (list, 7))
            // They may be given back as they are.
            try Harness.check(
                Graphs.with(words) { SoftCalls.cuGraphKernelNodeSetParams_v2(node, $0) }
            )
            try Harness.check(
                Graphs.kernel(append, [list, 8]) { SoftCalls.cuGraphKernelNodeSetParams(node, $0) }
            )
            try Graphs.run(Graphs.instantiate(graph))
            #expect(try Graphs.content(list) == [8])
            Graphs.expect(
                Graphs.kernel(append, [list, 8], block: 4096) {
                    SoftCalls.cuGraphKernelNodeSetParams(node, $0)
                },
                is: 1
            )
            var copy: Handle = nil
            var described = Graphs.memcpy(list, list + 64, bytes: 16)
            try Harness.check(
                Graphs.with(described) {
                    SoftCalls.cuGraphAddMemcpyNode(&copy, graph, nil, 0, $0, context)
                }
            )
            try Harness.check(
                described.withUnsafeMutableBytes {
                    SoftCalls.cuGraphMemcpyNodeGetParams(copy, OpaquePointer($0.baseAddress))
                }
            )
            #expect(described == Graphs.memcpy(list, list + 64, bytes: 16))
            Graphs.expect(
                Graphs.with(words) { SoftCalls.cuGraphKernelNodeGetParams(copy, $0) },
                is: 1
            )
        }
    }

    @Test func anyNodeIsDescribedByOneStructure() throws {
        try Harness.inContext { context in
            let append = try Harness.kernel(Kernels.append, "append")
            let (list, graph, event) = (try Graphs.list(), try Graphs.graph(), try Graphs.event())
            func description(_ type: UInt64, _ content: [UInt64]) -> [UInt64] {
                let words = [type, 0] + content
                return words + [UInt64](repeating: 0, count: 32 - words.count)
            }
            var nodes: [Handle] = []
            func add(_ words: [UInt64]) -> CUresult {
                var node: Handle = nil
                let status = Graphs.with(words) {
                    SoftCalls.cuGraphAddNode_v2(&node, graph, nodes, nil, nodes.count, $0)
                }
                if status == 0 { nodes = [node] }
                return status
            }
            let status = Graphs.kernel(append, [list, 5]) { parameters in
                let words = UnsafeBufferPointer<UInt64>(
                    start: UnsafePointer(parameters),
                    count: 9
                )
                return add(description(0, Array(words)))
            }
            try Harness.check(status)
            let fill = Graphs.memset(list + 64, 3, width: 2)
            try Harness.check(add(description(2, Array(fill[..<5]) + [Graphs.word(context)])))
            let copy = Graphs.memcpy(list + 72, list + 64, bytes: 8)
            try Harness.check(add(description(1, [0, 0] + copy)))
            try Harness.check(add(description(7, [Graphs.word(event)])))
            try Harness.check(add(description(6, [Graphs.word(event)])))
            try Harness.check(add(description(5, [])))
            #expect(add(description(10, [])) == 1)
            #expect(add(description(11, [])) == 1)
            #expect(add(description(8, [])) == 801)
            #expect(add(description(12, [])) == 801)
            #expect(add(description(99, [])) == 1)
            #expect(add(description(1, [1] + copy)) == 1)
            #expect(try Graphs.types(graph) == [0, 2, 1, 7, 6, 5])
            try Graphs.run(Graphs.instantiate(graph))
            #expect(try Harness.read(list, count: 2) == [1, 5])
            #expect(try Harness.read(list + 64, count: 4) == [3, 3, 3, 3])
            #expect(SoftCalls.cuEventQuery(event) == 0)
            var read = [UInt64](repeating: 9, count: 32)
            let second = try Graphs.nodes(graph)[1]
            try Harness.check(
                read.withUnsafeMutableBytes {
                    SoftCalls.cuGraphNodeGetParams(second, OpaquePointer($0.baseAddress))
                }
            )
            #expect(read == description(2, Array(fill[..<5]) + [Graphs.word(context)]))
        }
    }

    @Test func dependenciesAreKeptAndChecked() throws {
        try Harness.inContext { _ in
            let graph = try Graphs.graph()
            var nodes = [Handle](repeating: nil, count: 3)
            for index in nodes.indices {
                try Harness.check(SoftCalls.cuGraphAddEmptyNode(&nodes[index], graph, nil, 0))
            }
            let (a, b, c) = (nodes[0], nodes[1], nodes[2])
            func connect(_ from: [Handle], _ to: [Handle]) -> CUresult {
                SoftCalls.cuGraphAddDependencies(graph, from, to, from.count)
            }
            try Harness.check(connect([a, b], [b, c]))
            #expect(connect([a], [b]) == 1)
            #expect(connect([a], [a]) == 1)
            #expect(connect([a], [graph]) == 1)
            // One that is wrong leaves all as it was.
            #expect(connect([a, a], [c, b]) == 1)
            var count = 4
            var (from, to) = (
                [Handle](repeating: graph, count: 4), [Handle](repeating: graph, count: 4)
            )
            try Harness.check(SoftCalls.cuGraphGetEdges(graph, &from, &to, &count))
            #expect(count == 2 && from == [a, b, nil, nil] && to == [b, c, nil, nil])
            count = 1
            try Harness.check(SoftCalls.cuGraphGetEdges(graph, &from, &to, &count))
            #expect(count == 1 && from[0] == a)
            try Harness.check(SoftCalls.cuGraphGetRootNodes(graph, nil, &count))
            #expect(count == 1)
            count = 4
            try Harness.check(SoftCalls.cuGraphNodeGetDependentNodes(b, &to, &count))
            #expect(count == 1 && to[0] == c)
            // A circle is found when the graph is to be launched.
            try Harness.check(connect([c], [a]))
            var (exec, culprit): (Handle, Handle) = (nil, nil)
            #expect(SoftCalls.cuGraphInstantiate_v2(&exec, graph, &culprit, nil, 0) == 1)
            #expect(nodes.contains(culprit))
            var words: [UInt64] = [0, 0, 0, 9]
            let status = words.withUnsafeMutableBytes {
                SoftCalls.cuGraphInstantiateWithParams(&exec, graph, OpaquePointer($0.baseAddress))
            }
            #expect(status == 1 && words[3] & 0xFFFF_FFFF == 2 && words[2] != 0)
            try Harness.check(SoftCalls.cuGraphRemoveDependencies(graph, [c], [a], 1))
            #expect(SoftCalls.cuGraphRemoveDependencies(graph, [c], [a], 1) == 1)
            try Graphs.run(Graphs.instantiate(graph))
            // Kinds of dependencies come back as they were given.
            let data: [UInt8] = [1, 0, 1, 0, 0, 0, 0, 0]
            let wrong: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1]
            for (bytes, status): ([UInt8], CUresult) in [(wrong, 1), (data, 0)] {
                bytes.withUnsafeBytes {
                    let list = OpaquePointer($0.baseAddress)
                    #expect(SoftCalls.cuGraphAddDependencies_v2(graph, [a], [c], list, 1) == status)
                }
            }
            #expect(SoftCalls.cuGraphNodeGetDependencies(c, &from, &count) == 402)
            var bytes = [UInt8](repeating: 0, count: 32)
            count = 4
            bytes.withUnsafeMutableBytes {
                let list = OpaquePointer($0.baseAddress)
                #expect(SoftCalls.cuGraphNodeGetDependencies_v2(c, &from, list, &count) == 0)
            }
            #expect(count == 2 && Array(bytes[8..<16]) == data)
        }
    }

    @Test func launchesAreOneBehindTheOther() throws {
        try Harness.inContext { _ in
            let append = try Harness.kernel(Kernels.append, "append")
            let spin = try Harness.kernel(Kernels.spin, "spin")
            let (first, second) = (try Graphs.stream(), try Graphs.stream())
            let (list, graph) = (try Graphs.list(), try Graphs.graph())
            var pointer: UnsafeMutableRawPointer?
            try Harness.check(SoftCalls.cuMemHostAlloc(&pointer, 4, 0))
            let gate = try #require(pointer).assumingMemoryBound(to: UInt32.self)
            let wait = try Graphs.add(spin, [UInt64(UInt(bitPattern: gate))], to: graph)
            let node = try Graphs.add(append, [list, 1], to: graph, after: [wait])
            let exec = try Graphs.instantiate(graph)
            try Harness.check(SoftCalls.cuGraphLaunch(exec, first))
            // A change is for later launches.
            try Harness.check(
                Graphs.kernel(append, [list, 2]) {
                    SoftCalls.cuGraphExecKernelNodeSetParams_v2(exec, node, $0)
                }
            )
            try Harness.check(SoftCalls.cuGraphUpload(exec, second))
            try Harness.check(SoftCalls.cuGraphLaunch(exec, second))
            #expect(Harness.launch(append, stream: second, [list, 3]) == 0)
            #expect(SoftCalls.cuStreamQuery(first) == 600)
            #expect(SoftCalls.cuStreamQuery(second) == 600)
            try Harness.check(SoftCalls.cuGraphExecDestroy(exec))
            gate.pointee = 1
            try Harness.check(SoftCalls.cuCtxSynchronize())
            #expect(try Graphs.content(list) == [1, 2, 3])
        }
    }

    @Test func executableGraphsAreChangedInPlace() throws {
        try Harness.inContext { context in
            let append = try Harness.kernel(Kernels.append, "append")
            let (list, memory) = (try Graphs.list(), try Harness.allocate(256))
            let graph = try Graphs.graph()
            let node = try Graphs.add(append, [list, 1], to: graph)
            var (fill, rows, copy): (Handle, Handle, Handle) = (nil, nil, nil)
            try Harness.check(
                Graphs.with(Graphs.memset(memory, 1, width: 4)) {
                    SoftCalls.cuGraphAddMemsetNode(&fill, graph, nil, 0, $0, context)
                }
            )
            try Harness.check(
                Graphs.with(Graphs.memset(memory + 64, 1, width: 2, height: 2)) {
                    SoftCalls.cuGraphAddMemsetNode(&rows, graph, nil, 0, $0, context)
                }
            )
            try Harness.check(
                Graphs.with(Graphs.memcpy(memory + 128, memory, bytes: 8)) {
                    SoftCalls.cuGraphAddMemcpyNode(&copy, graph, [fill], 1, $0, context)
                }
            )
            let exec = try Graphs.instantiate(graph)
            func set(_ node: Handle, _ words: [UInt64]) -> CUresult {
                Graphs.with(words) {
                    SoftCalls.cuGraphExecMemsetNodeSetParams(exec, node, $0, context)
                }
            }
            #expect(set(fill, Graphs.memset(memory, 5, width: 3)) == 0)
            #expect(set(fill, Graphs.memset(memory, 5, width: 0)) == 1)
            #expect(set(fill, Graphs.memset(memory, 5, width: 2, height: 2)) == 1)
            #expect(set(rows, Graphs.memset(memory + 80, 6, width: 2, height: 2)) == 0)
            #expect(set(rows, Graphs.memset(memory + 64, 6, width: 1, height: 2)) == 1)
            #expect(set(copy, Graphs.memset(memory, 5, width: 3)) == 1)
            try Harness.check(
                Graphs.with(Graphs.memcpy(memory + 128, memory + 4, bytes: 12)) {
                    SoftCalls.cuGraphExecMemcpyNodeSetParams(exec, copy, $0, context)
                }
            )
            try Harness.check(SoftCalls.cuMemsetD32_v2(memory, 0, 64))
            try Graphs.run(exec)
            #expect(try Harness.read(memory, count: 4) == [5, 5, 5, 0])
            #expect(try Harness.read(memory + 80, count: 4) == [6, 6, 6, 6])
            #expect(try Harness.read(memory + 128, count: 3) == [5, 5, 0])
            // Nodes can be switched off.
            var isEnabled: UInt32 = 9
            try Harness.check(SoftCalls.cuGraphNodeSetEnabled(exec, node, 0))
            try Harness.check(SoftCalls.cuGraphNodeGetEnabled(exec, node, &isEnabled))
            #expect(isEnabled == 0)
            try Graphs.run(exec)
            try Harness.check(SoftCalls.cuGraphNodeSetEnabled(exec, node, 1))
            try Graphs.run(exec)
            #expect(try Graphs.content(list) == [1, 1])
            var empty: Handle = nil
            try Harness.check(SoftCalls.cuGraphAddEmptyNode(&empty, graph, nil, 0))
            #expect(SoftCalls.cuGraphNodeSetEnabled(exec, empty, 0) == 1)
            try Harness.check(SoftCalls.cuGraphDestroyNode(node))
            #expect(SoftCalls.cuGraphNodeSetEnabled(exec, node, 0) == 1)
        }
    }

    @Test func anExecutableGraphIsUpdatedFromAnother() throws {
        try Harness.inContext { context in
            let append = try Harness.kernel(Kernels.append, "append")
            let (list, memory) = (try Graphs.list(), try Harness.allocate(64))
            /// Two kernels behind a fill.
            func graph(_ value: UInt64, height: UInt64 = 1) throws -> (
                graph: Handle, nodes: [Handle]
            ) {
                let graph = try Graphs.graph()
                var fill: Handle = nil
                try Harness.check(
                    Graphs.with(Graphs.memset(memory, value, width: 2, height: height)) {
                        SoftCalls.cuGraphAddMemsetNode(&fill, graph, nil, 0, $0, context)
                    }
                )
                let first = try Graphs.add(append, [list, value], to: graph, after: [fill])
                let second = try Graphs.add(append, [list, value + 1], to: graph, after: [first])
                return (graph, [fill, first, second])
            }
            func update(_ exec: Handle, _ graph: Handle) -> (CUresult, [UInt64]) {
                var words: [UInt64] = [9, 9, 9]
                let status = words.withUnsafeMutableBytes {
                    SoftCalls.cuGraphExecUpdate_v2(exec, graph, OpaquePointer($0.baseAddress))
                }
                return (status, [words[0] & 0xFFFF_FFFF, words[1], words[2]])
            }
            let exec = try Graphs.instantiate(graph(1).graph)
            #expect(update(exec, try graph(5).graph) == (0, [0, 0, 0]))
            try Graphs.run(exec)
            #expect(try Graphs.content(list) == [5, 6])
            #expect(try Harness.read(memory, count: 1) == [5])

            let more = try graph(7)
            let added = try Graphs.add(append, [list, 9], to: more.graph)
            #expect(update(exec, more.graph) == (Self.updateFailed, [2, 0, 0]))
            try Harness.check(SoftCalls.cuGraphDestroyNode(added))
            try Harness.check(
                SoftCalls.cuGraphAddDependencies(more.graph, [more.nodes[0]], [more.nodes[2]], 1)
            )
            let word = Graphs.word(more.nodes[2])
            #expect(update(exec, more.graph) == (Self.updateFailed, [2, word, 0]))

            let other = try graph(7, height: 2)
            let fill = Graphs.word(other.nodes[0])
            #expect(update(exec, other.graph) == (Self.updateFailed, [5, fill, 0]))

            let types = try Graphs.graph()
            var nodes: [Handle] = [nil, nil, nil]
            for index in nodes.indices {
                let before = index == 0 ? [] : [nodes[index - 1]]
                try Harness.check(
                    SoftCalls.cuGraphAddEmptyNode(&nodes[index], types, before, before.count)
                )
            }
            let result = update(exec, types)
            #expect(result.0 == Self.updateFailed && result.1[0] == 3)
            let words = nodes.map { Graphs.word($0) }
            #expect(words.contains(result.1[1]))
            #expect(update(exec, exec) == (1, [1, 0, 0]))
            // None of it has changed anything.
            try Graphs.run(exec)
            #expect(try Graphs.content(list) == [5, 6, 5, 6])
        }
    }

    @Test func graphsAreCopiedAndNested() throws {
        try Harness.inContext { _ in
            let append = try Harness.kernel(Kernels.append, "append")
            let list = try Graphs.list()
            let inner = try Graphs.graph()
            let node = try Graphs.add(append, [list, 1], to: inner)
            _ = try Graphs.add(append, [list, 2], to: inner, after: [node])
            var (copy, found, child, owned): (Handle, Handle, Handle, Handle) = (nil, nil, nil, nil)
            try Harness.check(SoftCalls.cuGraphClone(&copy, inner))
            try Harness.check(SoftCalls.cuGraphNodeFindInClone(&found, node, copy))
            #expect(found != node)
            #expect(SoftCalls.cuGraphNodeFindInClone(&found, found, copy) == 1)
            #expect(SoftCalls.cuGraphNodeFindInClone(&found, node, inner) == 1)
            try Harness.check(
                Graphs.kernel(append, [list, 7]) {
                    SoftCalls.cuGraphKernelNodeSetParams_v2(node, $0)
                }
            )
            let outer = try Graphs.graph()
            try Harness.check(SoftCalls.cuGraphAddChildGraphNode(&child, outer, nil, 0, copy))
            let last = try Graphs.add(append, [list, 3], to: outer, after: [child])
            try Harness.check(SoftCalls.cuGraphDestroy(copy))
            #expect(SoftCalls.cuGraphNodeFindInClone(&found, node, copy) == 1)
            try Harness.check(SoftCalls.cuGraphChildGraphNodeGetGraph(child, &owned))
            #expect(SoftCalls.cuGraphChildGraphNodeGetGraph(last, &owned) == 1)
            #expect(SoftCalls.cuGraphDestroy(owned) == 1)
            let exec = try Graphs.instantiate(outer)
            try Graphs.run(exec)
            #expect(try Graphs.content(list) == [1, 2, 3])
            // A node of the graph inside is found, and the whole can be exchanged.
            let inside = try Graphs.nodes(owned)
            try Harness.check(SoftCalls.cuGraphNodeSetEnabled(exec, inside[1], 0))
            try Harness.check(SoftCalls.cuGraphExecChildGraphNodeSetParams(exec, child, inner))
            try Graphs.run(exec)
            #expect(try Graphs.content(list) == [1, 2, 3, 7, 3])
            let other = try Graphs.graph()
            #expect(
                SoftCalls.cuGraphExecChildGraphNodeSetParams(exec, child, other)
                    == Self.updateFailed
            )
            try Harness.check(SoftCalls.cuGraphDestroy(outer))
            #expect(SoftCalls.cuGraphGetNodes(owned, nil, nil) == 1)
        }
    }

    @Test func eventsAreRecordedAndWaitedFor() throws {
        try Harness.inContext { _ in
            let append = try Harness.kernel(Kernels.append, "append")
            let spin = try Harness.kernel(Kernels.spin, "spin")
            let (stream, other) = (try Graphs.stream(), try Graphs.stream())
            let (reached, wanted) = (try Graphs.event(), try Graphs.event())
            let (list, graph) = (try Graphs.list(), try Graphs.graph())
            var (wait, record, event): (Handle, Handle, Handle) = (nil, nil, nil)
            try Harness.check(
                SoftCalls.cuGraphAddEventWaitNode(&wait, graph, nil, 0, wanted)
            )
            let node = try Graphs.add(append, [list, 2], to: graph, after: [wait])
            try Harness.check(
                SoftCalls.cuGraphAddEventRecordNode(&record, graph, [node], 1, reached)
            )
            try Harness.check(SoftCalls.cuGraphEventRecordNodeGetEvent(record, &event))
            #expect(event == reached)
            #expect(SoftCalls.cuGraphEventWaitNodeGetEvent(record, &event) == 1)
            #expect(SoftCalls.cuGraphEventWaitNodeSetEvent(wait, graph) == 1)
            var pointer: UnsafeMutableRawPointer?
            try Harness.check(SoftCalls.cuMemHostAlloc(&pointer, 4, 0))
            let gate = try #require(pointer).assumingMemoryBound(to: UInt32.self)
            #expect(Harness.launch(spin, stream: other, [UInt64(UInt(bitPattern: gate))]) == 0)
            #expect(Harness.launch(append, stream: other, [list, 1]) == 0)
            try Harness.check(SoftCalls.cuEventRecord(wanted, other))
            let exec = try Graphs.instantiate(graph)
            try Harness.check(SoftCalls.cuGraphLaunch(exec, stream))
            #expect(SoftCalls.cuEventQuery(reached) == 600)
            gate.pointee = 1
            try Harness.check(SoftCalls.cuEventSynchronize(reached))
            #expect(try Graphs.content(list) == [1, 2])
            // The same by capture.
            let captured = try Graphs.capture(stream) {
                #expect(SoftCalls.cuStreamWaitEvent(stream, wanted, 1) == 0)
                #expect(SoftCalls.cuEventRecordWithFlags(reached, stream, 1) == 0)
            }
            #expect(try Graphs.types(captured) == [6, 7])
            #expect(SoftCalls.cuStreamWaitEvent(stream, wanted, 1) == 1)
            #expect(SoftCalls.cuEventRecordWithFlags(reached, stream, 1) == 1)
            try Graphs.run(Graphs.instantiate(captured), in: stream)
        }
    }

    @Test func kernelNodesHaveAttributes() throws {
        try Harness.inContext { _ in
            let append = try Harness.kernel(Kernels.append, "append")
            let (list, graph) = (try Graphs.list(), try Graphs.graph())
            let first = try Graphs.add(append, [list, 1], to: graph)
            let second = try Graphs.add(append, [list, 2], to: graph)
            var value = [UInt64](repeating: 1, count: 8)
            func get(_ node: Handle, _ id: Int32) -> CUresult {
                value.withUnsafeMutableBytes {
                    SoftCalls.cuGraphKernelNodeGetAttribute(node, id, OpaquePointer($0.baseAddress))
                }
            }
            #expect(get(first, 8) == 0 && value == [UInt64](repeating: 0, count: 8))
            let priority: [UInt64] = [3, 0, 0, 0, 0, 0, 0, 0]
            let cooperative: [UInt64] = [1, 0, 0, 0, 0, 0, 0, 0]
            Graphs.expect(
                Graphs.with(priority) { SoftCalls.cuGraphKernelNodeSetAttribute(first, 8, $0) },
                is: 0
            )
            Graphs.expect(
                Graphs.with(cooperative) { SoftCalls.cuGraphKernelNodeSetAttribute(first, 2, $0) },
                is: 0
            )
            Graphs.expect(
                Graphs.with(cooperative) { SoftCalls.cuGraphKernelNodeSetAttribute(first, 4, $0) },
                is: 801
            )
            Graphs.expect(
                Graphs.with(cooperative) { SoftCalls.cuGraphKernelNodeSetAttribute(first, 99, $0) },
                is: 1
            )
            try Harness.check(SoftCalls.cuGraphKernelNodeCopyAttributes(second, first))
            #expect(get(second, 8) == 0 && value == priority)
            // New parameters leave them as they are.
            try Harness.check(
                Graphs.kernel(append, [list, 5]) {
                    SoftCalls.cuGraphKernelNodeSetParams_v2(second, $0)
                }
            )
            #expect(get(second, 2) == 0 && value == cooperative)
            try Graphs.run(Graphs.instantiate(graph))
            #expect(try Graphs.content(list) == [1, 5])
        }
    }

    @Test func memoryThatIsGoneIsAnError() throws {
        try Harness.inContext { context in
            let (memory, graph) = (try Harness.allocate(64), try Graphs.graph())
            var node: Handle = nil
            try Harness.check(
                Graphs.with(Graphs.memset(memory, 1, width: 4)) {
                    SoftCalls.cuGraphAddMemsetNode(&node, graph, nil, 0, $0, context)
                }
            )
            let exec = try Graphs.instantiate(graph)
            try Graphs.run(exec)
            try Harness.check(SoftCalls.cuMemFree_v2(memory))
            #expect(SoftCalls.cuGraphLaunch(exec, nil) == 0)
            #expect(SoftCalls.cuCtxSynchronize() == 700)
        }
    }

    @Test func userObjectsLiveAsLongAsGraphsHoldThem() throws {
        try Harness.inContext { _ in
            let destroyed = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
            destroyed.initialize(to: 0)
            defer { destroyed.deallocate() }
            var (object, exec): (Handle, Handle) = (nil, nil)
            func create(_ count: UInt32, _ flags: UInt32) -> CUresult {
                SoftCalls.cuUserObjectCreate(
                    &object,
                    destroyed,
                    { $0?.assumingMemoryBound(to: Int32.self).pointee += 1 },
                    count,
                    flags
                )
            }
            #expect(create(1, 0) == 1)
            #expect(create(0, 1) == 1)
            try Harness.check(create(2, 1))
            let graph = try Graphs.graph()
            try Harness.check(SoftCalls.cuGraphRetainUserObject(graph, object, 1, 1))
            #expect(SoftCalls.cuGraphReleaseUserObject(graph, object, 2) == 1)
            exec = try Graphs.instantiate(graph)
            try Harness.check(SoftCalls.cuUserObjectRetain(object, 1))
            try Harness.check(SoftCalls.cuUserObjectRelease(object, 2))
            try Harness.check(SoftCalls.cuGraphDestroy(graph))
            try Graphs.run(exec)
            #expect(destroyed.pointee == 0)
            try Harness.check(SoftCalls.cuGraphExecDestroy(exec))
            for _ in 0..<1000 where destroyed.pointee == 0 { usleep(5000) }
            #expect(destroyed.pointee == 1)
            #expect(SoftCalls.cuUserObjectRelease(object, 1) == 1)
        }
    }

    @Test func handlesThatAreNoneAreRefused() throws {
        try Harness.inContext { context in
            let stream = try Graphs.stream()
            let graph = try Graphs.graph()
            var (handle, count, number): (Handle, Int, UInt32) = (nil, 0, 0)
            for wrong in [nil, stream, context, OpaquePointer(bitPattern: 0xDEAD_BEE0)] {
                #expect(SoftCalls.cuGraphDestroy(wrong) == 1)
                #expect(SoftCalls.cuGraphDestroyNode(wrong) == 1)
                #expect(SoftCalls.cuGraphExecDestroy(wrong) == 1)
                #expect(SoftCalls.cuGraphLaunch(wrong, stream) == 1)
                #expect(SoftCalls.cuGraphGetNodes(wrong, nil, &count) == 1)
                #expect(SoftCalls.cuGraphClone(&handle, wrong) == 1)
                #expect(SoftCalls.cuGraphInstantiateWithFlags(&handle, wrong, 0) == 1)
                #expect(SoftCalls.cuGraphAddEmptyNode(&handle, wrong, nil, 0) == 1)
                #expect(SoftCalls.cuGraphAddEmptyNode(&handle, graph, [wrong], 1) == 1)
                #expect(SoftCalls.cuGraphAddChildGraphNode(&handle, graph, nil, 0, wrong) == 1)
                #expect(SoftCalls.cuGraphAddEventWaitNode(&handle, graph, nil, 0, wrong) == 1)
                #expect(SoftCalls.cuGraphNodeGetEnabled(wrong, wrong, &number) == 1)
                #expect(SoftCalls.cuUserObjectRelease(wrong, 1) == 1)
            }
            #expect(try Graphs.nodes(graph) == [])
            #expect(SoftCalls.cuGraphCreate(nil, 0) == 1)
            #expect(SoftCalls.cuGraphCreate(&handle, 1) == 1)
            #expect(SoftCalls.cuGraphAddEmptyNode(nil, graph, nil, 0) == 1)
            #expect(SoftCalls.cuGraphAddEmptyNode(&handle, graph, nil, 3) == 1)
            #expect(SoftCalls.cuGraphAddEmptyNode(&handle, graph, nil, -1) == 1)
            #expect(SoftCalls.cuGraphAddKernelNode(&handle, graph, nil, 0, nil) == 1)
            #expect(SoftCalls.cuGraphInstantiateWithFlags(&handle, graph, 1 << 20) == 1)
            #expect(SoftCalls.cuGraphInstantiateWithFlags(&handle, graph, 4) == 801)
            #expect(SoftCalls.cuGraphDebugDotPrint(graph, "/nowhere/at/all", 0) == 304)
            try Harness.check(SoftCalls.cuGraphDestroy(graph))
            #expect(SoftCalls.cuGraphDestroy(graph) == 1)
        }
    }
}
