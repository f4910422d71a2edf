import CUDAABI
import Client
import Foundation
import TestSupport
import Testing
import Wire

extension ClientTests {
    @Suite struct Modules {
        static let source = ".version 8.0\n.target sm_80\n.address_size 64\n"

        /// Loads a module and returns it with its first function.
        private func load(_ name: String = "kernel") throws -> (CUmodule?, CUfunction?) {
            var module: CUmodule?
            try #require(Self.source.withCString { ClientCalls.cuModuleLoadData(&module, $0) } == 0)
            var function: CUfunction?
            try #require(
                name.withCString { ClientCalls.cuModuleGetFunction(&function, module, $0) } == 0
            )
            return (module, function)
        }

        @Test func `an image is sent once, whole, and brings its kernels`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let (module, function) = try load()
                #expect(server.gpu.images == [Array(Self.source.utf8) + [0]])
                #expect(Session.traffic.roundTrips == 1)
                var count: UInt32 = 0
                #expect(ClientCalls.cuModuleGetFunctionCount(&count, module) == 0)
                #expect(count == 1)
                var name: UnsafePointer<CChar>?
                #expect(ClientCalls.cuFuncGetName(&name, function) == 0)
                #expect(name.map { String(cString: $0) } == "kernel")
                var offset = 0
                var size = 0
                #expect(ClientCalls.cuFuncGetParamInfo(function, 1, &offset, &size) == 0)
                #expect(offset == 8)
                #expect(size == 4)
                #expect(ClientCalls.cuFuncGetParamInfo(function, 2, &offset, &size) == 1)
                var other: CUfunction?
                #expect(ClientCalls.cuModuleGetFunction(&other, module, "none") == 500)
                #expect(ClientCalls.cuModuleGetFunction(&other, nil, "kernel") == 400)
                #expect(Session.traffic.roundTrips == 1)
                #expect(ClientCalls.cuModuleUnload(module) == 0)
                #expect(ClientCalls.cuModuleUnload(module) == 400)
                #expect(ClientCalls.cuFuncGetName(&name, function) == 400)
            }
        }

        @Test func `what is no image is refused here`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                var module: CUmodule?
                let zeros = [UInt8](repeating: 0, count: 128)
                #expect(ClientCalls.cuModuleLoadData(&module, zeros) == 200)
                #expect(ClientCalls.cuModuleLoadData(&module, nil) == 1)
                #expect(ClientCalls.cuModuleLoad(&module, "/nonexistent") == 301)
                #expect(server.requests.isEmpty)
            }
        }

        @Test func `a refused image`() async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .cuModuleLoadDataEx else { return false }
                server.reply(to: request, status: 218, values: Array(repeating: 0, count: 16))
                return true
            }
            try await withSession(server) {
                var module: CUmodule?
                #expect(
                    Self.source.withCString { ClientCalls.cuModuleLoadData(&module, $0) } == 218
                )
                #expect(module == nil)
            }
        }

        /// A reply whose lengths do not fit must end the session, not the program.
        @Test func `replies that do not hold together`() async throws {
            let whole = FakeGPU().loadReply()
            for index in [0, 4, 8, 20, 22] {
                var broken = whole
                broken[index] = 0xFF
                broken[index + 1] = 0x7F
                let reply = broken
                let server = try FakeServer { server, request in
                    guard request.opcode == .cuModuleLoadDataEx else { return false }
                    server.reply(to: request, values: reply)
                    return true
                }
                try await withSession(server) {
                    var module: CUmodule?
                    let status = Self.source.withCString {
                        ClientCalls.cuModuleLoadData(&module, $0)
                    }
                    #expect(status == 46, "byte \(index)")
                    #expect(ClientCalls.cuCtxSynchronize() == 46)
                }
            }
        }

        @Test func `a variable is known until its module goes`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let (module, _) = try load()
                var address: CUdeviceptr = 0
                var size = 0
                #expect(ClientCalls.cuModuleGetGlobal_v2(&address, &size, module, "x") == 0)
                #expect(size == 4)
                #expect(ClientCalls.cuMemsetD32_v2(address, 1, 1) == 0)
                #expect(ClientCalls.cuMemFree_v2(address) == 1)
                #expect(ClientCalls.cuModuleUnload(module) == 0)
                #expect(ClientCalls.cuMemsetD32_v2(address, 1, 1) == 1)
                // The fake GPU gives the same memory away again.
                let base = try allocate(4096)
                #expect(base < address && address < base + 4096)
                #expect(ClientCalls.cuMemsetD8_v2(base, 1, 4096) == 0)
                #expect(ClientCalls.cuMemsetD8_v2(base + 100, 1, 100) == 0)
            }
        }
    }

    @Suite struct Launches {
        /// The body of the last launch.
        private func launched(_ server: FakeServer) throws -> Request {
            try #require(ClientCalls.cuCtxSynchronize() == 0)
            return try #require(server.requests.last { $0.opcode == .cuLaunchKernel })
        }

        private func function(_ server: FakeServer, _ kernel: FakeGPU.Kernel) throws -> CUfunction?
        {
            server.gpu.kernels = [FakeGPU.Kernel(name: "first", parameters: []), kernel]
            var module: CUmodule?
            let status = Modules.source.withCString { ClientCalls.cuModuleLoadData(&module, $0) }
            try #require(status == 0)
            var function: CUfunction?
            let found = kernel.name.withCString {
                ClientCalls.cuModuleGetFunction(&function, module, $0)
            }
            try #require(found == 0)
            return function
        }

        /// Launches one block with these parameters.
        private func launch(_ function: CUfunction?, _ values: [[UInt8]]) -> CUresult {
            var blocks = values.map { value -> UnsafeMutableRawPointer? in
                let memory = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 1)
                memory.copyMemory(from: value, byteCount: value.count)
                return memory
            }
            defer { for block in blocks { block?.deallocate() } }
            return ClientCalls.cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, nil, &blocks, nil)
        }

        @Test func `parameters of every size lie where the kernel wants them`() async throws {
            let sizes: [UInt32] = [1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 24, 100, 1024, 3000]
            var offset: UInt32 = 0
            let layout = sizes.map { size -> (offset: UInt32, size: UInt32) in
                defer { offset = (offset + size + 7) & ~7 }
                return (offset, size)
            }
            let server = try FakeServer()
            try await withSession(server) {
                let kernel = FakeGPU.Kernel(name: "k", parameters: layout)
                let function = try function(server, kernel)
                let values = layout.enumerated().map { index, slot in
                    [UInt8](repeating: UInt8(index + 1), count: Int(slot.size))
                }
                #expect(launch(function, values) == 0)
                let request = try launched(server)
                #expect(request.load(0, as: UInt32.self) == 101)
                #expect(request.load(4, as: UInt32.self) == 0)
                #expect(
                    (0..<7).map { request.load(8 + 4 * $0, as: UInt32.self) } == [
                        1, 1, 1, 32, 1, 1, 0,
                    ]
                )
                let last = layout[layout.count - 1]
                let bytes = Int(last.offset + last.size)
                #expect(request.load(36, as: UInt32.self) == UInt32(bytes))
                #expect(request.body.count == 48 + (bytes + 7) & ~7)
                for (slot, value) in zip(layout, values) {
                    let start = 48 + Int(slot.offset)
                    #expect(Array(request.body[start..<(start + value.count)]) == value)
                }
                #expect(!request.wantsReply)
            }
        }

        @Test func `parameters in one buffer`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let kernel = FakeGPU.Kernel(name: "k", parameters: [(0, 8), (8, 4)])
                let function = try function(server, kernel)
                var buffer = [UInt8](1...16)
                var size = 16
                func launch(_ size: inout Int, both: Bool = false) -> CUresult {
                    withUnsafeMutablePointer(to: &size) { size in
                        buffer.withUnsafeMutableBytes { bytes in
                            var extra: [UnsafeMutableRawPointer?] = [
                                UnsafeMutableRawPointer(bitPattern: 1), bytes.baseAddress,
                                UnsafeMutableRawPointer(bitPattern: 2),
                                UnsafeMutableRawPointer(size),
                                nil,
                            ]
                            var parameters: [UnsafeMutableRawPointer?] = [bytes.baseAddress, nil]
                            return parameters.withUnsafeMutableBufferPointer { list in
                                ClientCalls.cuLaunchKernel(
                                    function,
                                    1,
                                    2,
                                    3,
                                    4,
                                    5,
                                    6,
                                    7,
                                    nil,
                                    both ? list.baseAddress : nil,
                                    &extra
                                )
                            }
                        }
                    }
                }
                #expect(launch(&size) == 0)
                let request = try launched(server)
                #expect(Array(request.body[48..<64]) == Array(1...16))
                #expect(
                    (0..<7).map { request.load(8 + 4 * $0, as: UInt32.self) } == [
                        1, 2, 3, 4, 5, 6, 7,
                    ]
                )
                size = 12
                #expect(launch(&size) == 0)
                // What is left out are zeros.
                size = 7
                #expect(launch(&size) == 0)
                let last = try launched(server)
                #expect(Array(last.body[48..<64]) == Array(1...7) + [UInt8](repeating: 0, count: 9))
                size = 40_000
                #expect(launch(&size) == 1)
                size = -1
                #expect(launch(&size) == 1)
                size = 16
                #expect(launch(&size, both: true) == 1)
            }
        }

        @Test func `dimensions are checked before anything is sent`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let kernel = FakeGPU.Kernel(name: "k", parameters: [], maxThreads: 512)
                let function = try function(server, kernel)
                let before = server.requests.count
                let bad: [[UInt32]] = [
                    [0, 1, 1, 1, 1, 1, 0], [1, 0, 1, 1, 1, 1, 0], [1, 1, 0, 1, 1, 1, 0],
                    [1, 1, 1, 0, 1, 1, 0], [1, 1, 1, 1, 0, 1, 0], [1, 1, 1, 1, 1, 0, 0],
                    [0x8000_0000, 1, 1, 1, 1, 1, 0], [1, 65_536, 1, 1, 1, 1, 0],
                    [1, 1, 65_536, 1, 1, 1, 0], [1, 1, 1, 513, 1, 1, 0], [1, 1, 1, 1025, 1, 1, 0],
                    [1, 1, 1, 1, 1, 65, 0], [1, 1, 1, 32, 17, 1, 0],
                    [1, 1, 1, 0x1_0000, 0x1_0000, 1, 0],
                    [1, 1, 1, 0x8000_0000, 2, 1, 0], [1, 1, 1, 1, 1, 1, 49_153],
                ]
                for d in bad {
                    let status = ClientCalls.cuLaunchKernel(
                        function,
                        d[0],
                        d[1],
                        d[2],
                        d[3],
                        d[4],
                        d[5],
                        d[6],
                        nil,
                        nil,
                        nil
                    )
                    #expect(status == 1, "\(d)")
                }
                #expect(server.requests.count == before)
                for d: [UInt32] in [[0x7FFF_FFFF, 65_535, 65_535, 512, 1, 1, 49_152]] {
                    let status = ClientCalls.cuLaunchKernel(
                        function,
                        d[0],
                        d[1],
                        d[2],
                        d[3],
                        d[4],
                        d[5],
                        d[6],
                        nil,
                        nil,
                        nil
                    )
                    #expect(status == 0)
                }
                let foreign = OpaquePointer(bitPattern: 0xABC0)
                let status = ClientCalls.cuLaunchKernel(
                    foreign,
                    1,
                    1,
                    1,
                    1,
                    1,
                    1,
                    0,
                    nil,
                    nil,
                    nil
                )
                #expect(status == 400)
                let stream = ClientCalls.cuLaunchKernel(
                    function,
                    1,
                    1,
                    1,
                    1,
                    1,
                    1,
                    0,
                    foreign,
                    nil,
                    nil
                )
                #expect(stream == 400)
            }
        }

        @Test func `a kernel with parameters needs them`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let kernel = FakeGPU.Kernel(name: "k", parameters: [(0, 4)])
                let function = try function(server, kernel)
                let status = ClientCalls.cuLaunchKernel(
                    function,
                    1,
                    1,
                    1,
                    1,
                    1,
                    1,
                    0,
                    nil,
                    nil,
                    nil
                )
                #expect(status == 1)
            }
        }

        @Test func `attributes travel behind the parameters`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let kernel = FakeGPU.Kernel(name: "k", parameters: [])
                let function = try function(server, kernel)
                var attribute = CUlaunchAttribute()
                attribute.id = 2
                attribute.value.0 = 1
                withUnsafeMutablePointer(to: &attribute) { attribute in
                    var config = CUlaunchConfig()
                    config.gridDimX = 1
                    config.gridDimY = 1
                    config.gridDimZ = 1
                    config.blockDimX = 1
                    config.blockDimY = 1
                    config.blockDimZ = 1
                    config.attributes = attribute
                    config.attributeCount = 1
                    #expect(ClientCalls.cuLaunchKernelEx(&config, function, nil, nil) == 0)
                    config.attributeCount = 33
                    #expect(ClientCalls.cuLaunchKernelEx(&config, function, nil, nil) == 1)
                    config.attributeCount = 1
                    attribute.pointee.id = 13
                    #expect(ClientCalls.cuLaunchKernelEx(&config, function, nil, nil) == 801)
                }
                #expect(ClientCalls.cuCtxSynchronize() == 0)
                let request = try #require(server.requests.last { $0.opcode == .cuLaunchKernelEx })
                #expect(request.load(4, as: UInt32.self) == 1)
                #expect(request.body.count == 48 + 72)
                #expect(request.load(48, as: UInt64.self) == 2)
                #expect(request.load(56, as: UInt64.self) == 1)
            }
        }

        @Test func `a cooperative grid that does not fit is refused at once`() async throws {
            // Two blocks fit on each of the 16 multiprocessors that attribute 16 of device 0 says.
            let server = try FakeServer()
            try await withSession(server) {
                let kernel = FakeGPU.Kernel(name: "k", parameters: [])
                let function = try function(server, kernel)
                func launch(_ blocks: UInt32) -> CUresult {
                    ClientCalls.cuLaunchCooperativeKernel(
                        function,
                        blocks,
                        1,
                        1,
                        32,
                        1,
                        1,
                        0,
                        nil,
                        nil
                    )
                }
                let before = Session.traffic.roundTrips
                #expect(launch(32) == 0)
                #expect(launch(33) == 720)
                #expect(launch(.max >> 1) == 720)
                #expect(Session.traffic.roundTrips == before + 1, "it is asked once")
            }
        }
    }
}
