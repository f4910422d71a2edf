import CLinux
import CUDAABI
import Client
import Foundation
import TestSupport
import Testing
import Wire

extension ClientTests {
    /// What must never happen: a hang, a crash, a wrong result that looks right.
    @Suite struct Trouble {
        @Test func `threads wait at once and replies come in another order`() async throws {
            let held = Held()
            let server = try FakeServer { server, request in
                guard request.opcode == .cuMemRetainAllocationHandle else { return false }
                // Seven wait; then all are answered, the last first, each with its own value.
                for request in held.keep(request, until: 7).reversed() {
                    var values = Bytes()
                    values.add(request.load(0, as: UInt64.self) * 1000)
                    server.reply(to: request, values: values.bytes)
                }
                return true
            }
            try await withSession(server) {
                for _ in 0..<50 {
                    inThreads(7) { index in
                        var value: UInt64 = 0
                        let address = UnsafeMutableRawPointer(bitPattern: index)
                        #expect(ClientCalls.cuMemRetainAllocationHandle(&value, address) == 0)
                        #expect(value == UInt64(index) * 1000)
                    }
                }
            }
        }

        @Test(arguments: 0..<20)
        func `the connection is lost while threads wait`(_ round: Int) async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .cuCtxSynchronize else { return false }
                if server.opcodes.count(where: { $0 == .cuCtxSynchronize }) == 4 { server.hangUp() }
                return true
            }
            try await withSession(server) {
                // Some are already waiting, others come while it happens.
                inThreads(12) { index in
                    if index > 3 { usleep(UInt32(index * 50 * round)) }
                    #expect(ClientCalls.cuCtxSynchronize() == 46)
                }
                var count: Int32 = 0
                #expect(ClientCalls.cuDeviceGetCount(&count) == 0)
                #expect(ClientCalls.cuInit(0) == 46)
                var address: CUdeviceptr = 0
                #expect(ClientCalls.cuMemAlloc_v2(&address, 8) == 46)
            }
        }

        @Test func `nobody runs further ahead than the server allows`() async throws {
            let server = try FakeServer()
            server.acknowledges = false
            let isOver = Gate()
            try await withSession(server) {
                var event: CUevent?
                #expect(ClientCalls.cuEventCreate(&event, 0) == 0)
                let kept = event
                let records = 100_000
                Thread.detachNewThread {
                    usleep(300_000)
                    // What fits the window has come, and not a record more.
                    let size = server.requests.count * 32
                    #expect(size <= WireFormat.window && size > WireFormat.window - 4096)
                    server.acknowledges = true
                    server.sendAcknowledgement(UInt64(size / 2))
                    isOver.open()
                }
                for _ in 0..<records {
                    #expect(ClientCalls.cuEventRecord(kept, nil) == 0)
                }
                #expect(ClientCalls.cuCtxSynchronize() == 0)
                #expect(server.requests.count(where: { $0.opcode == .cuEventRecord }) == records)
            }
            #expect(isOver.wait())
        }

        @Test func `a server that acknowledges what was never sent`() async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .cuCtxSynchronize else { return false }
                server.sendAcknowledgement(1 << 40)
                return true
            }
            try await withSession(server) { #expect(ClientCalls.cuCtxSynchronize() == 46) }
        }

        /// What a server may not send in answer to `cuMemAlloc_v2` or `cuMemcpyDtoH_v2`.
        static let violations: [@Sendable (FakeServer, Request) -> Void] = [
            { server, _ in server.sendRaw([UInt8](repeating: 0xFF, count: 64)) },
            { server, _ in server.sendRaw([UInt8](repeating: 0, count: 64)) },
            { server, request in server.send(.cuMemAlloc_v2, request.sequence, []) },
            { server, request in server.send(.snapshot, request.sequence, Snapshot().body) },
            { server, request in server.send(.reply, request.sequence, []) },
            { server, request in server.reply(to: request) },  // no value, no data
            { server, request in
                server.send(.reply, request.sequence + 1, [UInt8](repeating: 0, count: 16))
            },
            { server, request in server.send(.reply, 0, [UInt8](repeating: 0, count: 16)) },
            { server, request in
                server.send(.hostData, request.sequence, [UInt8](repeating: 0xFF, count: 16))
            },
            { server, request in
                server.hostData(request.sequence, offset: .max, [1], isLast: false)
            },
            { server, request in
                server.hostData(request.sequence, offset: 64, [1], isLast: false)
            },
            { server, request in
                server.hostData(request.sequence + 9, offset: 0, [1], isLast: true)
            },
            { server, request in
                server.hostData(request.sequence, offset: 0, [1, 2, 3], isLast: true)
                server.reply(to: request)
            },
            { server, request in server.send(.output, 0, [1, 0, 0, 0, 255, 255, 255, 255]) },
            { server, request in server.send(.failure, 0, [0, 0, 0, 0, 255, 255, 255, 255]) },
            { server, _ in server.hangUp() },
        ]

        @Test(arguments: 0..<violations.count)
        func `a server that breaks the protocol`(_ index: Int) async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .cuMemcpyDtoH_v2 else { return false }
                Self.violations[index](server, request)
                return true
            }
            try await withSession(server) {
                let address = try allocate(64)
                var target = [UInt8](repeating: 0x77, count: 192)
                let status = target.withUnsafeMutableBytes { bytes in
                    ClientCalls.cuMemcpyDtoH_v2(bytes.baseAddress.map { $0 + 64 }, address, 64)
                }
                #expect(status == 46)
                #expect(target[..<64].allSatisfy { $0 == 0x77 })
                #expect(target[128...].allSatisfy { $0 == 0x77 })
                #expect(ClientCalls.cuCtxSynchronize() == 46)
            }
        }

        @Test func `a reply without the value that it promises`() async throws {
            for opcode in [Opcode.cuMemAlloc_v2, .cuMemGetInfo_v2] {
                let server = try FakeServer { server, request in
                    guard request.opcode == opcode else { return false }
                    server.reply(to: request)
                    return true
                }
                try await withSession(server) {
                    var address: CUdeviceptr = 5
                    var size = 6
                    var total = 6
                    let status =
                        opcode == .cuMemAlloc_v2
                        ? ClientCalls.cuMemAlloc_v2(&address, 64)
                        : ClientCalls.cuMemGetInfo_v2(&size, &total)
                    #expect(status == 46)
                    #expect(address == 5)
                    #expect(size == 6)
                }
            }
        }

        @Test func `the worker says why it ends`() async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .cuCtxSynchronize else { return false }
                var body = Bytes()
                body.add(Int32(999))
                body.add(UInt32(4))
                body.bytes += Array("why!".utf8)
                server.send(.failure, 0, body.padded)
                return true
            }
            try await withSession(server) {
                #expect(ClientCalls.cuCtxSynchronize() == 999)
                #expect(ClientCalls.cuCtxSynchronize() == 999)
            }
        }

        /// Both sides send more than the system buffers, and neither may wait for the other.
        @Test func `the server sends while the client does`() async throws {
            let size = 24 << 20
            let server = try FakeServer { server, request in
                guard request.opcode == .cuMemsetD8_v2 else { return false }
                // The copy that was asked for before: all of it, while the client sends on.
                guard let copy = server.requests.last(where: { $0.opcode == .cuMemcpyDtoHAsync_v2 })
                else { return true }
                let piece = [UInt8](repeating: 0xAB, count: 1 << 20)
                for index in 0..<24 {
                    server.hostData(
                        copy.sequence,
                        offset: index << 20,
                        piece[...],
                        isLast: index == 23
                    )
                }
                return true
            }
            try await withSession(server) {
                let address = try allocate(size)
                var memory: UnsafeMutableRawPointer?
                #expect(ClientCalls.cuMemHostAlloc(&memory, size, 0) == 0)
                #expect(ClientCalls.cuMemcpyDtoHAsync_v2(memory, address, size, nil) == 0)
                let data = [UInt8](repeating: 1, count: size)
                // The fake GPU answers the copy itself; ask again so that the script does.
                #expect(ClientCalls.cuCtxSynchronize() == 0)
                #expect(ClientCalls.cuMemcpyDtoHAsync_v2(memory, address, size, nil) == 0)
                for _ in 0..<4 { #expect(ClientCalls.cuMemcpyHtoD_v2(address, data, size) == 0) }
                #expect(ClientCalls.cuCtxSynchronize() == 0)
                let found = UnsafeRawBufferPointer(start: memory, count: size)
                #expect(found.allSatisfy { $0 == 0xCC })
            }
        }

        @Test func `a child of a fork gets "not initialised" at once`() async {
            await #expect(processExitsWith: .success) {
                let server = try FakeServer()
                try #require(start(server) == 0)
                var context: CUcontext?
                try #require(ClientCalls.cuDevicePrimaryCtxRetain(&context, 0) == 0)
                try #require(ClientCalls.cuCtxSetCurrent(context) == 0)
                let address = try allocate(64)
                var stream: CUstream?
                try #require(ClientCalls.cuStreamCreate(&stream, 0) == 0)
                // Other threads are in calls, with locks held, while this one forks.
                nonisolated(unsafe) let shared = context
                for _ in 0..<3 {
                    Thread.detachNewThread {
                        _ = ClientCalls.cuCtxSetCurrent(shared)
                        while true {
                            var event: CUevent?
                            _ = ClientCalls.cuEventCreate(&event, 0)
                            _ = ClientCalls.cuEventDestroy_v2(event)
                            _ = ClientCalls.cuCtxSynchronize()
                        }
                    }
                }
                for round in 0..<50 {
                    usleep(500)
                    let child = fork()
                    if child == 0 {
                        alarm(5)
                        _exit(statusesInChild(address, stream).allSatisfy { $0 == 3 } ? 0 : 1)
                    }
                    var status: Int32 = -1
                    #expect(waitpid(child, &status, 0) == child)
                    #expect(status == 0, "round \(round)")
                    #expect(ClientCalls.cuCtxSynchronize() == 0)
                }
            }
        }

        @Test func `the server sees the end of a parent whose child lives`() async {
            await #expect(processExitsWith: .success) {
                let server = try FakeServer()
                try #require(start(server) == 0)
                let child = fork()
                if child == 0 {
                    sleep(20)
                    _exit(0)
                }
                Session.end()
                #expect(server.waitForEnd(seconds: 5))
                kill(child, SIGKILL)
                var status: Int32 = 0
                _ = waitpid(child, &status, 0)
            }
        }

        @Test func `a child of a process that never started may start`() async {
            await #expect(processExitsWith: .success) {
                let server = try FakeServer()
                let refusing = try FakeServer(greets: .closes)
                #expect(start(refusing) == 46)
                let child = fork()
                if child == 0 {
                    alarm(10)
                    let status = start(server)
                    _exit(status == 0 ? 0 : 1)
                }
                var status: Int32 = -1
                #expect(waitpid(child, &status, 0) == child)
                #expect(status == 0)
            }
        }

        @Test func `the environment names the lease and the devices`() async {
            await #expect(processExitsWith: .success) {
                var count: Int32 = 0
                #expect(ClientCalls.cuInit(0) == 100, "there is no lease")
                let server = try FakeServer()
                let file = NSTemporaryDirectory() + "ferry-lease-\(getpid())"
                defer { unlink(file) }
                setenv("FERRY_LEASE_FILE", file, 1)
                #expect(ClientCalls.cuInit(0) == 100, "the file is not there")
                try "ferry-lease 9".write(toFile: file, atomically: true, encoding: .utf8)
                #expect(ClientCalls.cuInit(0) == 100, "the file is no lease file")
                try server.leaseText.write(toFile: file, atomically: true, encoding: .utf8)
                setenv("CUDA_VISIBLE_DEVICES", "1", 1)
                #expect(ClientCalls.cuInit(0) == 0)
                #expect(ClientCalls.cuDeviceGetCount(&count) == 0)
                #expect(count == 1)
                #expect(ClientCalls.cuInit(0) == 0)
                #expect(server.connections == 1)
            }
        }
    }
}

