import CUDAABI
import Client
import Driver
import Foundation
import Synchronization
import TestSupport
import Testing
import Transport
import Wire

extension ClientTests {
    /// Functions of the program that streams call.
    @Suite struct HostFunctions {
        /// What functions were called with, in order; one test runs at a time.
        private final class Journal: @unchecked Sendable {
            struct Call: Equatable {
                var stream: UInt = 0
                var status: Int32 = 0
                var argument: Int
            }

            static let shared = Journal()
            private let lock = NSLock()
            private var all: [Call] = []

            func clear() { lock.withLock { all = [] } }
            func add(_ call: Call) { lock.withLock { all.append(call) } }
            var calls: [Call] { lock.withLock { all } }

            func waitFor(_ count: Int) -> Bool {
                for _ in 0..<5000 where calls.count < count { usleep(1000) }
                return calls.count >= count
            }
        }

        private static let note: CUhostFn = { argument in
            Journal.shared.add(Journal.Call(argument: Int(bitPattern: argument)))
        }
        private static let noteCallback: CUstreamCallback = { stream, status, argument in
            Journal.shared.add(
                Journal.Call(
                    stream: UInt(bitPattern: stream),
                    status: status,
                    argument: Int(bitPattern: argument)
                )
            )
        }

        private func argument(_ number: Int) -> UnsafeMutableRawPointer? {
            UnsafeMutableRawPointer(bitPattern: number)
        }

        /// The numbers under which the server knows what streams were given.
        private func numbers(_ server: FakeServer, _ opcode: Opcode, count: Int) throws -> [UInt64]
        {
            #expect(server.waitFor(opcode, count: count))
            return server.requests.filter { $0.opcode == opcode }.map {
                $0.load(HostFunctionLayout.number, as: UInt64.self)
            }
        }

        private func listener(_ server: FakeServer) throws -> Channel {
            let channel = try #require(server.another())
            #expect(try frame(channel).kind == .listen)
            return channel
        }

        private func frame(_ channel: Channel) throws -> BulkFrame {
            var bytes = [UInt8](repeating: 0, count: BulkFrame.size)
            try bytes.withUnsafeMutableBytes { try channel.receiveAll($0, timeout: 5000) }
            return try #require(
                bytes.withUnsafeBytes { $0.baseAddress.flatMap { BulkFrame(reading: $0) } }
            )
        }

        private func call(_ channel: Channel, _ number: UInt64, status: Int32 = 0) throws {
            try channel.sendAll(BulkFrame(.call, status: status, transfer: number))
        }

        private func expectReturn(_ channel: Channel, _ number: UInt64) throws {
            #expect(try frame(channel) == BulkFrame(.returned, transfer: number))
        }

        @Test func `a function runs when the server calls it`() async throws {
            let server = try FakeServer(takesMore: true)
            Journal.shared.clear()
            try await withSession(server) {
                let before = Session.traffic.roundTrips
                for number in 1...3 {
                    let status = ClientCalls.cuLaunchHostFunc(nil, Self.note, argument(number))
                    #expect(status == 0)
                }
                #expect(Session.traffic.roundTrips == before)
                let channel = try listener(server)
                let numbers = try numbers(server, .cuLaunchHostFunc, count: 3)
                #expect(Set(numbers).count == 3)
                #expect(Journal.shared.calls.isEmpty)
                for number in [numbers[1], numbers[0], numbers[2]] {
                    try call(channel, number)
                    try expectReturn(channel, number)
                }
                #expect(Journal.shared.calls.map(\.argument) == [2, 1, 3])
                // Nothing but its number says what it is.
                let request = try #require(server.requests.first { $0.opcode == .cuLaunchHostFunc })
                #expect(request.body.count == HostFunctionLayout.size)
            }
        }

        @Test func `a callback gets stream and status`() async throws {
            let server = try FakeServer(takesMore: true)
            Journal.shared.clear()
            try await withSession(server) {
                var stream: CUstream?
                #expect(ClientCalls.cuStreamCreate(&stream, 0) == 0)
                let status = ClientCalls.cuStreamAddCallback(stream, Self.noteCallback, nil, 0)
                #expect(status == 0)
                let channel = try listener(server)
                let number = try numbers(server, .cuStreamAddCallback, count: 1)[0]
                try call(channel, number, status: 700)
                try expectReturn(channel, number)
                let expected = Journal.Call(
                    stream: UInt(bitPattern: stream),
                    status: 700,
                    argument: 0
                )
                #expect(Journal.shared.calls == [expected])
            }
        }

