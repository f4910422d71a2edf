import Driver
import Testing
import Transport
import Wire
import Worker

extension WorkerTests {
    /// Captures and graphs: handles, lists, what a client must not do.
    @Suite struct GraphTests {
        private let stream = TestHandle.stream(1)
        private let graph = TestHandle.graph(0)

        private var calls: [String] { FakeDriver.shared.locked { FakeDriver.shared.calls } }

        private func client() throws -> TestClient {
            let client = try TestClient()
            let make = bytes(stream, UInt32(0))
            #expect(try client.call(.cuStreamCreate, make).status == 0)
            return client
        }

        /// A node that does nothing.
        private func empty(
            _ graph: UInt64,
            _ node: UInt64,
            after nodes: [UInt64] = []
        ) -> [UInt8] {
            bytes(graph, node, UInt32(nodes.count), UInt32(0)) + nodes.flatMap { littleEndian($0) }
        }

        @Test func capturesAreRelaxed() throws {
            let client = try client()
            #expect(try client.call(.cuStreamBeginCapture_v2, bytes(stream)).status == 0)
            #expect(calls.last == "capture 2")
            let end = bytes(stream, graph, UInt64(0))
            #expect(try client.call(.cuStreamEndCapture, end).status == 0)
            #expect(try client.call(.cuStreamEndCapture, end).status == Status.illegalState)
            #expect(try client.call(.cuGraphDestroy, bytes(graph)).status == 0)
            #expect(try client.call(.cuGraphDestroy, bytes(graph)).status == Status.invalidValue)
            client.close()
        }

        @Test func whatIsThrownAwayIsDestroyed() throws {
            let client = try client()
            _ = try client.call(.cuStreamBeginCapture_v2, bytes(stream))
            #expect(
                try client.call(.cuStreamEndCapture, bytes(stream, graph, UInt64(1))).status == 0
            )
            #expect(calls.suffix(2) == ["endCapture", "destroyGraph"])
            #expect(try client.call(.cuGraphGetNodes, bytes(graph)).status == Status.invalidValue)
            client.close()
        }

        @Test func aStreamThatGoesTakesItsCaptureAlong() throws {
            let client = try client()
            _ = try client.call(.cuStreamBeginCapture_v2, bytes(stream))
            #expect(try client.call(.cuStreamDestroy_v2, bytes(stream)).status == 0)
            #expect(calls.contains("endCapture") && calls.contains("destroyGraph"))
            client.close()
        }

