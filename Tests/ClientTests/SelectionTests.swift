import CUDAABI
import Client
import Testing
import Wire

extension ClientTests {
    /// Of a fatbin, only what the server's GPUs can use is sent.
    @Suite struct Selections {
        private static func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
            withUnsafeBytes(of: value.littleEndian) { Array($0) }
        }

        /// An entry of a fatbin: kind 1 PTX, 2 machine code.
        private static func entry(_ kind: UInt16, _ target: UInt32, _ count: Int = 40) -> [UInt8] {
            var header =
                bytes(kind) + bytes(UInt16(0x0101)) + bytes(UInt32(64)) + bytes(UInt64(count))
            header += [UInt8](repeating: 0, count: 12) + bytes(target)
            header += bytes(UInt64(0)) + bytes(UInt64(0x11)) + [UInt8](repeating: 0, count: 16)
            return header + [UInt8](repeating: UInt8(target), count: count)
        }

        private static func fatbin(_ entries: [[UInt8]]) -> [UInt8] {
            let body = entries.flatMap { $0 }
            return bytes(UInt32(0xBA55_ED50)) + bytes(UInt16(1)) + bytes(UInt16(16))
                + bytes(UInt64(body.count)) + body
        }

        private static let entries = [
            entry(2, 80), entry(2, 90, 4000), entry(2, 100), entry(1, 100),
        ]

        /// A server with a GPU of this compute capability.
        private func server(
            _ capability: Int32,
            isSoftware: Bool = false,
            _ script: @escaping FakeServer.Script = { _, _ in false }
        ) throws -> FakeServer {
            var snapshot = Snapshot(devices: 1)
            snapshot.devices[0].attributes[74] = capability / 10
            snapshot.devices[0].attributes[75] = capability % 10
            if isSoftware {
                snapshot.devices[0].uuid = [
                    0xFE, 0x44, 0x59, 0x50, 0x50, 0x55, 0x80, 0x01,
                    0x9A, 0x5C, 0x53, 0x4F, 0x46, 0x54, 0x00, 0x00,
                ]
            }
            return try FakeServer(snapshot: snapshot, script)
        }

        private func load(_ image: [UInt8], option: Int32? = nil) -> Int32 {
            var module: CUmodule?
            guard var option else { return ClientCalls.cuModuleLoadData(&module, image) }
            var value: UnsafeMutableRawPointer?
            return ClientCalls.cuModuleLoadDataEx(&module, image, 1, &option, &value)
        }

        /// Refuses what the driver is given first.
        private static func refusing(_ status: Int32) -> FakeServer.Script {
            { server, request in
                guard request.opcode == .cuModuleLoadDataEx,
                    server.opcodes.count(where: { $0 == .cuModuleLoadDataEx }) == 1
                else { return false }
                _ = server.gpu.takeImage()
                server.reply(to: request, status: status, values: Array(repeating: 0, count: 16))
                return true
            }
        }

        @Test func `machine code for the GPU`() async throws {
            let server = try server(90)
            try await withSession(server) {
                #expect(load(Self.fatbin(Self.entries)) == 0)
                #expect(server.gpu.images == [Self.fatbin([Self.entries[1]])])
            }
        }

        @Test func `PTX for a software GPU`() async throws {
            let server = try server(120, isSoftware: true)
            try await withSession(server) {
                #expect(load(Self.fatbin(Self.entries)) == 0)
                #expect(server.gpu.images == [Self.fatbin([Self.entries[3]])])
            }
        }

        /// 8 the context's target, 9 a target, 10 prefer PTX: those may change what is taken.
        @Test(arguments: [
            (0, false), (7, false), (14, false), (8, true), (9, true), (10, true), (26, true),
        ])
        func `options that may change what the driver takes`(_ option: Int32, _ isWhole: Bool)
            async throws
        {
            let server = try server(90)
            try await withSession(server) {
                #expect(load(Self.fatbin(Self.entries), option: option) == 0)
                let wanted = isWhole ? Self.entries : [Self.entries[1]]
                #expect(server.gpu.images == [Self.fatbin(wanted)])
            }
        }