/// Calls in a forked child, none of which may reach the server or wait.
private func statusesInChild(_ address: CUdeviceptr, _ stream: CUstream?) -> [CUresult] {
    var count: Int32 = 0
    var made: CUdeviceptr = 0
    var event: CUevent?
    var context: CUcontext?
    var free = 0
    var total = 0
    var byte: UInt8 = 0
    let own = OpaquePointer(bitPattern: 2)
    return [
        ClientCalls.cuInit(0),
        ClientCalls.cuDeviceGetCount(&count),
        ClientCalls.cuMemAlloc_v2(&made, 8),
        ClientCalls.cuMemFree_v2(address),
        ClientCalls.cuMemcpyHtoD_v2(address, &byte, 1),
        ClientCalls.cuMemcpyDtoH_v2(&byte, address, 1),
        ClientCalls.cuMemsetD8Async(address, 1, 8, own),
        ClientCalls.cuStreamSynchronize(stream),
        ClientCalls.cuStreamSynchronize(own),
        ClientCalls.cuStreamSynchronize(nil),
        ClientCalls.cuEventCreate(&event, 0),
        ClientCalls.cuCtxGetCurrent(&context),
        ClientCalls.cuDevicePrimaryCtxRetain(&context, 0),
        ClientCalls.cuDevicePrimaryCtxReset_v2(0),
        ClientCalls.cuCtxSynchronize(),
        ClientCalls.cuMemGetInfo_v2(&free, &total),
        ClientCalls.cuArrayDestroy(own),
        ClientCalls.cuMemcpyAtoH_v2(&byte, own, 0, 1),
        ClientCalls.cuTexObjectDestroy(1),
        ClientCalls.cuTexRefSetFlags(own, 0),
        ClientCalls.notSupported("cuMipmappedArrayCreate"),
    ]
}

/// Requests that are answered together.
final class Held: @unchecked Sendable {
    private var requests: [Request] = []

    /// Keeps a request; returns all of them when there are enough. Used by one thread.
    func keep(_ request: Request, until count: Int) -> [Request] {
        requests.append(request)
        guard requests.count == count else { return [] }
        defer { requests = [] }
        return requests
    }
}
