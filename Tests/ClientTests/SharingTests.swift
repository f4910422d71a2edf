import CUDAABI
import Client
import Testing
import Wire

extension ClientTests {
    /// Memory and events that other processes use, too.
    @Suite struct Sharing {
        /// A server that gives 64 bytes as a handle, and opens memory at an address of device 1.
        private func server(left: UInt64 = 0) throws -> FakeServer {
            try FakeServer { server, request in
                var values = Bytes()
                switch request.opcode {
                case .cuIpcGetMemHandle, .cuIpcGetEventHandle:
                    server.reply(to: request, values: (0..<64).map { UInt8($0) })
                case .cuIpcOpenMemHandle_v2:
                    values.add(Self.address)
                    values.add(UInt64(8192))
                    values.add(UInt64(1))
                    server.reply(to: request, values: values.bytes)
                case .cuIpcCloseMemHandle:
                    values.add(left)
                    server.reply(to: request, values: values.bytes)
                default: return false
                }
                return true
            }
        }

        private static let address: UInt64 = 0x7f00_0000_0000

        private func ordinal(_ address: UInt64) -> Int32? {
            var device: Int32 = -1
            return ClientCalls.cuPointerGetAttribute(&device, 9, address) == 0 ? device : nil
        }

        @Test func `what is done with a shared event is done when the call returns`() async throws {
            let server = try server()
            try await withSession(server) {
                var event: CUevent?
                #expect(ClientCalls.cuEventCreate(&event, 4) == 1, "it has no times")
                #expect(ClientCalls.cuEventCreate(&event, 6) == 0)
                var before = Session.traffic.roundTrips
                func asks(_ status: Int32) -> Bool {
                    defer { before = Session.traffic.roundTrips }
                    return status == 0 && Session.traffic.roundTrips == before + 1
                }
                #expect(
                    asks(ClientCalls.cuEventQuery(event)),
                    "another process may have recorded it"
                )
                #expect(asks(ClientCalls.cuEventRecord(event, nil)))
                #expect(asks(ClientCalls.cuStreamWaitEvent(nil, event, 0)))
                #expect(asks(ClientCalls.cuEventQuery(event)))
                #expect(asks(ClientCalls.cuEventQuery(event)))
                #expect(asks(ClientCalls.cuEventSynchronize(event)))
                var handle = CUipcEventHandle()
                #expect(asks(ClientCalls.cuIpcGetEventHandle(&handle, event)))
                #expect(withUnsafeBytes(of: handle) { Array($0) } == (0..<64).map { UInt8($0) })
                #expect(ClientCalls.cuIpcGetEventHandle(nil, event) == 1)

                var plain: CUevent?
                #expect(ClientCalls.cuEventCreate(&plain, 2) == 0)
                #expect(ClientCalls.cuIpcGetEventHandle(&handle, plain) == 400)
                before = Session.traffic.roundTrips
                #expect(ClientCalls.cuEventRecord(plain, nil) == 0)
                #expect(Session.traffic.roundTrips == before)
            }
        }

        @Test func `an event of another process`() async throws {
            let server = try server()
            try await withSession(server) {
                var event: CUevent?
                #expect(ClientCalls.cuIpcOpenEventHandle(nil, CUipcEventHandle()) == 1)
                #expect(ClientCalls.cuIpcOpenEventHandle(&event, CUipcEventHandle()) == 0)
                let before = Session.traffic.roundTrips
                #expect(ClientCalls.cuEventQuery(event) == 0)
                #expect(ClientCalls.cuEventRecord(event, nil) == 0)
                #expect(Session.traffic.roundTrips == before + 2)
                #expect(ClientCalls.cuEventDestroy_v2(event) == 0)
                #expect(ClientCalls.cuEventQuery(event) == 400)
            }
        }

        @Test func `memory of another process is that of its GPU and is closed, not freed`()
            async throws
        {
            let server = try server()
            try await withSession(server) {
                var address: CUdeviceptr = 0
                #expect(ClientCalls.cuIpcOpenMemHandle_v2(nil, CUipcMemHandle(), 1) == 1)
                #expect(ClientCalls.cuIpcOpenMemHandle_v2(&address, CUipcMemHandle(), 1) == 0)
                #expect(address == Self.address)
                #expect(ordinal(address + 8191) == 1)
                #expect(ordinal(address + 8192) == nil)
                #expect(ClientCalls.cuMemFree_v2(address) == 1)
                #expect(ClientCalls.cuIpcCloseMemHandle(address) == 0)
                #expect(ordinal(address) == nil)
            }
        }

        @Test func `memory that was opened twice is known until it is closed twice`() async throws {
            let server = try server(left: 1)
            try await withSession(server) {
                var address: CUdeviceptr = 0
                #expect(ClientCalls.cuIpcOpenMemHandle_v2(&address, CUipcMemHandle(), 1) == 0)
                #expect(ClientCalls.cuIpcCloseMemHandle(address) == 0)
                #expect(ordinal(address) == 1)
            }
        }

        @Test func `a handle of memory`() async throws {
            let server = try server()
            try await withSession(server) {
                let memory = try allocate(4096)
                var handle = CUipcMemHandle()
                #expect(ClientCalls.cuIpcGetMemHandle(nil, memory) == 1)
                #expect(ClientCalls.cuIpcGetMemHandle(&handle, memory) == 0)
                #expect(withUnsafeBytes(of: handle) { Array($0) } == (0..<64).map { UInt8($0) })
                let request = try #require(server.requests.last { $0.opcode == .cuIpcGetMemHandle })
                #expect(request.load(0, as: UInt64.self) == memory)
            }
        }
    }
}