        @Test func nodesOfTheDriverGetHandles() throws {
            let client = try client()
            #expect(try client.call(.cuGraphCreate, bytes(graph)).status == 0)
            let reply = try client.call(.cuGraphGetNodes, bytes(graph))
            #expect(reply.status == 0 && reply.load(8, as: UInt64.self) == 2)
            let node = reply.load(16, as: UInt64.self)
            #expect(HandleKind.kind(node) == HandleKind.foundNode)
            let own = TestHandle.node(0)
            #expect(
                try client.call(.cuGraphAddEmptyNode, empty(graph, own, after: [node])).status == 0
            )
            #expect(calls.last == "emptyNode 1")
            #expect(try client.call(.cuGraphDestroy, bytes(graph)).status == 0)
            #expect(try client.call(.cuGraphCreate, bytes(graph)).status == 0)
            // Nodes go with their graph.
            for gone in [node, own] {
                let next = empty(graph, TestHandle.node(1), after: [gone])
                #expect(try client.call(.cuGraphAddEmptyNode, next).status == Status.invalidValue)
            }
            client.close()
        }

        @Test func executableGraphs() throws {
            let client = try client()
            let exec = TestHandle.exec(0)
            _ = try client.call(.cuGraphCreate, bytes(graph))
            let make = bytes(exec, graph, UInt64(8))
            #expect(try client.call(.cuGraphInstantiateWithParams, make).status == 0)
            #expect(calls.last == "instantiate 8")
            #expect(
                try client.call(.cuGraphInstantiateWithParams, make).status == Status.invalidHandle
            )
            for _ in 0..<3 { _ = try client.send(.cuGraphLaunch, bytes(exec, stream)) }
            #expect(try client.call(.cuGraphExecDestroy, bytes(exec)).status == 0)
            #expect(calls.filter { $0 == "launchGraph" }.count == 3)
            #expect(
                try client.call(.cuGraphLaunch, bytes(exec, stream)).status == Status.invalidHandle
            )
            client.close()
        }

        @Test func aContextTakesItsGraphsAlong() throws {
            let client = try client()
            let exec = TestHandle.exec(0)
            _ = try client.call(.cuGraphCreate, bytes(graph))
            _ = try client.call(.cuGraphInstantiateWithParams, bytes(exec, graph, UInt64(0)))
            _ = try client.call(.cuStreamBeginCapture_v2, bytes(stream))
            _ = try client.call(.cuDevicePrimaryCtxReset_v2, bytes(Int32(0), UInt32(0)), context: 0)
            #expect(calls.filter { $0 == "destroyGraph" }.count == 2)
            #expect(calls.contains("destroyExec") && calls.contains("endCapture"))
            #expect(try client.call(.cuGraphGetNodes, bytes(graph)).status == Status.invalidValue)
            client.close()
        }

        /// The driver gets no address that is not the GPU's, and no handle that is not there.
        @Test func whatIsNotThereIsRefused() throws {
            let client = try client()
            _ = try client.call(.cuGraphCreate, bytes(graph))
            let before = calls
            let node = TestHandle.node(0)
            let prefix = bytes(graph, node, UInt32(0), UInt32(1))
            for fill in [
                bytes(UInt64(0x1234), UInt64(0), UInt32(0), UInt32(4), UInt64(4), UInt64(1)),
                bytes(UInt64(0x1234), UInt64.max, UInt32(0), UInt32(4), UInt64.max, UInt64.max),
                bytes(UInt64(0x1234), UInt64(0), UInt32(0), UInt32(3), UInt64(4), UInt64(1)),
            ] {
                let reply = try client.call(.cuGraphAddMemsetNode, prefix + fill)
                #expect(reply.status == Status.invalidValue)
            }
            let wrong = empty(graph, TestHandle.event(5))
            #expect(try client.call(.cuGraphAddEmptyNode, wrong).status == Status.invalidHandle)
            #expect(try client.call(.cuGraphDestroyNode, bytes(node)).status == Status.invalidValue)
            #expect(try client.call(.cuStreamBeginCapture_v2, bytes(UInt64(0))).status == 400)
            for isMoved in [UInt64(0), 1] {
                let child = bytes(graph, node, UInt32(0), UInt32(0), UInt64(99), isMoved)
                #expect(
                    try client.call(.cuGraphAddChildGraphNode, child).status == Status.invalidValue
                )
            }
            #expect(calls == before)
            client.close()
        }

        /// A conditional node with so many graphs, and what stands for their handles.
        private func conditional(_ count: UInt32, _ graphs: [UInt64]) -> [UInt8] {
            bytes(graph, TestHandle.node(0), UInt32(0), UInt32(1), UInt64(0x77), UInt32(2), count)
                + graphs.flatMap { littleEndian($0) }
        }

        @Test func conditionalNodesBringTheirGraphs() throws {
            let client = try client()
            _ = try client.call(.cuGraphCreate, bytes(graph))
            let ask = bytes(graph, UInt32(5), UInt32(1))
            let reply = try client.call(.cuGraphConditionalHandleCreate, ask)
            #expect(reply.status == 0 && reply.load(8, as: UInt64.self) == 0x77)
            let inner = [TestHandle.graph(1), TestHandle.graph(2)]
            #expect(try client.call(.cuGraphAddNode_v2, conditional(2, inner)).status == 0)
            #expect(calls.suffix(2) == ["conditional 5 1", "node 13 119 2 2"])
            let within = empty(inner[1], TestHandle.node(1))
            #expect(try client.call(.cuGraphAddEmptyNode, within).status == 0)
            #expect(
                try client.call(.cuGraphDestroy, bytes(inner[0])).status == Status.invalidValue
            )
            // They go with the graph.
            #expect(try client.call(.cuGraphDestroy, bytes(graph)).status == 0)
            #expect(
                try client.call(.cuGraphGetNodes, bytes(inner[0])).status == Status.invalidValue
            )
            client.close()
        }

        @Test func graphsOfConditionalNodesHaveNewHandles() throws {
            let client = try client()
            _ = try client.call(.cuGraphCreate, bytes(graph))
            for graphs in [
                [graph], [TestHandle.graph(1), TestHandle.graph(1)], [TestHandle.node(1)],
            ] {
                let node = conditional(UInt32(graphs.count), graphs)
                #expect(try client.call(.cuGraphAddNode_v2, node).status == Status.invalidHandle)
            }
            client.close()
        }

        @Test(arguments: [UInt32(0), 2, 1025, .max])
        func graphsOfConditionalNodesThatDoNotFit(count: UInt32) throws {
            let client = try client()
            _ = try client.call(.cuGraphCreate, bytes(graph))
            _ = try client.send(.cuGraphAddNode_v2, conditional(count, [TestHandle.graph(1)]))
            #expect(try client.first { $0.opcode == .failure }.text.contains("cuGraphAddNode_v2"))
            client.socket.shutDown()
            #expect(client.waitForExit() == .protocolViolation)
        }

        @Test(arguments: [UInt32(1), 4097, .max])
        func countsThatDoNotFit(count: UInt32) throws {
            let client = try client()
            _ = try client.call(.cuGraphCreate, bytes(graph))
            _ = try client.send(
                .cuGraphAddEmptyNode,
                bytes(graph, TestHandle.node(0), count, UInt32(0))
            )
            #expect(try client.first { $0.opcode == .failure }.text.contains("cuGraphAddEmptyNode"))
            client.socket.shutDown()
            #expect(client.waitForExit() == .protocolViolation)
        }
    }
}
