import CUDAABI
import Client
import Driver
import Foundation
import TestSupport
import Testing
import Wire

extension ClientTests {
    @Suite struct Copies {
        static let sizes = [
            1, 7, 8, 9, 4095, 16_368, 16_384, 16_385, 65_536, 131_072, (1 << 20) - 1, 1 << 20,
            (1 << 20) + 1, 5 << 20,
        ]

        private static func pattern(_ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ ($0 >> 8) &* 13 &+ $0 >> 16) }
        }

        @Test(arguments: sizes)
        func `there and back`(_ size: Int) async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let address = try allocate(size)
                var data = Self.pattern(size)
                #expect(ClientCalls.cuMemcpyHtoD_v2(address, data, size) == 0)
                let original = data
                data = Array(repeating: 0xEE, count: size)  // the source may change at once
                var found = [UInt8](repeating: 0, count: size + 8)
                #expect(ClientCalls.cuMemcpyDtoH_v2(&found, address, size) == 0)
                #expect(found == original + [UInt8](repeating: 0, count: 8))
                // The latter where other threads might have to wait.
                let kinds = [Opcode.cuMemcpyHtoD_v2, .cuMemcpyHtoDAsync_v2]
                let uploads = server.requests.filter { kinds.contains($0.opcode) }
                let pieces = (size + WireFormat.maxData - 1) / WireFormat.maxData
                #expect(uploads.count == pieces)
                let before = Session.traffic.roundTrips
                #expect(ClientCalls.cuMemcpyHtoDAsync_v2(address, original, size, nil) == 0)
                #expect(Session.traffic.roundTrips == before)
            }
        }

        /// In a program of several threads, a copy that would keep the worker waiting is waited for here.
        @Test func `a copy behind other work waits where nobody else does`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let address = try allocate(64)
                let data = Self.pattern(64)
                var context: CUcontext?
                #expect(ClientCalls.cuCtxGetCurrent(&context) == 0)
                nonisolated(unsafe) let shared = context
                inThreads(2) { _ in #expect(ClientCalls.cuCtxSetCurrent(shared) == 0) }
                func roundTrips(_ body: () -> Void) -> UInt64 {
                    let before = Session.traffic.roundTrips
                    body()
                    return Session.traffic.roundTrips - before
                }
                let copy = { #expect(ClientCalls.cuMemcpyHtoD_v2(address, data, 64) == 0) }
                // Nobody knows what the default stream does: there was a memset.
                #expect(ClientCalls.cuMemsetD8_v2(address, 0, 64) == 0)
                #expect(roundTrips(copy) == 1)
                #expect(server.requests.last?.opcode == .cuStreamSynchronize)
                // It was waited for, so the next one need not be.
                #expect(roundTrips(copy) == 0)
                #expect(ClientCalls.cuMemsetD8_v2(address, 0, 64) == 0)
                #expect(roundTrips(copy) == 1)
                // It has nothing left to do, and copies leave it that way.
                #expect(ClientCalls.cuCtxSynchronize() == 0)
                #expect(roundTrips { for _ in 0..<5 { copy() } } == 0)
                var found = [UInt8](repeating: 0, count: 64)
                #expect(ClientCalls.cuMemcpyDtoH_v2(&found, address, 64) == 0)
                #expect(found == data)
                #expect(roundTrips(copy) == 0)
                #expect(ClientCalls.cuMemsetD8_v2(address, 0, 64) == 0)
                #expect(roundTrips(copy) == 1)
            }
        }

        /// Memory of the GPU, what it holds, and as much page-locked memory.
        private func filled(_ size: Int) throws -> (UInt64, [UInt8], UnsafeMutableRawPointer) {
            let address = try allocate(size)
            let data = Self.pattern(size)
            #expect(ClientCalls.cuMemcpyHtoD_v2(address, data, size) == 0)
            var memory: UnsafeMutableRawPointer?
            #expect(ClientCalls.cuMemHostAlloc(&memory, size, 0) == 0)
            return (address, data, try #require(memory))
        }

        @Test func `an asynchronous copy to page-locked memory is there after synchronising`()
            async throws
        {
            let server = try FakeServer()
            try await withSession(server) {
                let size = 3_000_000
                let (address, data, target) = try filled(size)
                let before = Session.traffic.roundTrips
                #expect(ClientCalls.cuMemcpyDtoHAsync_v2(target, address, size, nil) == 0)
                #expect(Session.traffic.roundTrips == before)
                #expect(ClientCalls.cuStreamSynchronize(nil) == 0)
                let found = UnsafeRawBufferPointer(start: target, count: size)
                #expect(found.elementsEqual(data))
                #expect(ClientCalls.cuMemFreeHost(target) == 0)
                #expect(ClientCalls.cuMemFreeHost(target) == 1)
            }
        }

        @Test func `its bytes come while nobody asks for them`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let size = 1 << 20
                let (address, data, target) = try filled(size)
                memset(target, 0, size)
                #expect(ClientCalls.cuMemcpyDtoHAsync_v2(target, address, size, nil) == 0)
                let end = Date(timeIntervalSinceNow: 10)
                let found = UnsafeRawBufferPointer(start: target, count: size)
                while !found.elementsEqual(data), Date() < end { usleep(1000) }
                #expect(found.elementsEqual(data))
                #expect(ClientCalls.cuMemFreeHost(target) == 0)
            }
        }

        @Test func `a stream asks before it has too much under way`() async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .stagingRoom else {
                    return request.opcode == .cuMemcpyHtoDAsync_v2
                }
                var values = Bytes()
                values.add(UInt64(0))
                values.add(UInt64(Staging.shared / 2))
                server.reply(to: request, values: values.bytes)
                return true
            }
            try await withSession(server) {
                let size = WireFormat.maxData
                let address = try allocate(size)
                let data = Self.pattern(size)
                let most = Staging.shared / size
                let before = Session.traffic.roundTrips
                for _ in 0..<most {
                    #expect(ClientCalls.cuMemcpyHtoDAsync_v2(address, data, size, nil) == 0)
                }
                #expect(Session.traffic.roundTrips == before)
                for _ in 0..<most / 2 {
                    #expect(ClientCalls.cuMemcpyHtoDAsync_v2(address, data, size, nil) == 0)
                }
                #expect(Session.traffic.roundTrips == before + 1)
                #expect(ClientCalls.cuMemcpyHtoDAsync_v2(address, data, size, nil) == 0)
                #expect(Session.traffic.roundTrips == before + 2)
            }
        }

        @Test func `an impossible account ends the session`() async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .stagingRoom else {
                    return request.opcode == .cuMemcpyHtoDAsync_v2
                }
                server.reply(to: request, values: [UInt8](repeating: 0xFF, count: 16))
                return true
            }
            try await withSession(server) {
                let size = WireFormat.maxData
                let address = try allocate(size)
                let data = Self.pattern(size)
                var status = Status.success
                for _ in 0...Staging.shared / size where status == Status.success {
                    status = ClientCalls.cuMemcpyHtoDAsync_v2(address, data, size, nil)
                }
                #expect(ClientCalls.cuStreamSynchronize(nil) == Status.deviceUnavailable)
            }
        }

        @Test func `registered memory counts, other memory is waited for`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let address = try allocate(4096)
                let data = Self.pattern(4096)
                #expect(ClientCalls.cuMemcpyHtoD_v2(address, data, 4096) == 0)
                let target = UnsafeMutableRawPointer.allocate(byteCount: 8192, alignment: 4096)
                defer { target.deallocate() }
                #expect(ClientCalls.cuMemcpyDtoHAsync_v2(target, address, 4096, nil) == 0)
                #expect(UnsafeRawBufferPointer(start: target, count: 4096).elementsEqual(data))
                #expect(server.requests.last?.wantsReply == true)
                #expect(ClientCalls.cuMemHostRegister_v2(target, 4096, 0) == 0)
                #expect(ClientCalls.cuMemHostRegister_v2(target, 4096, 0) == 712)
                #expect(ClientCalls.cuMemcpyDtoHAsync_v2(target, address, 4096, nil) == 0)
                #expect(server.waitFor(.cuMemcpyDtoHAsync_v2, count: 2))
                #expect(server.requests.last?.wantsReply == false)
                // Half of it is not registered.
                let middle = target + 2048
                #expect(ClientCalls.cuMemcpyDtoHAsync_v2(middle, address, 4096, nil) == 0)
                #expect(server.requests.last?.wantsReply == true)
                #expect(ClientCalls.cuMemHostUnregister(target) == 0)
                #expect(ClientCalls.cuMemHostUnregister(target) == 713)
            }
        }

        @Test func `ranges are checked before anything is sent`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let address = try allocate(1000)
                let before = server.requests.count
                var bytes = [UInt8](repeating: 0, count: 2000)
                #expect(ClientCalls.cuMemcpyHtoD_v2(address, bytes, 1001) == 1)
                #expect(ClientCalls.cuMemcpyHtoD_v2(address + 999, bytes, 2) == 1)
                #expect(ClientCalls.cuMemcpyHtoD_v2(address - 1, bytes, 1) == 1)
                #expect(ClientCalls.cuMemcpyHtoD_v2(0, bytes, 1) == 1)
                #expect(ClientCalls.cuMemcpyHtoD_v2(address, nil, 1) == 1)
                #expect(ClientCalls.cuMemcpyHtoD_v2(address, bytes, -1) == 1)
                #expect(ClientCalls.cuMemcpyDtoH_v2(&bytes, address, 1001) == 1)
                #expect(ClientCalls.cuMemcpyDtoH_v2(nil, address, 1) == 1)
                #expect(ClientCalls.cuMemcpyDtoD_v2(address, address + 500, 501) == 1)
                #expect(ClientCalls.cuMemsetD32_v2(address, 1, 251) == 1)
                #expect(ClientCalls.cuMemsetD32_v2(address + 2, 1, 1) == 1)
                #expect(ClientCalls.cuMemsetD2D8_v2(address, 100, 1, 101, 2) == 1)
                #expect(ClientCalls.cuMemsetD2D8_v2(address, 100, 1, 100, 11) == 1)
                #expect(ClientCalls.cuMemsetD2D8_v2(address, .max, 1, 100, .max) == 1)
                #expect(ClientCalls.cuMemcpyHtoD_v2(address, nil, 0) == 0)
                #expect(server.requests.count == before)
                #expect(ClientCalls.cuMemcpyHtoD_v2(address + 1, bytes, 999) == 0)
                #expect(ClientCalls.cuMemsetD2D8_v2(address, 100, 1, 100, 10) == 0)
            }
        }

        @Test func `rectangles`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let address = try allocate(64 * 20)
                let data = Self.pattern(50 * 20)
                var found = [UInt8](repeating: 0, count: 50 * 20)
                data.withUnsafeBytes { source in
                    var copy = CUDA_MEMCPY2D()
                    copy.srcMemoryType = 1
                    copy.srcHost = source.baseAddress
                    copy.srcPitch = 50
                    copy.dstMemoryType = 2
                    copy.dstDevice = address
                    copy.dstPitch = 64
                    copy.WidthInBytes = 50
                    copy.Height = 20
                    #expect(ClientCalls.cuMemcpy2D_v2(&copy) == 0)
                    copy.Height = .max
                    #expect(ClientCalls.cuMemcpy2D_v2(&copy) == 1)
                    copy.Height = 1 << 40
                    copy.WidthInBytes = 1 << 40
                    copy.srcPitch = 1 << 40
                    copy.dstPitch = 1 << 40
                    #expect(ClientCalls.cuMemcpy2D_v2(&copy) == 1)
                }
                found.withUnsafeMutableBytes { target in
                    var copy = CUDA_MEMCPY2D()
                    copy.srcMemoryType = 2
                    copy.srcDevice = address
                    copy.srcPitch = 64
                    copy.dstMemoryType = 1
                    copy.dstHost = target.baseAddress
                    copy.dstPitch = 50
                    copy.WidthInBytes = 50
                    copy.Height = 21
                    let before = Session.traffic.roundTrips
                    #expect(ClientCalls.cuMemcpy2D_v2(&copy) == 1)
                    copy.Height = 20
                    #expect(Session.traffic.roundTrips == before)
                    #expect(ClientCalls.cuMemcpy2D_v2(&copy) == 0)
                    // One for all rows.
                    #expect(Session.traffic.roundTrips == before + 1)
                }
                #expect(found == data)
                found = [UInt8](repeating: 0, count: 50 * 20)
                found.withUnsafeMutableBytes { target in
                    var copy = CUDA_MEMCPY2D()
                    copy.srcMemoryType = 4
                    copy.srcDevice = address
                    copy.srcPitch = 64
                    copy.dstMemoryType = 4
                    copy.dstDevice = UInt64(UInt(bitPattern: target.baseAddress))
                    copy.dstPitch = 50
                    copy.WidthInBytes = 50
                    copy.Height = 20
                    #expect(ClientCalls.cuMemcpy2DAsync_v2(&copy, nil) == 0)
                }
                #expect(found == data)
            }
        }

        @Test func `the failure of a copy is the call's`() async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .cuMemcpyDtoH_v2 else { return false }
                server.hostData(request.sequence, offset: 0, [1, 2, 3], isLast: false)
                server.hostData(request.sequence, offset: 3, [], status: 700, isLast: true)
                server.reply(to: request)
                return true
            }
            try await withSession(server) {
                let address = try allocate(64)
                var found = [UInt8](repeating: 0, count: 64)
                #expect(ClientCalls.cuMemcpyDtoH_v2(&found, address, 64) == 700)
            }
        }
    }

    @Suite struct Memory {
        @Test func `allocating and freeing`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                var address: CUdeviceptr = 0
                #expect(ClientCalls.cuMemAlloc_v2(&address, 0) == 1)
                #expect(ClientCalls.cuMemAlloc_v2(nil, 8) == 1)
                #expect(ClientCalls.cuMemAlloc_v2(&address, -1) == 2)
                address = try allocate(100)
                var base: CUdeviceptr = 0
                var size = 0
                #expect(ClientCalls.cuMemGetAddressRange_v2(&base, &size, address + 99) == 0)
                #expect(base == address)
                #expect(size == 100)
                #expect(ClientCalls.cuMemGetAddressRange_v2(&base, &size, address + 100) == 500)
                #expect(ClientCalls.cuMemFree_v2(address + 1) == 1)
                #expect(ClientCalls.cuMemFree_v2(0) == 0)
                #expect(ClientCalls.cuMemFree_v2(address) == 0)
                #expect(ClientCalls.cuMemFree_v2(address) == 1)
            }
        }

        @Test func `the server has no more`() async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .cuMemAlloc_v2 else { return false }
                server.reply(to: request, status: 2)
                return true
            }
            try await withSession(server) {
                var address: CUdeviceptr = 77
                #expect(ClientCalls.cuMemAlloc_v2(&address, 1 << 40) == 2)
                #expect(address == 77)
            }
        }
    }
}
