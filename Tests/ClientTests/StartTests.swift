import CUDAABI
import Client
import Foundation
import Testing
import Wire

extension ClientTests {
    @Suite struct Start {
        /// Everything that a CUDA runtime asks before the program's first call, in its order
        /// (facts/cuda-driver.md §2.3).
        private func startRuntime() {
            var version: Int32 = 0
            #expect(ClientCalls.cuDriverGetVersion(&version) == 0)
            #expect(version == 13_000)
            #expect(ClientCalls.cuInit(0) == 0)
            var mode: CUmoduleLoadingMode = 0
            #expect(ClientCalls.cuModuleGetLoadingMode(&mode) == 0)
            var count: Int32 = 0
            #expect(ClientCalls.cuDeviceGetCount(&count) == 0)
            #expect(count == 2)
            for ordinal in 0..<count {
                var device: CUdevice = -1
                #expect(ClientCalls.cuDeviceGet(&device, ordinal) == 0)
                var name = [CChar](repeating: 1, count: 256)
                #expect(ClientCalls.cuDeviceGetName(&name, 256, device) == 0)
                #expect(text(name) == "Fake GPU")
                var bytes = 0
                #expect(ClientCalls.cuDeviceTotalMem_v2(&bytes, device) == 0)
                #expect(bytes == 4 << 30)
                for attribute: Int32 in 1...143 {
                    var value: Int32 = -1
                    #expect(ClientCalls.cuDeviceGetAttribute(&value, attribute, device) == 0)
                    #expect(value == 0 || value == ordinal * 1000 + attribute)
                }
                var unknown: Int32 = -1
                // A runtime that is newer than the server takes any error for a failure to start.
                #expect(ClientCalls.cuDeviceGetAttribute(&unknown, 160, device) == 0)
                #expect(unknown == 0)
                #expect(ClientCalls.cuDeviceGetAttribute(&unknown, 9999, device) == 1)
                #expect(ClientCalls.cuDeviceGetAttribute(&unknown, 0, device) == 1)
                var uuid = CUuuid()
                #expect(ClientCalls.cuDeviceGetUuid_v2(&uuid, device) == 0)
                var flags: UInt32 = 9
                var active: Int32 = 9
                #expect(ClientCalls.cuDevicePrimaryCtxGetState(device, &flags, &active) == 0)
                #expect(active == 0)
            }
            var context: CUcontext?
            #expect(ClientCalls.cuCtxGetCurrent(&context) == 0)
            #expect(context == nil)
            #expect(ClientCalls.cuDevicePrimaryCtxRetain(&context, 0) == 0)
            #expect(ClientCalls.cuCtxSetCurrent(context) == 0)
            var device: CUdevice = -1
            #expect(ClientCalls.cuCtxGetDevice_v2(&device, context) == 0)
            #expect(device == 0)
        }

        @Test func `the CUDA runtime starts without a round trip`() async throws {
            let server = try FakeServer()
            try await onNewThread {
                defer { Session.end() }
                try #require(start(server) == 0)
                startRuntime()
                #expect(Session.traffic.roundTrips == 0)
                #expect(Session.traffic.bytesSent == 0)
                #expect(server.requests.isEmpty)
                #expect(server.connections == 1)
            }
        }

        @Test func `before the start nothing works`() async throws {
            try await onNewThread {
                var count: Int32 = 0
                var address: CUdeviceptr = 0
                var stream: CUstream?
                #expect(ClientCalls.cuDeviceGetCount(&count) == 3)
                #expect(ClientCalls.cuMemAlloc_v2(&address, 8) == 3)
                #expect(ClientCalls.cuStreamCreate(&stream, 0) == 3)
                #expect(ClientCalls.cuStreamSynchronize(OpaquePointer(bitPattern: 99)) == 3)
                #expect(ClientCalls.cuStreamSynchronize(OpaquePointer(bitPattern: 2)) == 3)
                #expect(ClientCalls.notSupported("cuMipmappedArrayCreate") == 3)
                #expect(ClientCalls.cuInit(1) == 1)
            }
        }

