import CUDAABI
import Client
import NVMLABI
import Testing
import Wire

extension ClientTests {
    /// What the management library is told, before `cuInit` and beside it.
    @Suite struct ManagementLibraryTests {
        /// A server that knows memory and versions.
        private func server(driver: String = "580.65.06") throws -> FakeServer {
            try FakeServer { server, request in
                guard request.opcode == .management else { return false }
                var values = Bytes()
                let device = UInt64(request.load(0, as: UInt32.self))
                for value: UInt64 in [100 + device, 1, 29, 70 + device] { values.add(value) }
                for text in [driver, "13.580.65.06"] {
                    values.bytes += Array(text.utf8)
                    values.bytes += [UInt8](repeating: 0, count: 80 - text.utf8.count)
                }
                // Devices whose numbers add up to an odd one reach each other, without atomics.
                let peer = UInt64(request.load(4, as: UInt32.self))
                values.add((device + peer) % 2)
                server.reply(to: request, values: values.bytes)
                return true
            }
        }

        private func open(_ server: FakeServer) -> Int32 {
            parseLease(server.leaseText).map { Connector.open($0) } ?? -1
        }

        private func facts(_ index: UInt32) throws -> ferry_nvml_facts {
            var facts = ferry_nvml_facts()
            try #require(Management.describe(index, &facts) == 0)
            return facts
        }

        private func version(_ ask: (UnsafeMutablePointer<CChar>) -> Int32) -> (Int32, String) {
            var buffer = [CChar](repeating: 1, count: 80)
            let result = ask(&buffer)
            return (result, text(buffer))
        }

        @Test func `GPUs are known without cuInit and without asking`() async throws {
            let server = try server()
            try await onNewThread {
                defer { Session.end() }
                #expect(Management.count == -1)
                var nothing = ferry_nvml_facts()
                #expect(Management.describe(0, &nothing) == 1)
                try #require(open(server) == 0)
                #expect(Management.start() == 0)
                #expect(Management.count == 2)
                let second = try facts(1)
                #expect(withUnsafeBytes(of: second.uuid) { Array($0) } == (16..<32).map { $0 })
                #expect((second.domain, second.bus, second.device) == (1050, 1033, 1034))
                #expect((second.major, second.minor) == (1075, 1076))
                #expect((second.busWidth, second.minorNumber) == (1037, -1))
                let name = withUnsafeBytes(of: second.name) { Array($0.prefix { $0 != 0 }) }
                #expect(String(decoding: name, as: UTF8.self) == "Fake GPU")
                #expect(Management.describe(2, &nothing) == 1)
                #expect(Management.describe(.max, &nothing) == 1)
                #expect(Session.traffic.roundTrips == 0)
                var count: Int32 = 0
                #expect(ClientCalls.cuDeviceGetCount(&count) == 3, "that needs cuInit")
                #expect(start(server) == 0)
                #expect(ClientCalls.cuDeviceGetCount(&count) == 0)
                #expect(server.connections == 1, "the same session")
            }
        }

        @Test func `memory and versions are the server's`() async throws {
            let server = try server()
            try await onNewThread {
                defer { Session.end() }
                var use = ferry_nvml_memory_use()
                #expect(Management.use(0, &use) == 1)
                try #require(open(server) == 0)
                #expect(Management.use(1, &use) == 0)
                #expect((use.total, use.reserved, use.free, use.used) == (101, 1, 29, 71))
                #expect(version(Management.driverVersion) == (0, "580.65.06"))
                #expect(version(Management.libraryVersion) == (0, "13.580.65.06"))
                #expect(Management.cudaVersion == 13_000)
            }
        }

        @Test func `which GPUs reach each other is asked of the server`() async throws {
            let server = try server()
            try await onNewThread {
                defer { Session.end() }
                var status: Int32 = -1
                #expect(Management.peer(0, 1, 0, &status) == 1)
                try #require(open(server) == 0)
                // Read, write, NVLink, atomics, PCI.
                for (capability, wanted) in [(0, 0), (1, 0), (2, 6), (3, 5), (4, 0)]
                    as [(Int32, Int32)]
                {
                    #expect(Management.peer(0, 1, capability, &status) == 0)
                    #expect(status == wanted)
                }
                #expect(Management.peer(1, 1, 3, &status) == 0)
                #expect(status == 0, "a GPU reaches itself")
            }
        }

        @Test func `a version that the server does not know is not made up`() async throws {
            let server = try server(driver: "")
            try await onNewThread {
                defer { Session.end() }
                try #require(open(server) == 0)
                #expect(version(Management.driverVersion) == (3, ""))
            }
        }

        @Test func `CUDA_VISIBLE_DEVICES is CUDA's, and read at cuInit`() async throws {
            let server = try server()
            try await onNewThread {
                defer { Session.end() }
                try #require(open(server) == 0)
                #expect(start(server, visibleDevices: "") == 100)
                var count: Int32 = 0
                #expect(ClientCalls.cuDeviceGetCount(&count) == 3)
                #expect(start(server, visibleDevices: "1") == 0)
                #expect(ClientCalls.cuDeviceGetCount(&count) == 0)
                #expect(count == 1)
                var uuid = CUuuid()
                #expect(ClientCalls.cuDeviceGetUuid_v2(&uuid, 0) == 0)
                #expect(withUnsafeBytes(of: uuid) { $0[0] } == 16)
                #expect(Management.count == 2)
                #expect(withUnsafeBytes(of: try facts(0).uuid) { $0[0] } == 0)
            }
        }

        @Test func `a connection that is lost is told`() async throws {
            let server = try server()
            try await onNewThread {
                defer { Session.end() }
                try #require(open(server) == 0)
                server.hangUp()
                var use = ferry_nvml_memory_use()
                #expect(Management.use(0, &use) == 15)
                #expect(Management.use(0, &use) == 15)
                #expect(Management.count == 2)
                #expect(start(server) != 0)
            }
        }

        @Test func `without a lease there is no driver`() async throws {
            try await onNewThread { #expect(Management.start() == 9) }
        }

        @Test func `threads open one session`() async throws {
            let server = try server()
            try await onNewThread {
                defer { Session.end() }
                inThreads(6) { _ in
                    #expect(open(server) == 0)
                    var use = ferry_nvml_memory_use()
                    for _ in 0..<50 { #expect(Management.use(0, &use) == 0) }
                    #expect(start(server) == 0)
                }
                #expect(server.connections == 1)
            }
        }
    }
}
