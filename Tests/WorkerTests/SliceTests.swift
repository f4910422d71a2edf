import Driver
import Testing
import Wire

extension WorkerTests {
    @Suite struct SliceTests {
        private func available(_ client: TestClient, context: UInt32 = 1) throws -> [UInt64] {
            let reply = try client.call(.cuMemGetInfo_v2, context: context)
            return [reply.load(8, as: UInt64.self), reply.load(16, as: UInt64.self)]
        }

        @Test func theSliceIsTheWholeGPU() throws {
            let client = try TestClient(slices: [10_240, 2048])
            #expect(try available(client) == [10_240, 10_240])
            let address = try client.allocate(1000)
            #expect(try available(client) == [10_240 - 1024, 10_240])
            #expect(try available(client, context: 2) == [2048, 2048])
            let tooMuch = try client.call(.cuMemAlloc_v2, bytes(UInt64(9300)))
            #expect(tooMuch.status == Status.outOfMemory)
            _ = try client.allocate(9216)
            #expect(try available(client) == [0, 10_240])
            let one = try client.call(.cuMemAlloc_v2, bytes(UInt64(1)))
            #expect(one.status == Status.outOfMemory)
            #expect(try client.call(.cuMemFree_v2, bytes(address)).status == 0)
            #expect(try available(client) == [1024, 10_240])
            _ = try client.allocate(1024)
            client.close()
        }

        @Test func noMoreIsFreeThanTheGPUHas() throws {
            let client = try TestClient(slices: [1 << 30])
            #expect(try available(client) == [UInt64(FakeDriver.gpuMemory / 2), 1 << 30])
            client.close()
        }

        @Test(arguments: [UInt64.max, 1 << 62, 1 << 47, 0])
        func senselessSizesNeverReachTheDriver(size: UInt64) throws {
            let client = try TestClient()
            let reply = try client.call(.cuMemAlloc_v2, bytes(size))
            #expect(reply.status == (size == 0 ? Status.invalidValue : Status.outOfMemory))
            let pitched = try client.call(
                .cuMemAllocPitch_v2,
                bytes(size, UInt64(1 << 40), UInt32(4), UInt32(0))
            )
            #expect(pitched.status != 0)
            let calls = FakeDriver.shared.locked { FakeDriver.shared.calls }
            #expect(!calls.contains { $0.hasPrefix("alloc") })
            client.close()
        }

        @Test func thePitchCounts() throws {
            let client = try TestClient(slices: [4096])
            let body = bytes(UInt64(1), UInt64(8), UInt32(4), UInt32(0))
            let reply = try client.call(.cuMemAllocPitch_v2, body)
            #expect(reply.status == 0)
            #expect(reply.load(16, as: UInt64.self) == 512)
            #expect(try available(client) == [0, 4096])
            #expect(try client.call(.cuMemAllocPitch_v2, body).status == Status.outOfMemory)
            #expect(
                try client.call(.cuMemFree_v2, bytes(reply.load(8, as: UInt64.self))).status == 0
            )
            let taller = bytes(UInt64(1), UInt64(9), UInt32(4), UInt32(0))
            #expect(try client.call(.cuMemAllocPitch_v2, taller).status == Status.outOfMemory)
            #expect(try available(client) == [4096, 4096])
            client.close()
        }

        @Test func memoryOfAContextIsBackWithTheContext() throws {
            let client = try TestClient(slices: [4096])
            let create = bytes(UInt32(65), UInt32(0), Int32(0), UInt32(0))
            #expect(try client.call(.cuCtxCreate_v2, create, context: 0).status == 0)
            let address = try client.allocate(4096, context: 65)
            #expect(try available(client, context: 65) == [0, 4096])
            let destroy = bytes(UInt32(65), UInt32(0))
            #expect(try client.call(.cuCtxDestroy_v2, destroy, context: 0).status == 0)
            #expect(try available(client) == [4096, 4096])
            #expect(try client.call(.cuMemFree_v2, bytes(address)).status == Status.invalidValue)
            let gone = try client.call(.cuMemGetInfo_v2, context: 65)
            #expect(gone.status == Status.invalidContext)
            client.close()
        }

        @Test func theHeapOfKernelsIsBoundedByTheSlice() throws {
            let client = try TestClient(slices: [4096])
            let large = bytes(Int32(2), Int32(0), UInt64(1 << 20))
            #expect(try client.call(.cuCtxSetLimit, large).status == Status.outOfMemory)
            let small = bytes(Int32(2), Int32(0), UInt64(4096))
            #expect(try client.call(.cuCtxSetLimit, small).status == 0)
            client.close()
        }

        @Test func onlyAddressesOfTheGPUReachTheDriver() throws {
            let client = try TestClient()
            let address = try client.allocate(256)
            var local: UInt64 = 42
            let host = withUnsafePointer(to: &local) { UInt64(UInt(bitPattern: $0)) }
            for wrong in [host, 0, 1, address - 1, address + 256, .max] {
                let set = bytes(wrong, UInt64(0), UInt64(8))
                #expect(try client.call(.cuMemsetD8_v2, set).status == Status.invalidValue)
                let copy = bytes(address, wrong, UInt64(8))
                #expect(try client.call(.cuMemcpyDtoD_v2, copy).status == Status.invalidValue)
                let upload = client.uploadBody(wrong, [1, 2, 3, 4, 5, 6, 7, 8])
                #expect(try client.call(.cuMemcpyHtoD_v2, upload).status == Status.invalidValue)
                let download = bytes(wrong, UInt64(8), UInt64(0))
                #expect(try client.call(.cuMemcpyDtoH_v2, download).status == Status.invalidValue)
                #expect(try client.call(.cuMemFree_v2, bytes(wrong)).status == Status.invalidValue)
            }
            #expect(local == 42)
            client.close()
        }
    }
}
