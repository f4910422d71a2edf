import CUDAABI
import Client
import Testing
import Wire

extension ClientTests {
    /// Images that the server has are named, not sent.
    @Suite struct KeptImages {
        /// A PTX text of `count` bytes with its NUL.
        static func text(_ count: Int, _ number: Int = 0) -> [UInt8] {
            var bytes = Array(".version 8.0 // \(number)\n".utf8)
            while bytes.count < count - 1 { bytes.append(bytes.count % 60 == 0 ? 10 : 47) }
            return bytes + [0]
        }

        private func server(
            keeping images: [[UInt8]] = [],
            _ script: @escaping FakeServer.Script = { _, _ in false }
        ) throws -> FakeServer {
            var snapshot = Snapshot()
            snapshot.images = images.map { image in
                image.withUnsafeBytes { ImageName(of: $0) }.prefix
            }
            let server = try FakeServer(snapshot: snapshot, script)
            server.gpu.kept = [:]
            for image in images { server.gpu.kept?[FakeGPU.name(image)] = image }
            return server
        }

        private func load(_ image: [UInt8]) -> Int32 {
            var module: CUmodule?
            return ClientCalls.cuModuleLoadData(&module, image)
        }

        private func opcodes(_ server: FakeServer) -> [Opcode] { server.requests.map(\.opcode) }

        @Test(arguments: [200, 16 << 10, 3 << 20])
        func `what the server has is named`(_ count: Int) async throws {
            let image = Self.text(count)
            let server = try server(keeping: [image])
            try await withSession(server) {
                #expect(load(image) == 0)
                #expect(opcodes(server) == [.image, .cuModuleLoadDataEx])
                #expect(server.gpu.images == [image])
                #expect(Session.traffic.roundTrips == 1)
                #expect(Session.traffic.bytesSent < 200)
            }
        }

        @Test func `small new images are sent at once, and named from then on`() async throws {
            let image = Self.text(16 << 10)
            let server = try server()
            try await withSession(server) {
                #expect(load(image) == 0)
                #expect(opcodes(server) == [.chunk, .cuModuleLoadDataEx])
                #expect(load(image) == 0)
                #expect(opcodes(server).suffix(2) == [.image, .cuModuleLoadDataEx])
                #expect(Session.traffic.roundTrips == 2)
                #expect(server.gpu.images == [image, image])
            }
        }

        @Test func `large new images are asked for, then sent`() async throws {
            let image = Self.text(2 << 20)
            let server = try server()
            try await withSession(server) {
                #expect(load(image) == 0)
                let pieces = [Opcode](repeating: .chunk, count: (2 << 20) / WireFormat.maxData)
                let asked: [Opcode] = [.image, .cuModuleLoadDataEx]
                #expect(opcodes(server) == asked + pieces + [.cuModuleLoadDataEx])
                #expect(server.gpu.images == [image])
                #expect(load(image) == 0)
                #expect(opcodes(server).suffix(2) == [.image, .cuModuleLoadDataEx])
                #expect(Session.traffic.roundTrips == 3)
            }
        }

        @Test func `an image that went since is sent`() async throws {
            let image = Self.text(500)
            let server = try server(keeping: [image])
            server.gpu.kept = [:]
            try await withSession(server) {
                #expect(load(image) == 0)
                #expect(
                    opcodes(server) == [.image, .cuModuleLoadDataEx, .chunk, .cuModuleLoadDataEx]
                )
                #expect(server.gpu.images == [image])
            }
        }

        @Test func `a server that keeps none gets no names`() async throws {
            let server = try FakeServer()
            let image = Self.text(1 << 20)
            try await withSession(server) {
                #expect(load(image) == 0)
                #expect(load(image) == 0)
                #expect(!opcodes(server).contains(.image))
            }
        }

        @Test func `tiny images have no names`() async throws {
            let image = Self.text(ImageName.smallestImage - 1)
            let server = try server(keeping: [image])
            try await withSession(server) {
                #expect(load(image) == 0)
                #expect(opcodes(server) == [.chunk, .cuModuleLoadDataEx])
            }
        }

        @Test func `an image that was sent cannot be missing`() async throws {
            let server = try server { server, request in
                guard request.opcode == .cuModuleLoadDataEx else { return false }
                server.reply(to: request, status: ImageName.missing)
                return true
            }
            try await withSession(server) {
                #expect(load(Self.text(1000)) == 46)
                #expect(ClientCalls.cuCtxSynchronize() == 46)
            }
        }

        /// Counts and sizes that do not fit: as if the server kept none.
        @Test(arguments: [UInt32(4097), .max, 3])
        func `a snapshot that does not hold together`(_ count: UInt32) async throws {
            var body = Snapshot().body
            body += [UInt8](repeating: 0, count: 16)
            withUnsafeBytes(of: count) {
                body.replaceSubrange(body.count - 16..<body.count - 12, with: $0)
            }
            var header = [UInt8](repeating: 0, count: 16)
            RecordHeader(
                size: 16 + body.count,
                opcode: .snapshot,
                flags: 0,
                sequence: 0,
                context: 0
            )
            .write(to: &header)
            let server = try FakeServer(greets: .sends(header + body))
            try await withSession(server) {
                #expect(load(Self.text(100_000)) == 0)
                #expect(opcodes(server) == [.chunk, .cuModuleLoadDataEx])
            }
        }

        @Test func `inputs of the linker are named`() async throws {
            let input = Self.text(2000)
            let server = try server(keeping: [input])
            try await withSession(server) {
                var link: CUlinkState?
                try #require(ClientCalls.cuLinkCreate_v2(0, nil, nil, &link) == 0)
                func add(_ bytes: [UInt8]) -> Int32 {
                    var bytes = bytes
                    return ClientCalls.cuLinkAddData_v2(
                        link,
                        1,
                        &bytes,
                        bytes.count,
                        "a",
                        0,
                        nil,
                        nil
                    )
                }
                #expect(add(input) == 0)
                #expect(opcodes(server).suffix(2) == [.image, .cuLinkAddData_v2])
                server.gpu.kept = [:]
                #expect(add(input) == 0)
                #expect(
                    opcodes(server).suffix(4) == [
                        .image, .cuLinkAddData_v2, .chunk, .cuLinkAddData_v2,
                    ]
                )
            }
        }

        /// More than there is room for in the table of what is kept.
        @Test func `many images`() async throws {
            let images = (0..<4096).map { UInt32(truncatingIfNeeded: $0 &* 0x9E37_79B1) }
            var snapshot = Snapshot()
            snapshot.images = images
            let server = try FakeServer(snapshot: snapshot)
            server.gpu.kept = [:]
            try await withSession(server) {
                for number in 0..<6000 {
                    let module = Self.text(150, number)
                    #expect(load(module) == 0)
                    if number % 500 != 0 { continue }
                    #expect(load(module) == 0)
                    #expect(server.gpu.images.suffix(2) == [module, module])
                }
            }
        }
    }
}
