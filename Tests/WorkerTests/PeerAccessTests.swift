import Driver
import Testing
import Wire

extension WorkerTests {
    /// GPUs that use each other's memory.
    @Suite struct PeerAccessTests {
        private func ask(
            _ client: TestClient,
            _ opcode: Opcode,
            _ question: Int32,
            _ first: Int32,
            _ second: Int32
        ) throws -> (status: Int32, answer: UInt64?) {
            let body = bytes(question, first, second, UInt32(0))
            let reply = try client.call(opcode, body, context: 0)
            let status = Int32(reply.status)
            return (status, status == 0 ? reply.load(8, as: UInt64.self) : nil)
        }

        @Test func theDriverSaysWhichDevicesReachEachOther() throws {
            let client = try TestClient(slices: [4096, 4096])
            #expect(try ask(client, .cuDeviceCanAccessPeer, 0, 0, 1) == (0, 1))
            #expect(try ask(client, .cuDeviceCanAccessPeer, 0, 1, 1) == (0, 0))
            #expect(try ask(client, .cuDeviceGetP2PAttribute, 7, 1, 0) == (0, 710))
            client.close()
        }

        @Test(arguments: [-1, 2, .max] as [Int32])
        func devicesThatTheClientHasNot(_ device: Int32) throws {
            let client = try TestClient(slices: [4096, 4096])
            let invalid = Status.invalidDevice
            for opcode in [Opcode.cuDeviceCanAccessPeer, .cuDeviceGetP2PAttribute] {
                #expect(try ask(client, opcode, 0, device, 0).status == invalid)
                #expect(try ask(client, opcode, 0, 0, device).status == invalid)
            }
            let asked = FakeDriver.shared.locked { FakeDriver.shared.calls }
            #expect(!asked.contains { $0.hasPrefix("peer") }, "\(asked)")
            client.close()
        }

        @Test func aContextThatHadNoWorkYetIsMade() throws {
            let client = try TestClient(slices: [4096, 4096])
            let enable = bytes(UInt32(2), UInt32(0))
            #expect(try client.call(.cuCtxEnablePeerAccess, enable, context: 1).status == 0)
            #expect(try client.call(.cuCtxDisablePeerAccess, enable, context: 1).status == 0)
            let calls = FakeDriver.shared.locked { FakeDriver.shared.calls }
            #expect(calls.filter { $0.hasPrefix("retain") }.count == 2, "\(calls)")
            #expect(calls.suffix(2) == ["peer of device 1 on", "peer of device 1 off"])
            client.close()
        }

        @Test(arguments: [0, 65, 4000, .max] as [UInt32])
        func contextsThatAreNone(_ context: UInt32) throws {
            let client = try TestClient(slices: [4096, 4096])
            for opcode in [Opcode.cuCtxEnablePeerAccess, .cuCtxDisablePeerAccess] {
                let reply = try client.call(opcode, bytes(context, UInt32(0)), context: 1)
                #expect(reply.status == Status.invalidContext)
            }
            client.close()
        }
    }
}
