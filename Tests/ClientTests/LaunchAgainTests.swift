import CUDAABI
import Client
import Foundation
import TestSupport
import Testing
import Wire

extension ClientTests {
    /// Launches of a function that was launched before, which have a way of their own.
    @Suite struct LaunchesAgain {
        /// Grid, block and shared memory.
        typealias Shape = [UInt32]
        private static let shape: Shape = [3, 2, 1, 32, 2, 1, 16]

        /// The only kernel of a new module.
        private func function(
            _ server: FakeServer,
            _ parameters: [(offset: UInt32, size: UInt32)]
        ) throws -> CUfunction? {
            server.gpu.kernels = [FakeGPU.Kernel(name: "k", parameters: parameters)]
            var module: CUmodule?
            let status = Modules.source.withCString { ClientCalls.cuModuleLoadData(&module, $0) }
            try #require(status == 0)
            var function: CUfunction?
            try #require(
                "k".withCString { ClientCalls.cuModuleGetFunction(&function, module, $0) } == 0
            )
            return function
        }

        /// Launches as the exported function does.
        private func launch(
            _ function: CUfunction?,
            shape: Shape = Self.shape,
            stream: CUstream? = nil,
            _ values: [[UInt8]?]
        ) -> (status: CUresult, isAgain: Bool) {
            var blocks = values.map { value in
                value.map { value -> UnsafeMutableRawPointer in
                    let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 8)
                    memory.copyMemory(from: value, byteCount: value.count)
                    return memory
                }
            }
            defer { for block in blocks { block?.deallocate() } }
            let s = shape
            let again = ClientCalls.cuLaunchKernelAgain(
                function,
                s[0],
                s[1],
                s[2],
                s[3],
                s[4],
                s[5],
                s[6],
                stream,
                &blocks,
                nil
            )
            if let again { return (again, true) }
            let status = ClientCalls.cuLaunchKernel(
                function,
                s[0],
                s[1],
                s[2],
                s[3],
                s[4],
                s[5],
                s[6],
                stream,
                &blocks,
                nil
            )
            return (status, false)
        }

        private func launches(_ server: FakeServer) throws -> [Request] {
            try #require(ClientCalls.cuCtxSynchronize() == 0)
            return server.requests.filter { $0.opcode == .cuLaunchKernel }
        }

        /// Values of the sizes, none of which is like another.
        private func values(_ sizes: [Int], _ seed: Int) -> [[UInt8]] {
            sizes.enumerated().map { index, size in
                (0..<size).map { UInt8(truncatingIfNeeded: seed * 31 + index * 8 + $0 + 1) }
            }
        }

        @Test(arguments: 0..<256)
        func `words and quadwords in any order lie where they belong`(_ order: Int) async throws {
            let sizes =
                (0..<8).map { order >> $0 & 1 == 0 ? 4 : 8 } + (order % 3 == 0 ? [12, 4] : [])
            var end = 0
            let layout = sizes.map { size -> (offset: UInt32, size: UInt32) in
                end = (end + min(size, 8) - 1) / min(size, 8) * min(size, 8) + size
                return (UInt32(end - size), UInt32(size))
            }
            let server = try FakeServer()
            try await withSession(server) {
                let function = try function(server, layout)
                for turn in 0..<3 {
                    let (status, isAgain) = launch(function, values(sizes, turn))
                    #expect(status == 0)
                    #expect(isAgain == (turn > 0))
                }
                let sent = try launches(server)
                try #require(sent.count == 3)
                for (turn, request) in sent.enumerated() {
                    #expect(Array(request.body.prefix(48)) == Array(sent[0].body.prefix(48)))
                    #expect(request.sequence == sent[0].sequence + UInt32(turn))
                    for (slot, value) in zip(layout, values(sizes, turn)) {
                        let start = 48 + Int(slot.offset)
                        #expect(Array(request.body[start..<(start + value.count)]) == value)
                    }
                }
                #expect((0..<7).map { sent[2].load(8 + 4 * $0, as: UInt32.self) } == Self.shape)
            }
        }

        @Test func `what has changed is seen`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let function = try function(server, [(0, 8)])
                let value = values([8], 1)
                #expect(launch(function, value) == (0, false))
                for index in 0..<7 {
                    var shape = Self.shape
                    shape[index] += 1
                    #expect(launch(function, shape: shape, value) == (0, true), "\(index)")
                    #expect(launch(function, shape: shape, value) == (0, true), "\(index)")
                    shape[index] = index < 6 ? 0 : 49_153
                    #expect(launch(function, shape: shape, value) == (1, false), "\(index)")
                }
                var stream: CUstream?
                #expect(ClientCalls.cuStreamCreate(&stream, 0) == 0)
                #expect(launch(function, stream: stream, value) == (0, true))
                #expect(launch(function, stream: stream, value) == (0, true))
                let sent = try launches(server)
                #expect(sent.count == 17)
                #expect(sent.last?.load(40, as: UInt64.self) == UInt64(UInt(bitPattern: stream)))
                #expect(ClientCalls.cuStreamDestroy_v2(stream) == 0)
                #expect(launch(function, stream: stream, value).status == 400)
                #expect(launch(nil, value) == (400, false))
            }
        }

        @Test func `a limit that was lowered holds`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let function = try function(server, [(0, 8)])
                let value = values([8], 1)
                #expect(launch(function, value) == (0, false))
                #expect(launch(function, value) == (0, true))
                // Attribute 8: the most dynamic shared memory.
                #expect(ClientCalls.cuFuncSetAttribute(function, 8, 15) == 0)
                #expect(launch(function, value).status == 1)
                #expect(ClientCalls.cuFuncSetAttribute(function, 8, 16) == 0)
                #expect(launch(function, value).status == 0)
            }
        }

        @Test func `a missing pointer is an error, and nothing is sent`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let sizes = [8, 4, 8, 4, 8]
                let layout: [(offset: UInt32, size: UInt32)] = [
                    (0, 8), (8, 4), (16, 8), (24, 4), (32, 8),
                ]
                let function = try function(server, layout)
                #expect(launch(function, values(sizes, 1)) == (0, false))
                for index in sizes.indices {
                    var values: [[UInt8]?] = values(sizes, 2)
                    values[index] = nil
                    #expect(launch(function, values) == (1, true), "\(index)")
                }
                #expect(launch(function, values(sizes, 3)) == (0, true))
                let sent = try launches(server)
                #expect(sent.count == 2)
                #expect(sent.last.map { Array($0.body[48..<56]) } == values(sizes, 3)[0])
            }
        }

        @Test func `another context, or none, is not the last one`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let function = try function(server, [(0, 8)])
                let value = values([8], 1)
                var first: CUcontext?
                #expect(ClientCalls.cuCtxGetCurrent(&first) == 0)
                #expect(launch(function, value) == (0, false))
                var other: CUcontext?
                #expect(ClientCalls.cuCtxCreate_v2(&other, 0, 0) == 0)
                #expect(launch(function, value) == (0, true))
                #expect(launch(function, value) == (0, true))
                var popped: CUcontext?
                #expect(ClientCalls.cuCtxPopCurrent_v2(&popped) == 0)
                #expect(launch(function, value) == (0, true))
                #expect(ClientCalls.cuCtxPopCurrent_v2(&popped) == 0)
                #expect(launch(function, value).status == 201)
                #expect(ClientCalls.cuCtxPushCurrent_v2(other) == 0)
                #expect(launch(function, value).status == 0)
                #expect(ClientCalls.cuCtxSetCurrent(first) == 0)
                let sent = try launches(server)
                #expect(sent.map(\.context) == [1, 65, 65, 1, 65])
                #expect(ClientCalls.cuCtxDestroy_v2(other) == 0)
            }
        }

        @Test func `an error of the context ends it`() async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .cuStreamSynchronize else { return false }
                server.reply(to: request, deferred: (700, .cuLaunchKernel))
                return true
            }
            try await withSession(server) {
                let function = try function(server, [(0, 8)])
                let value = values([8], 1)
                #expect(launch(function, value) == (0, false))
                #expect(launch(function, value) == (0, true))
                #expect(ClientCalls.cuStreamSynchronize(nil) == 700)
                #expect(launch(function, value).status == 700)
            }
        }

        @Test func `a lost connection ends it`() async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .cuStreamSynchronize else { return false }
                server.hangUp()
                return true
            }
            try await withSession(server) {
                let function = try function(server, [(0, 8)])
                let value = values([8], 1)
                #expect(launch(function, value) == (0, false))
                #expect(ClientCalls.cuStreamSynchronize(nil) == 46)
                #expect(launch(function, value).status == 46)
            }
        }

        @Test func `threads launch the same function with shapes of their own`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                nonisolated(unsafe) let function = try function(server, [(0, 8), (8, 4)])
                inThreads(4) { thread in
                    for turn in 0..<500 {
                        var shape = Self.shape
                        shape[0] = UInt32(thread + 1 + (turn / 100 % 2) * 4)
                        let wide = withUnsafeBytes(of: UInt64(shape[0])) { Array($0) }
                        let narrow = withUnsafeBytes(of: UInt32(turn)) { Array($0) }
                        #expect(launch(function, shape: shape, [wide, narrow]).status == 0)
                    }
                }
                let sent = try launches(server)
                #expect(sent.count == 2000)
                #expect(
                    sent.allSatisfy {
                        UInt64($0.load(8, as: UInt32.self)) == $0.load(48, as: UInt64.self)
                    }
                )
            }
        }
    }
}