        @Test func `what is wrong is told at once`() async throws {
            let server = try FakeServer(takesMore: true)
            try await withSession(server) {
                let nowhere = CUstream(bitPattern: 0x1230)
                #expect(ClientCalls.cuLaunchHostFunc(nil, nil, nil) == Status.invalidValue)
                let manner = ClientCalls.cuLaunchHostFunc_v2(nil, Self.note, nil, 2)
                #expect(manner == Status.invalidValue)
                let stream = ClientCalls.cuLaunchHostFunc(nowhere, Self.note, nil)
                #expect(stream == Status.invalidHandle)
                #expect(ClientCalls.cuStreamAddCallback(nil, nil, nil, 0) == Status.invalidValue)
                let flags = ClientCalls.cuStreamAddCallback(nil, Self.noteCallback, nil, 1)
                #expect(flags == Status.invalidValue)
                #expect(ClientCalls.cuLaunchHostFunc_v2(nil, Self.note, nil, 1) == 0)
            }
            #expect(ClientCalls.cuLaunchHostFunc(nil, Self.note, nil) == Status.notInitialized)
        }

        @Test func `without a channel they are not supported`() async throws {
            let server = try FakeServer(takesMore: false)
            try await withSession(server) {
                let status = ClientCalls.cuLaunchHostFunc(nil, Self.note, nil)
                #expect(status == Status.notSupported)
                #expect(ClientCalls.cuCtxSynchronize() == 0)
            }
        }

        @Test func `a function may make no calls`() async throws {
            let server = try FakeServer(takesMore: true)
            Journal.shared.clear()
            try await withSession(server) {
                let attempt: CUhostFn = { context in
                    var (address, event, found): (UInt64, CUevent?, CUcontext?) = (0, nil, nil)
                    for status in [
                        ClientCalls.cuMemAlloc_v2(&address, 16),
                        ClientCalls.cuStreamSynchronize(nil),
                        ClientCalls.cuEventCreate(&event, 0),
                        ClientCalls.cuCtxSetCurrent(OpaquePointer(context)),
                        ClientCalls.cuCtxPushCurrent_v2(OpaquePointer(context)),
                        ClientCalls.cuDevicePrimaryCtxRetain(&found, 0),
                        ClientCalls.cuCtxCreate_v2(&found, 0, 0),
                        ClientCalls.cuLaunchHostFunc(nil, { _ in }, nil),
                        ClientCalls.cuCtxSynchronize(),
                    ] { Journal.shared.add(Journal.Call(argument: Int(status))) }
                }
                var context: CUcontext?
                #expect(ClientCalls.cuCtxGetCurrent(&context) == 0)
                let status = ClientCalls.cuLaunchHostFunc(
                    nil,
                    attempt,
                    UnsafeMutableRawPointer(context)
                )
                #expect(status == 0)
                let channel = try listener(server)
                let number = try numbers(server, .cuLaunchHostFunc, count: 1)[0]
                try call(channel, number)
                try expectReturn(channel, number)
                let answers = Journal.shared.calls.map(\.argument)
                #expect(answers == [Int](repeating: Int(Status.notPermitted), count: 9))
                // This thread may.
                #expect(ClientCalls.cuCtxSynchronize() == 0)
            }
        }

