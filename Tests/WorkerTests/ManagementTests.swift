import Driver
import Foundation
import Testing
import Wire
import Worker

extension WorkerTests {
    /// What the client's management library asks. Beside the fake driver there is none of the server's.
    @Suite struct ManagementTests {
        /// Total, reserved, free and used.
        private func memory(_ client: TestClient, _ device: UInt32 = 0) throws -> [UInt64] {
            let reply = try client.call(.management, bytes(device, UInt32(0)), context: 0)
            #expect(reply.status == 0)
            #expect(reply.body.count == ManagementLayout.replySize)
            return [
                ManagementLayout.total, ManagementLayout.reserved, ManagementLayout.free,
                ManagementLayout.used,
            ].map { reply.load($0, as: UInt64.self) }
        }

        @Test func theSliceIsTheWhole() throws {
            let client = try TestClient(slices: [10_240, 2048])
            #expect(try memory(client) == [10_240, 0, 10_240, 0])
            #expect(try memory(client, 1) == [2048, 0, 2048, 0])
            _ = try client.allocate(1000)
            #expect(try memory(client) == [10_240, 0, 9216, 1024])
            client.close()
        }

        @Test func noContextIsMade() throws {
            let client = try TestClient()
            _ = try memory(client)
            let calls = FakeDriver.shared.locked { FakeDriver.shared.calls }
            #expect(!calls.contains { $0.hasPrefix("retain") }, "\(calls)")
            client.close()
        }

        @Test func earlierErrorsWaitForACallOfCUDA() throws {
            let client = try TestClient()
            FakeDriver.shared.locked { FakeDriver.shared.failing = ["cuEventCreate": 2] }
            try client.send(.cuEventCreate, bytes(TestHandle.event(1), UInt32(0)))
            let reply = try client.call(.management, bytes(UInt32(0), UInt32(0)), context: 0)
            #expect(reply.status == 0)
            #expect(reply.deferredStatus == 0)
            #expect(try client.call(.cuStreamQuery, bytes(UInt64(0))).deferredStatus == 2)
            client.close()
        }

        @Test(arguments: [2, 64, UInt32(Int32.max), .max])
        func devicesThatAreNotThere(device: UInt32) throws {
            let client = try TestClient()
            let reply = try client.call(.management, bytes(device, UInt32(0)), context: 0)
            #expect(reply.status == Status.invalidDevice)
            client.close()
        }

        @Test(arguments: [0, 16])
        func anotherSizeEndsTheSession(size: Int) throws {
            let client = try TestClient()
            try client.ask(.management, [UInt8](repeating: 0, count: size), context: 0)
            #expect(try client.first { $0.opcode == .failure }.text.contains("management"))
            client.close()
        }

        private typealias Memory = ManagementLibrary.Memory
        private static let gib: UInt64 = 1 << 30

        @Test func aWholeGPUIsShownAsItIs() {
            let gpu = Memory(total: 80 * Self.gib, reserved: Self.gib, free: 70 * Self.gib)
            let all = 79 * Self.gib
            #expect(Management.share(gpu, whole: all, slice: all, available: all) == gpu)
        }

        @Test func ofASliceNoMoreIsFreeThanTheGPUHas() {
            let gpu = Memory(total: 80 * Self.gib, reserved: Self.gib, free: 10 * Self.gib)
            let slice = 20 * Self.gib
            let whole = 79 * Self.gib
            let seen = Management.share(gpu, whole: whole, slice: slice, available: slice)
            #expect(seen == Memory(total: slice, reserved: 0, free: 10 * Self.gib))
            let less = Management.share(gpu, whole: whole, slice: slice, available: Self.gib)
            #expect(less == Memory(total: slice, reserved: 0, free: Self.gib))
        }

        @Test func aLibraryThatSeesNothingIsCorrected() {
            let gpu = Memory(total: 4 * Self.gib, reserved: 0, free: 4 * Self.gib)
            let seen = Management.share(
                gpu,
                whole: 4 * Self.gib,
                slice: 4 * Self.gib,
                available: 3 * Self.gib
            )
            #expect(seen.free == 3 * Self.gib)
        }

        @Test func aPartOfAGPUIsNotThatGPU() {
            let gpu = Memory(total: 80 * Self.gib, reserved: Self.gib, free: 70 * Self.gib)
            let part = 10 * Self.gib
            let seen = Management.share(gpu, whole: part, slice: part, available: part)
            #expect(seen == Memory(total: part, reserved: 0, free: part))
        }

        @Test func nonsenseDoesNotOverflow() {
            let gpu = Memory(total: 1, reserved: .max, free: .max)
            let seen = Management.share(gpu, whole: 1, slice: 1, available: .max)
            #expect(seen == Memory(total: 1, reserved: 1, free: 0))
        }
    }
}
