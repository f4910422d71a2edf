import Driver
import Testing
import Transport
import Wire
import Worker

extension WorkerTests {
    @Suite struct OrderTests {
        @Test func recordsAreExecutedInOrder() throws {
            let client = try TestClient()
            let address = try client.allocate(4096)
            let functions = try client.load()
            let store = try #require(functions["store"])
            for value in UInt32(1)...50 {
                try client.send(.cuLaunchKernel, client.launchBody(store, bytes(address, value)))
                try client.send(
                    .cuMemcpyHtoD_v2,
                    client.uploadBody(address + 8 * UInt64(value), bytes(value))
                )
            }
            #expect(try client.download(address, 4) == bytes(UInt32(50)))
            for value in UInt32(1)...50 {
                let found = try client.download(address + 8 * UInt64(value), 4)
                #expect(found == bytes(value))
            }
            let calls = FakeDriver.shared.locked { FakeDriver.shared.calls }
            let kept = calls.filter { $0 == "launch 2x3" || $0 == "upload 4" }
            #expect(kept == (1...50).flatMap { _ in ["launch 2x3", "upload 4"] })
            #expect(client.close() == .clientClosed)
        }

        @Test func parametersArriveAsTheKernelWantsThem() throws {
            let client = try TestClient()
            let functions = try client.load(.cuModuleLoadDataEx)
            let odd = try #require(functions["odd"])
            // Offsets 0, 8 and 16.
            var blob = [UInt8](repeating: 0, count: 18)
            blob[0] = 0x11
            for index in 0..<8 { blob[8 + index] = UInt8(index + 1) }
            blob[16] = 0xAA
            blob[17] = 0xBB
            try client.send(.cuLaunchKernel, client.launchBody(odd, blob))
            #expect(try client.call(.cuStreamSynchronize, bytes(UInt64(0))).status == 0)
            let seen = FakeDriver.shared.locked { FakeDriver.shared.parameters }
            #expect(seen == [[0x11], [1, 2, 3, 4, 5, 6, 7, 8], [0xAA, 0xBB]])
            client.close()
        }

        @Test func contextsAreSwitchedOnlyWhenTheyChange() throws {
            let client = try TestClient()
            try client.call(.cuCtxGetLimit, bytes(Int32(0), Int32(0)), context: 1)
            try client.call(.cuCtxGetLimit, bytes(Int32(0), Int32(0)), context: 1)
            try client.call(.cuCtxGetLimit, bytes(Int32(0), Int32(0)), context: 2)
            let calls = FakeDriver.shared.locked { FakeDriver.shared.calls }
            #expect(calls == ["retain 0", "current context", "retain 1", "current context"])
            let none = try client.call(.cuCtxGetLimit, bytes(Int32(0), Int32(0)), context: 3)
            #expect(none.status == Status.invalidContext)
            client.close()
        }

        @Test func whatArrivesIsAcknowledged() throws {
            let client = try TestClient()
            let body = bytes(UInt64(0))
            var sent: UInt64 = 0
            for _ in 0..<40_000 {
                try client.send(.cuStreamQuery, body)
                sent += 24
            }
            try client.call(.cuStreamQuery, body)
            // At the latest after 256 KiB, and never more than there was.
            #expect(client.acknowledged > sent - UInt64(WireFormat.acknowledgeAfter))
            #expect(client.acknowledged <= sent + 24)
            client.close()
        }
    }
}