        /// Between call and return nobody else waits for the function.
        @Test func `a slow function holds up no other thread`() async throws {
            let server = try FakeServer(takesMore: true)
            try await withSession(server) {
                let gate = Gate()
                let wait: CUhostFn = { argument in
                    guard let argument else { return }
                    Unmanaged<Gate>.fromOpaque(argument).takeUnretainedValue().wait()
                }
                let raw = Unmanaged.passUnretained(gate).toOpaque()
                #expect(ClientCalls.cuLaunchHostFunc(nil, wait, raw) == 0)
                let channel = try listener(server)
                let number = try numbers(server, .cuLaunchHostFunc, count: 1)[0]
                try call(channel, number)
                inThreads(3) { _ in
                    for _ in 0..<20 { #expect(ClientCalls.cuCtxSynchronize() == 0) }
                }
                #expect(try channel.wait(for: Int32(POLLIN), timeout: 20) == 0)
                gate.open()
                try expectReturn(channel, number)
            }
        }

        @Test func `bytes of copies before it are there`() async throws {
            let server = try FakeServer(takesMore: true) { server, request in
                // They come late, and nobody waits for them.
                request.opcode == .cuMemcpyDtoHAsync_v2
            }
            Journal.shared.clear()
            try await withSession(server) {
                let address = try allocate(64)
                var memory: UnsafeMutableRawPointer?
                #expect(ClientCalls.cuMemHostAlloc(&memory, 64, 0) == 0)
                let target = try #require(memory)
                #expect(ClientCalls.cuMemcpyDtoHAsync_v2(target, address, 64, nil) == 0)
                let look: CUhostFn = { argument in
                    let first = argument?.load(as: UInt8.self) ?? 0
                    Journal.shared.add(Journal.Call(argument: Int(first)))
                }
                #expect(ClientCalls.cuLaunchHostFunc(nil, look, target) == 0)
                let channel = try listener(server)
                let number = try numbers(server, .cuLaunchHostFunc, count: 1)[0]
                let place = server.sent + UInt64(WireFormat.headerSize + HostDataLayout.data + 64)
                try channel.sendAll(BulkFrame(.call, offset: place, transfer: number))
                usleep(30_000)
                #expect(Journal.shared.calls.isEmpty)
                let copy = try #require(
                    server.requests.first { $0.opcode == .cuMemcpyDtoHAsync_v2 }
                )
                let data = [UInt8](repeating: 77, count: 64)
                server.hostData(copy.sequence, offset: 0, data[...], isLast: true)
                try expectReturn(channel, number)
                #expect(Journal.shared.calls.map(\.argument) == [77])
            }
        }

        /// A copy from page-locked memory takes what a function before it writes.
        @Test(arguments: [false, true])
        func `a copy waits for what writes its source`(isSynchronous: Bool) async throws {
            let server = try FakeServer(takesMore: true)
            Journal.shared.clear()
            try await withSession(server) {
                let address = try allocate(64)
                var memory: UnsafeMutableRawPointer?
                #expect(ClientCalls.cuMemHostAlloc(&memory, 64, 0) == 0)
                let source = try #require(memory)
                let fill: CUhostFn = { argument in
                    argument?.initializeMemory(as: UInt8.self, repeating: 9, count: 64)
                }
                #expect(ClientCalls.cuLaunchHostFunc(nil, fill, source) == 0)
                let channel = try listener(server)
                let number = try numbers(server, .cuLaunchHostFunc, count: 1)[0]
                // One from pageable memory is read at once.
                let other = [UInt8](repeating: 1, count: 64)
                #expect(ClientCalls.cuMemcpyHtoDAsync_v2(address, other, 64, nil) == 0)
                // And one in a stream of its own has nothing to do with it.
                var stream: CUstream?
                #expect(ClientCalls.cuStreamCreate(&stream, 1) == 0)
                #expect(ClientCalls.cuMemcpyHtoDAsync_v2(address, source, 64, stream) == 0)
                Thread.detachNewThread {
                    usleep(30_000)
                    try? call(channel, number)
                }
                if isSynchronous {
                    #expect(ClientCalls.cuMemcpyHtoD_v2(address, source, 64) == 0)
                } else {
                    #expect(ClientCalls.cuMemcpyHtoDAsync_v2(address, source, 64, nil) == 0)
                }
                try expectReturn(channel, number)
                #expect(ClientCalls.cuCtxSynchronize() == 0)
                let kinds = [Opcode.cuMemcpyHtoD_v2, .cuMemcpyHtoDAsync_v2]
                let copies = server.requests.filter { kinds.contains($0.opcode) }
                #expect(copies.map { $0.body[HostToDeviceLayout.data] } == [1, 0, 9])
            }
        }