        static let refusals: [(FakeServer.Greeting, Int32)] = [
            (.refuses(.unknownLease, "no such lease"), 46),
            (.refuses(.leaseExpired, ""), 46),
            (.refuses(.tooManyConnections, String(repeating: "x", count: 512)), 46),
            (.wrongProof, 46),
            (.wrongMagic, 46),
            (.otherVersion, 46),
            (.closes, 46),
            (.fails(100, "no GPU"), 100),
            (.fails(0, ""), 46),
            (.sends(Array(repeating: 0, count: 64)), 46),
            (.sends(Array(repeating: 255, count: 64)), 46),
        ]

        @Test(arguments: 0..<refusals.count)
        func `a server that does not serve`(_ index: Int) async throws {
            let (greeting, status) = Self.refusals[index]
            let server = try FakeServer(greets: greeting)
            try await onNewThread {
                defer { Session.end() }
                #expect(start(server) == status)
                var count: Int32 = 0
                #expect(ClientCalls.cuDeviceGetCount(&count) == 3)
                #expect(server.waitForEnd(), "the connection was left open")
            }
        }

        @Test func `a later attempt may succeed`() async throws {
            let bad = try FakeServer(greets: .refuses(.workerFailed, "try later"))
            let good = try FakeServer()
            try await onNewThread {
                defer { Session.end() }
                #expect(start(bad) == 46)
                #expect(start(good) == 0)
                #expect(start(bad) == 0, "there is a session already")
            }
        }

        @Test func `nobody listens`() async throws {
            let server = try FakeServer()
            let text = server.leaseText
            try await onNewThread {
                // Port 1 of the loopback device.
                let port = try #require(text.split(separator: " ").dropLast(2).last)
                let other = text.replacingOccurrences(of: " \(port) ", with: " 1 ")
                let lease = try #require(parseLease(other))
                #expect(Connector.start(lease, visibleDevices: nil) == 46)
            }
        }

        @Test func `snapshots that do not hold together`() async throws {
            var tooMany = Snapshot()
            tooMany.devices = Snapshot(devices: 1).devices
            var bodies = [tooMany.body, tooMany.body, tooMany.body, tooMany.body, []]
            bodies[0].replaceSubrange(4..<8, with: [65, 0, 0, 0])
            bodies[1].replaceSubrange(8..<12, with: [255, 255, 255, 255])
            bodies[2].removeLast(8)
            bodies[3].replaceSubrange(32..<40, with: Array(repeating: 0xFF, count: 8))
            for body in bodies {
                var bytes = [UInt8](repeating: 0, count: 16)
                RecordHeader(
                    size: 16 + body.count,
                    opcode: .snapshot,
                    flags: 0,
                    sequence: 0,
                    context: 0
                ).write(to: &bytes)
                let server = try FakeServer(greets: .sends(bytes + body))
                try await onNewThread {
                    defer { Session.end() }
                    #expect(start(server) == 46)
                }
            }
        }

        @Test func `a name without an end is cut`() async throws {
            var snapshot = Snapshot(devices: 1)
            snapshot.devices[0].name = Array(repeating: 65, count: 128)
            snapshot.devices[0].attributes = Array(repeating: 0x4141_4141, count: 143)
            let server = try FakeServer(snapshot: snapshot)
            try await onNewThread {
                defer { Session.end() }
                try #require(start(server) == 0)
                var name = [CChar](repeating: 1, count: 256)
                #expect(ClientCalls.cuDeviceGetName(&name, 256, 0) == 0)
                #expect(text(name) == String(repeating: "A", count: 127))
                #expect(ClientCalls.cuDeviceGetName(&name, 5, 0) == 0)
                #expect(text(name) == "AAAA")
            }
        }

        @Test func `a server without devices`() async throws {
            let server = try FakeServer(snapshot: Snapshot(devices: 0))
            try await onNewThread {
                defer { Session.end() }
                #expect(start(server) == 100)
                #expect(server.waitForEnd(), "the connection was left open")
            }
        }
    }
}
