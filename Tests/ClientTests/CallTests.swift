import CUDAABI
import Client
import Foundation
import TestSupport
import Testing
import Wire

extension ClientTests {
    @Suite struct Stream {
        @Test func `calls without a reply wait for each other and leave together`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let address = try allocate(4096)
                let before = Session.traffic
                for _ in 0..<100 {
                    #expect(ClientCalls.cuMemsetD8_v2(address, 7, 4096) == 0)
                }
                #expect(Session.traffic.roundTrips == before.roundTrips)
                #expect(ClientCalls.cuCtxSynchronize() == 0)
                #expect(Session.traffic.roundTrips == before.roundTrips + 1)
                let sets = server.requests.filter { $0.opcode == .cuMemsetD8_v2 }
                #expect(sets.count == 100)
                #expect(server.opcodes.last == .cuCtxSynchronize)
                #expect(sets.allSatisfy { !$0.wantsReply && $0.context == 1 })
                #expect(server.requests.map(\.sequence) == Array(1...UInt32(server.requests.count)))
            }
        }

        @Test func `they leave by themselves when the program is quiet`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let address = try allocate(64)
                for round in 1...5 {
                    #expect(ClientCalls.cuMemsetD8_v2(address, 1, 64) == 0)
                    #expect(server.waitFor(.cuMemsetD8_v2, count: round, seconds: 5))
                }
            }
        }

        @Test func `an event that is complete is not asked for again`() async throws {
            let polls = Held()
            let server = try FakeServer { server, request in
                guard request.opcode == .cuEventQuery else { return false }
                // Not ready the first time, then ready.
                let isFirst = polls.keep(request, until: 2).isEmpty
                server.reply(to: request, status: isFirst ? 600 : 0)
                return true
            }
            try await withSession(server) {
                var event: CUevent?
                #expect(ClientCalls.cuEventCreate(&event, 0) == 0)
                let before = Session.traffic.roundTrips
                // One that was never recorded counts as complete.
                #expect(ClientCalls.cuEventQuery(event) == 0)
                #expect(Session.traffic.roundTrips == before)
                #expect(ClientCalls.cuEventRecord(event, nil) == 0)
                #expect(ClientCalls.cuEventQuery(event) == 600)
                #expect(ClientCalls.cuEventQuery(event) == 0)
                #expect(Session.traffic.roundTrips == before + 2)
                for _ in 0..<1000 { #expect(ClientCalls.cuEventQuery(event) == 0) }
                #expect(ClientCalls.cuEventSynchronize(event) == 0)
                #expect(Session.traffic.roundTrips == before + 2)
                #expect(ClientCalls.cuEventRecord(event, nil) == 0)
                #expect(ClientCalls.cuEventSynchronize(event) == 0)
                #expect(Session.traffic.roundTrips == before + 3)
            }
        }

        @Test func `a long burst leaves before it is quiet`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let address = try allocate(64)
                for _ in 0..<60_000 { _ = ClientCalls.cuMemsetD8_v2(address, 1, 64) }
                // Everything but what may be under way.
                #expect(Session.traffic.bytesSent > 60_000 * 40 - WireFormat.window)
                #expect(ClientCalls.cuCtxSynchronize() == 0)
                #expect(server.requests.count == 60_002)
            }
        }

        @Test func `threads share one ordered stream`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let address = try allocate(64)
                inThreads(8) { index in
                    for _ in 0..<500 { _ = ClientCalls.cuMemsetD8_v2(address, UInt8(index), 64) }
                    #expect(ClientCalls.cuCtxSynchronize() == 0)
                }
                let requests = server.requests
                #expect(requests.map(\.sequence) == Array(1...UInt32(requests.count)))
                #expect(requests.count(where: { $0.opcode == .cuMemsetD8_v2 }) == 4000)
            }
        }
    }

    @Suite struct Errors {
        @Test func `the error of a call without a reply comes back once`() async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .cuCtxSynchronize else { return false }
                let isFirst = server.opcodes.count(where: { $0 == .cuCtxSynchronize }) == 1
                server.reply(to: request, deferred: isFirst ? (400, .cuEventRecord) : nil)
                return true
            }
            try await withSession(server) {
                #expect(ClientCalls.cuCtxSynchronize() == 400)
                #expect(ClientCalls.cuCtxSynchronize() == 0)
                let address = try allocate(8)
                #expect(address != 0)
            }
        }

        @Test func `a sticky error stays until the context is reset`() async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .cuStreamSynchronize else { return false }
                server.reply(to: request, deferred: (700, .cuLaunchKernel))
                return true
            }
            try await withSession(server) {
                let address = try allocate(64)
                #expect(ClientCalls.cuStreamSynchronize(nil) == 700)
                let before = server.requests.count
                var free = 0
                var total = 0
                #expect(ClientCalls.cuMemGetInfo_v2(&free, &total) == 700)
                #expect(ClientCalls.cuMemsetD8_v2(address, 1, 64) == 700)
                #expect(ClientCalls.cuCtxSynchronize() == 700)
                #expect(server.requests.count == before, "it was asked all the same")
                #expect(ClientCalls.cuDevicePrimaryCtxReset_v2(0) == 0)
                // It is gone until somebody retains it, though nobody has released it.
                #expect(ClientCalls.cuMemGetInfo_v2(&free, &total) == 709)
                var again: CUcontext?
                #expect(ClientCalls.cuDevicePrimaryCtxRetain(&again, 0) == 0)
                #expect(ClientCalls.cuDevicePrimaryCtxRelease_v2(0) == 0)
                #expect(ClientCalls.cuMemGetInfo_v2(&free, &total) == 0)
                #expect(free == 1 << 30)
                #expect(total == 4 << 30)
                #expect(ClientCalls.cuMemsetD8_v2(address, 1, 64) == 1, "its memory is gone")
            }
        }

        @Test func `a sticky error is the context's own`() async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .cuCtxSynchronize, request.context == 1 else {
                    return false
                }
                server.reply(to: request, status: 719)
                return true
            }
            try await withSession(server) {
                #expect(ClientCalls.cuCtxSynchronize() == 719)
                var other: CUcontext?
                #expect(ClientCalls.cuDevicePrimaryCtxRetain(&other, 1) == 0)
                #expect(ClientCalls.cuCtxPushCurrent_v2(other) == 0)
                #expect(ClientCalls.cuCtxSynchronize() == 0)
                #expect(server.requests.last?.context == 2)
                #expect(ClientCalls.cuCtxPopCurrent_v2(&other) == 0)
                #expect(ClientCalls.cuCtxSynchronize() == 719)
            }
        }

        @Test func `without a context`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                #expect(ClientCalls.cuCtxSetCurrent(nil) == 0)
                #expect(ClientCalls.cuCtxSynchronize() == 201)
                var address: CUdeviceptr = 0
                #expect(ClientCalls.cuMemAlloc_v2(&address, 8) == 201)
                #expect(ClientCalls.cuCtxSetCurrent(OpaquePointer(bitPattern: 0x1234)) == 201)
                #expect(ClientCalls.cuCtxPopCurrent_v2(nil) == 201)
                #expect(server.requests.isEmpty)
            }
        }

        @Test func `a destroyed context`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                var context: CUcontext?
                #expect(ClientCalls.cuCtxCreate_v2(&context, 0, 1) == 0)
                let created = try #require(server.requests.last)
                #expect(created.load(0, as: UInt32.self) > 64)
                #expect(created.load(8, as: Int32.self) == 1)
                let address = try allocate(64)
                #expect(server.requests.last?.context == created.load(0, as: UInt32.self))
                #expect(ClientCalls.cuCtxDestroy_v2(context) == 0)
                #expect(ClientCalls.cuCtxDestroy_v2(context) == 201)
                #expect(ClientCalls.cuCtxSetCurrent(context) == 201)
                #expect(ClientCalls.cuMemFree_v2(address) == 1)
                var current: CUcontext?
                #expect(ClientCalls.cuCtxGetCurrent(&current) == 0)
                #expect(current != nil, "the primary context is back")
                #expect(current != context)
            }
        }
    }

    @Suite struct Objects {
        @Test func `handles of destroyed and foreign objects`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                var stream: CUstream?
                var event: CUevent?
                #expect(ClientCalls.cuStreamCreate(&stream, 0) == 0)
                #expect(ClientCalls.cuEventCreate(&event, 0) == 0)
                #expect(ClientCalls.cuEventRecord(event, stream) == 0)
                #expect(ClientCalls.cuEventRecord(stream, event) == 400)
                #expect(ClientCalls.cuEventRecord(nil, stream) == 400)
                #expect(ClientCalls.cuStreamSynchronize(OpaquePointer(bitPattern: 0x7000)) == 400)
                #expect(ClientCalls.cuStreamDestroy_v2(stream) == 0)
                #expect(ClientCalls.cuStreamDestroy_v2(stream) == 400)
                #expect(ClientCalls.cuEventRecord(event, stream) == 400)
                var again: CUstream?
                #expect(ClientCalls.cuStreamCreate(&again, 0) == 0)
                #expect(again != stream)
                #expect(ClientCalls.cuStreamSynchronize(stream) == 400)
                #expect(ClientCalls.cuStreamSynchronize(again) == 0)
                #expect(ClientCalls.cuEventDestroy_v2(event) == 0)
                #expect(ClientCalls.cuEventQuery(event) == 400)
            }
        }

        @Test func `creating and destroying waits for nothing`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                for _ in 0..<100 {
                    var stream: CUstream?
                    var event: CUevent?
                    #expect(ClientCalls.cuStreamCreateWithPriority(&stream, 1, -2) == 0)
                    #expect(ClientCalls.cuEventCreate(&event, 2) == 0)
                    #expect(ClientCalls.cuStreamWaitEvent(stream, event, 0) == 0)
                    #expect(ClientCalls.cuEventDestroy_v2(event) == 0)
                    #expect(ClientCalls.cuStreamDestroy_v2(stream) == 0)
                }
                #expect(Session.traffic.roundTrips == 0)
            }
        }

        @Test func `each thread has a default stream of its own`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let address = try allocate(64)
                inThreads(4) { _ in
                    let own = ClientCalls.perThread(nil)
                    #expect(ClientCalls.cuMemsetD8Async(address, 1, 64, own) == 0)
                    #expect(ClientCalls.cuMemsetD8Async(address, 2, 64, own) == 0)
                    #expect(ClientCalls.cuStreamSynchronize(own) == 0)
                }
                let created = server.requests.filter { $0.opcode == .cuStreamCreateWithPriority }
                let made = Set(created.map { $0.load(0, as: UInt64.self) })
                #expect(made.count == 4)
                let used = server.requests.filter { $0.opcode == .cuMemsetD8Async }
                    .map { $0.load(24, as: UInt64.self) }
                #expect(used.count == 8)
                #expect(Set(used) == made)
                #expect(ClientCalls.cuMemsetD8Async(address, 1, 64, nil) == 0)
                #expect(ClientCalls.cuCtxSynchronize() == 0)
                let legacy = server.requests.last { $0.opcode == .cuMemsetD8Async }
                #expect(legacy?.load(24, as: UInt64.self) == 0)
            }
        }
    }
}
