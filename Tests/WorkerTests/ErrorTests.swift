import Driver
import Testing
import Wire

extension WorkerTests {
    @Suite struct ErrorTests {
        @Test func theFirstErrorWithoutReplyComesOnceWithTheNextReply() throws {
            let client = try TestClient()
            FakeDriver.shared.locked {
                FakeDriver.shared.failing = ["cuEventCreate": 2, "cuStreamCreate": 46]
            }
            try client.send(.cuEventCreate, bytes(TestHandle.event(1), UInt32(0)))
            try client.send(.cuStreamCreate, bytes(TestHandle.stream(1), UInt32(0)))
            let first = try client.call(.cuStreamQuery, bytes(UInt64(0)))
            #expect(first.status == 0)
            #expect(first.deferredStatus == 2)
            #expect(first.deferredOpcode == Opcode.cuEventCreate.rawValue)
            let second = try client.call(.cuStreamQuery, bytes(UInt64(0)))
            #expect(second.status == 0)
            #expect(second.deferredStatus == 0)
            #expect(second.deferredOpcode == 0)
            client.close()
        }

        @Test func stickyErrorsStay() throws {
            let client = try TestClient()
            let functions = try client.load()
            let fault = try #require(functions["fault"])
            try client.send(.cuLaunchKernel, client.launchBody(fault, []))
            for _ in 0..<3 {
                let reply = try client.call(.cuCtxSynchronize)
                #expect(reply.status == Status.launchFailed)
            }
            client.close()
        }

        @Test(arguments: [Opcode.cuStreamSynchronize, .cuStreamQuery, .cuStreamDestroy_v2])
        func unknownStreamsAreRefused(opcode: Opcode) throws {
            let client = try TestClient()
            let reply = try client.call(opcode, bytes(TestHandle.stream(7)))
            #expect(reply.status == Status.invalidHandle)
            client.close()
        }

        @Test func anotherGenerationIsAnotherStream() throws {
            let client = try TestClient()
            let old = TestHandle.stream(3)
            let new = TestHandle.stream(3, generation: 1)
            #expect(try client.call(.cuStreamCreate, bytes(old, UInt32(0))).status == 0)
            let twice = try client.call(.cuStreamCreate, bytes(new, UInt32(0)))
            #expect(twice.status == Status.invalidHandle)
            #expect(try client.call(.cuStreamDestroy_v2, bytes(old)).status == 0)
            #expect(try client.call(.cuStreamCreate, bytes(new, UInt32(0))).status == 0)
            #expect(try client.call(.cuStreamQuery, bytes(old)).status == Status.invalidHandle)
            #expect(try client.call(.cuStreamQuery, bytes(new)).status == 0)
            client.close()
        }

        @Test func unloadedFunctionsAreRefused() throws {
            let client = try TestClient()
            let functions = try client.load()
            let store = try #require(functions["store"])
            let body = client.launchBody(store, bytes(UInt64(0), UInt32(0)))
            let unload = try client.call(.cuLibraryUnload, bytes(TestHandle.image(0)))
            #expect(unload.status == 0)
            #expect(try client.call(.cuLaunchKernel, body).status == Status.invalidHandle)
            let again = try client.load()
            #expect(again["store"] != store)
            #expect(try client.call(.cuLaunchKernel, body).status == Status.invalidHandle)
            client.close()
        }

        @Test func tooFewParametersAreRefused() throws {
            let client = try TestClient()
            let functions = try client.load()
            let store = try #require(functions["store"])
            let short = client.launchBody(store, bytes(UInt64(0)))
            #expect(try client.call(.cuLaunchKernel, short).status == Status.invalidValue)
            #expect(!FakeDriver.shared.locked { FakeDriver.shared.calls }.contains("launch 2x3"))
            client.close()
        }
    }
}