        @Test(arguments: [200, 209, 218, 222])
        func `a driver that refuses the choice gets the whole`(_ status: Int32) async throws {
            let server = try server(90, Self.refusing(status))
            try await withSession(server) {
                #expect(load(Self.fatbin(Self.entries)) == 0)
                #expect(server.gpu.images == [Self.fatbin(Self.entries)])
                #expect(Session.traffic.roundTrips == 2)
            }
        }

        @Test func `where nothing fits, one entry says so`() async throws {
            let server = try server(75, Self.refusing(209))
            try await withSession(server) {
                #expect(load(Self.fatbin(Self.entries)) == 209)
                #expect(Session.traffic.roundTrips == 1)
                #expect(Session.traffic.bytesSent < 400)
            }
        }

        @Test func `another error of one entry is no answer`() async throws {
            let server = try server(75, Self.refusing(200))
            try await withSession(server) {
                #expect(load(Self.fatbin(Self.entries)) == 0)
                #expect(server.gpu.images == [Self.fatbin(Self.entries)])
            }
        }
    }

    @Suite struct Occupancy {
        private func function() throws -> CUfunction? {
            var module: CUmodule?
            let status = Modules.source.withCString { ClientCalls.cuModuleLoadData(&module, $0) }
            try #require(status == 0)
            var function: CUfunction?
            try #require(ClientCalls.cuModuleGetFunction(&function, module, "kernel") == 0)
            return function
        }

        private func blocks(_ function: CUfunction?, _ size: Int32, _ bytes: Int = 0) -> Int32 {
            var count: Int32 = -1
            let status = ClientCalls.cuOccupancyMaxActiveBlocksPerMultiprocessor(
                &count,
                function,
                size,
                bytes
            )
            return status == 0 ? count : -status
        }

        @Test func `each shape is asked once, until an attribute changes`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let function = try function()
                let before = Session.traffic.roundTrips
                for _ in 0..<3 {
                    #expect(blocks(function, 64) == 2)
                    #expect(blocks(function, 128) == 2)
                    #expect(blocks(function, 64, 4096) == 2)
                }
                #expect(Session.traffic.roundTrips == before + 3)
                #expect(ClientCalls.cuFuncSetAttribute(function, 8, 1024) == 0)
                #expect(blocks(function, 64) == 2)
                #expect(Session.traffic.roundTrips == before + 5)
            }
        }

        @Test func `more shapes than there is room for`() async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .cuOccupancyMaxActiveBlocksPerMultiprocessor else {
                    return false
                }
                // As many as bytes were asked for, to tell the answers apart.
                var values = Bytes()
                values.add(request.load(16, as: UInt64.self))
                server.reply(to: request, values: values.bytes)
                return true
            }
            try await withSession(server) {
                let function = try function()
                for _ in 0..<2 {
                    for bytes in 0..<2000 { #expect(blocks(function, 32, bytes) == Int32(bytes)) }
                }
            }
        }

        @Test func `errors are not kept`() async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .cuOccupancyMaxActiveBlocksPerMultiprocessor else {
                    return false
                }
                server.reply(to: request, status: 1)
                return true
            }
            try await withSession(server) {
                let function = try function()
                let before = Session.traffic.roundTrips
                #expect(blocks(function, 64) == -1)
                #expect(blocks(function, 64) == -1)
                #expect(Session.traffic.roundTrips == before + 2)
                #expect(blocks(nil, 64) == -400)
            }
        }

        /// Two blocks of any size fit and 39 threads are the most (attribute 39 of device 0).
        @Test func `the best block is found without asking for all`() async throws {
            let server = try FakeServer { server, request in
                guard
                    request.opcode == .cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags
                else { return false }
                server.reply(to: request, values: [2, 0, 0, 0, 0, 0, 0, 0])
                return true
            }
            try await withSession(server) {
                let function = try function()
                let before = Session.traffic.roundTrips
                var (grid, block): (Int32, Int32) = (0, 0)
                for _ in 0..<2 {
                    let status = ClientCalls.cuOccupancyMaxPotentialBlockSize(
                        &grid,
                        &block,
                        function,
                        nil,
                        0,
                        0
                    )
                    #expect(status == 0)
                    #expect(grid == 32)
                    #expect(block == 1024)
                }
                #expect(Session.traffic.roundTrips == before + 1)
            }
        }
    }
}