        /// What joined a stream counts for it; what the driver did not take does not.
        @Test func `a copy knows what its stream waits for`() async throws {
            let server = try FakeServer(takesMore: true)
            try await withSession(server) {
                let address = try allocate(64)
                var memory: UnsafeMutableRawPointer?
                #expect(ClientCalls.cuMemHostAlloc(&memory, 64, 0) == 0)
                let source = try #require(memory)
                var streams: [CUstream?] = [nil, nil]
                var event: CUevent?
                for index in 0..<2 { #expect(ClientCalls.cuStreamCreate(&streams[index], 1) == 0) }
                #expect(ClientCalls.cuEventCreate(&event, 0) == 0)
                let fill: CUhostFn = { argument in
                    argument?.initializeMemory(as: UInt8.self, repeating: 9, count: 64)
                }
                #expect(ClientCalls.cuLaunchHostFunc(streams[0], fill, source) == 0)
                #expect(ClientCalls.cuEventRecord(event, streams[0]) == 0)
                #expect(ClientCalls.cuStreamWaitEvent(streams[1], event, 0) == 0)
                #expect(ClientCalls.cuLaunchHostFunc(streams[1], Self.note, nil) == 0)
                let channel = try listener(server)
                let numbers = try numbers(server, .cuLaunchHostFunc, count: 2)
                Thread.detachNewThread {
                    usleep(30_000)
                    try? channel.sendAll(
                        BulkFrame(.call, slot: BulkFrame.isDropped, transfer: numbers[1])
                    )
                    try? call(channel, numbers[0])
                }
                #expect(ClientCalls.cuMemcpyHtoDAsync_v2(address, source, 64, streams[1]) == 0)
                #expect(ClientCalls.cuCtxSynchronize() == 0)
                let copy = try #require(server.requests.last { $0.opcode == .cuMemcpyHtoDAsync_v2 })
                #expect(copy.body[HostToDeviceLayout.data] == 9)
            }
        }

        @Test func `too many wait for each other`() async throws {
            let server = try FakeServer(takesMore: true)
            Journal.shared.clear()
            try await withSession(server) {
                let most = HostFunctionLayout.most
                let gate = Gate()
                nonisolated(unsafe) var context: CUcontext?
                #expect(ClientCalls.cuCtxGetCurrent(&context) == 0)
                Thread.detachNewThread {
                    _ = ClientCalls.cuCtxSetCurrent(context)
                    for number in 0..<most + 100 {
                        _ = ClientCalls.cuLaunchHostFunc(nil, Self.note, argument(number))
                    }
                    gate.open()
                }
                let channel = try listener(server)
                #expect(server.waitFor(.cuLaunchHostFunc, count: most))
                #expect(!gate.wait(seconds: 0.05))
                #expect(server.requests.count { $0.opcode == .cuLaunchHostFunc } == most)
                for index in 0..<most + 100 {
                    let numbers = try numbers(server, .cuLaunchHostFunc, count: index + 1)
                    try call(channel, numbers[index])
                    try expectReturn(channel, numbers[index])
                }
                #expect(gate.wait(seconds: 5))
                #expect(Journal.shared.calls.map(\.argument) == Array(0..<most + 100))
            }
        }

        @Test(arguments: [false, true])
        func `a lost connection is told to callbacks only`(isOnlyChannel: Bool) async throws {
            let server = try FakeServer(takesMore: true)
            Journal.shared.clear()
            try await withSession(server) {
                for number in 1...4 {
                    #expect(ClientCalls.cuLaunchHostFunc(nil, Self.note, argument(number)) == 0)
                    let status = ClientCalls.cuStreamAddCallback(
                        nil,
                        Self.noteCallback,
                        argument(10 + number),
                        0
                    )
                    #expect(status == 0)
                }
                let channel = try listener(server)
                _ = try numbers(server, .cuStreamAddCallback, count: 4)
                if isOnlyChannel {
                    channel.shutDown()
                } else {
                    // Noticed by whoever reads next.
                    server.hangUp()
                    #expect(ClientCalls.cuCtxSynchronize() == Status.deviceUnavailable)
                }
                #expect(Journal.shared.waitFor(4))
                #expect(Journal.shared.calls.map(\.argument) == [11, 12, 13, 14])
                let told = Journal.shared.calls.allSatisfy { $0.status == Status.deviceUnavailable }
                #expect(told)
                #expect(ClientCalls.cuCtxSynchronize() == Status.deviceUnavailable)
                let later = ClientCalls.cuLaunchHostFunc(nil, Self.note, nil)
                #expect(later == Status.deviceUnavailable)
            }
        }

        @Test func `anything else on the channel ends the session`() async throws {
            let server = try FakeServer(takesMore: true)
            try await withSession(server) {
                #expect(ClientCalls.cuLaunchHostFunc(nil, Self.note, nil) == 0)
                let channel = try listener(server)
                try channel.sendAll(BulkFrame(.taken))
                #expect(throws: (any Error).self) { try frame(channel) }
                for _ in 0..<5000 where ClientCalls.cuCtxSynchronize() == 0 { usleep(1000) }
                #expect(ClientCalls.cuCtxSynchronize() == Status.deviceUnavailable)
            }
        }
    }
}
