import Driver
import Testing
import Transport
import Wire
import Worker

extension WorkerTests {
    @Suite struct ArrayTests {
        /// A side of a copy of a box.
        enum Side {
            case host
            case device(UInt64, pitch: Int, rows: Int)
            case array(UInt64, x: Int = 0, y: Int = 0, z: Int = 0)

            var kind: UInt32 {
                switch self {
                case .host: 1
                case .device: 2
                case .array: 3
                }
            }

            var words: [Int] {
                switch self {
                case .host: [0, 0, 0, 0, 0, 0]
                case .device(let address, let pitch, let rows):
                    [Int(address), 0, 0, 0, pitch, rows]
                case .array(let handle, let x, let y, let z): [Int(handle), x, y, z, 0, 0]
                }
            }
        }

        private func body(
            _ from: Side,
            _ to: Side,
            _ extent: (Int, Int, Int),
            stream: UInt64 = 0,
            _ data: [UInt8] = []
        ) -> [UInt8] {
            let head = bytes(from.kind, to.kind, stream, extent.0, extent.1, extent.2)
            return head + (from.words + to.words).flatMap { littleEndian($0) } + data
        }

        /// Texels are floats.
        private func create(
            _ handle: UInt64,
            _ width: Int,
            _ height: Int = 0,
            _ depth: Int = 0,
            format: Int32 = 0x20,
            channels: UInt32 = 1
        ) -> [UInt8] {
            bytes(handle, width, height, depth, format, channels, UInt64(0))
        }

        private func pattern(_ count: Int, _ seed: Int = 1) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: $0 * 31 + $0 / 255 + seed) }
        }

        private let array = TestHandle.array(0)

        /// A box that the client asks for, in three ways.
        private func download(
            _ client: TestClient,
            _ from: Side,
            _ extent: (Int, Int, Int)
        ) throws -> [[UInt8]] {
            let body = body(from, .host, extent)
            let waited = try client.ask(.cuMemcpy3D_v2, body)
            try #require(try client.reply(to: waited).status == 0)
            let later = try client.send(.cuMemcpy3DAsync_v2, body)
            let pageable = try client.ask(.cuMemcpy3DAsync_v2, body)
            try #require(try client.reply(to: pageable).status == 0)
            return try [waited, later, pageable].map { try client.hostData(of: $0) }
        }

        @Test(arguments: [(5, 0, 0), (10, 30, 0), (10, 6, 7), (1 << 16, 3, 0), (64, 64, 40)])
        func whatGoesInComesOut(_ size: (Int, Int, Int)) throws {
            let client = try TestClient(slices: [8 << 20])
            let create = create(array, size.0, size.1, size.2)
            #expect(try client.call(.cuArray3DCreate_v2, create).status == 0)
            let (row, rows, slices) = (size.0 * 4, max(size.1, 1), max(size.2, 1))
            let all = BoxExtent(width: row, height: rows, depth: slices)
            for (seed, opcode) in [Opcode.cuMemcpy3D_v2, .cuMemcpy3DAsync_v2].enumerated() {
                let data = pattern(all.bytes, seed)
                var done = 0
                while done < data.count {
                    let piece = all.piece(at: done, most: WireFormat.maxData)
                    let count = piece.extent.bytes
                    let to = Side.array(array, x: piece.x, y: piece.y, z: piece.z)
                    let extent = piece.extent
                    let body = body(
                        .host,
                        to,
                        (extent.width, extent.height, extent.depth),
                        Array(data[done..<done + count])
                    )
                    try client.send(opcode, body)
                    done += count
                }
                for found in try download(client, .array(array), (row, rows, slices)) {
                    #expect(found == data)
                }
            }
            client.close()
        }

        /// Client and worker count alike, also what is left of rows that are longer than a piece.
        @Test func aBoxTakesTheMemoryThatTheClientCounts() throws {
            let client = try TestClient(slices: [8 << 20])
            let stream = try client.blockStream()
            let extent = BoxExtent(width: 150_000, height: 3, depth: 1)
            let create = create(array, extent.width / 4, extent.height)
            #expect(try client.call(.cuArray3DCreate_v2, create).status == 0)
            let size = (extent.width, extent.height, extent.depth)
            let copy = body(.array(array), .host, size, stream: stream)
            let later = try client.send(.cuMemcpy3DAsync_v2, copy)
            let most = UInt64.max
            let room = try client.call(.stagingRoom, bytes(stream, most, most))
            #expect(room.load(16, as: UInt64.self) == UInt64(Staging.taken(by: extent)))
            FakeDriver.shared.releaseAll()
            #expect(try client.hostData(of: later).count == extent.bytes)
            client.close()
        }

        @Test func partsAndMemoryOfTheGPU() throws {
            let client = try TestClient()
            #expect(try client.call(.cuArray3DCreate_v2, create(array, 8, 5, 3)).status == 0)
            let data = pattern(32 * 5 * 3)
            try client.send(.cuMemcpy3D_v2, body(.host, .array(array), (32, 5, 3), data))
            let address = try client.allocate(4096)
            let device = Side.device(address + 100, pitch: 50, rows: 7)
            let part = Side.array(array, x: 4, y: 1, z: 1)
            try client.send(.cuMemcpy3DAsync_v2, body(part, device, (20, 3, 2)))
            var wanted: [UInt8] = []
            for row in [6, 7, 8, 11, 12, 13] {
                wanted += data[row * 32 + 4..<row * 32 + 24]
            }
            for found in try download(client, device, (20, 3, 2)) { #expect(found == wanted) }
            for found in try download(client, part, (20, 3, 2)) { #expect(found == wanted) }
            client.close()
        }

        // MARK: - Memory

        private func free(_ client: TestClient, context: UInt32 = 1) throws -> UInt64 {
            try client.call(.cuMemGetInfo_v2, context: context).load(8, as: UInt64.self)
        }

        @Test func arraysCountAgainstTheSlice() throws {
            let client = try TestClient(slices: [65_536, 65_536])
            // 40 bytes take a block of 64, 9 rows two of 8.
            #expect(try client.call(.cuArray3DCreate_v2, create(array, 10, 9, 2)).status == 0)
            #expect(try free(client) == 65_536 - 64 * 16 * 2)
            let other = TestHandle.array(1)
            let large = create(other, 4096, 4)
            #expect(try client.call(.cuArray3DCreate_v2, large).status == Status.outOfMemory)
            #expect(try client.call(.cuArrayDestroy, bytes(array)).status == 0)
            #expect(try free(client) == 65_536)
            #expect(try client.call(.cuArrayDestroy, bytes(array)).status == Status.invalidHandle)
            // What the driver refuses costs nothing.
            let odd = create(array, 16, 16, format: 0x77)
            #expect(try client.call(.cuArray3DCreate_v2, odd).status == Status.invalidValue)
            #expect(try free(client) == 65_536)
            client.close()
        }

        @Test func arraysGoWithTheirContext() throws {
            let client = try TestClient(slices: [65_536])
            let context = bytes(UInt32(65), UInt32(0), Int32(0), UInt32(0))
            #expect(try client.call(.cuCtxCreate_v2, context, context: 0).status == 0)
            let body = create(array, 64, 64)
            #expect(try client.call(.cuArray3DCreate_v2, body, context: 65).status == 0)
            #expect(
                try client.call(.cuCtxDestroy_v2, bytes(UInt32(65), UInt32(0)), context: 0).status
                    == 0
            )
            #expect(try free(client) == 65_536)
            #expect(try client.call(.cuArrayDestroy, bytes(array)).status == Status.invalidHandle)
            #expect(try client.call(.cuArray3DCreate_v2, body).status == 0)
            let reset = bytes(Int32(0), UInt32(0))
            #expect(try client.call(.cuDevicePrimaryCtxReset_v2, reset, context: 0).status == 0)
            #expect(try free(client) == 65_536)
            client.close()
        }

        @Test(arguments: [
            (Int.max, 1, 1), (1 << 28, 1 << 17, 1 << 17), (4, -1, 0), (4, 4, 1 << 18),
        ])
        func senselessSizesNeverReachTheDriver(_ size: (Int, Int, Int)) throws {
            let client = try TestClient(slices: [1 << 40])
            let status = try client.call(.cuArray3DCreate_v2, create(array, size.0, size.1, size.2))
                .status
            #expect(status == Status.invalidValue || status == Status.outOfMemory)
            #expect(!FakeDriver.shared.locked { FakeDriver.shared.calls }.contains("array"))
            client.close()
        }

        // MARK: - Nonsense

        @Test func whatNamesNothing() throws {
            let client = try TestClient()
            #expect(try client.call(.cuArray3DCreate_v2, create(array, 8, 8)).status == 0)
            // In use, of another kind, and no handle at all.
            for handle in [array, TestHandle.stream(0), 5] {
                let reply = try client.call(.cuArray3DCreate_v2, create(handle, 8, 8))
                #expect(reply.status == Status.invalidHandle)
            }
            let address = try client.allocate(256)
            let whole = Side.array(array)
            let wrong: [(Side, Side, Int32)] = [
                (whole, .array(TestHandle.array(3)), Status.invalidHandle),
                (.array(TestHandle.image(0)), whole, Status.invalidHandle),
                (whole, .array(array, y: 5), Status.invalidValue),
                (whole, .array(array, z: Int.max), Status.invalidValue),
                (whole, .device(address, pitch: 32, rows: 8), Status.success),
                (whole, .device(address + 1, pitch: 32, rows: 8), Status.invalidValue),
                (whole, .device(address, pitch: 33, rows: 8), Status.invalidValue),
                (whole, .device(address, pitch: 31, rows: 8), Status.invalidValue),
                (whole, .device(address, pitch: Int.max, rows: 8), Status.invalidValue),
                (whole, .device(0x1000, pitch: 32, rows: 8), Status.invalidValue),
            ]
            for (from, to, status) in wrong {
                for opcode in [Opcode.cuMemcpy3D_v2, .cuMemcpy3DAsync_v2] {
                    #expect(try client.call(opcode, body(from, to, (32, 8, 1))).status == status)
                }
            }
            let stream = body(whole, whole, (32, 8, 1), stream: TestHandle.stream(9))
            #expect(try client.call(.cuMemcpy3DAsync_v2, stream).status == Status.invalidHandle)
            let unknown = bytes(array, UInt64(0), TestHandle.array(3), UInt64(0), UInt64(4))
            #expect(try client.call(.cuMemcpyAtoA_v2, unknown).status == Status.invalidHandle)
            client.close()
        }

        /// The client waits for the bytes of a copy without a reply.
        @Test func aCopyThatFailsSaysSo() throws {
            let client = try TestClient()
            let sequence = try client.send(
                .cuMemcpy3DAsync_v2,
                body(.array(array), .host, (4, 1, 1))
            )
            let last = try client.first { $0.opcode == .hostData && $0.sequence == sequence }
            #expect(last.load(12, as: UInt16.self) == UInt16(Status.invalidHandle))
            #expect(last.load(14, as: UInt16.self) == 1)
            client.close()
        }

        static let malformed: [(UInt32, UInt32, (Int, Int, Int), Int)] = [
            (1, 1, (8, 1, 1), 8), (1, 3, (8, 1, 1), 0), (1, 3, (8, 1, 1), 16), (3, 1, (8, 1, 1), 8),
            (0, 3, (8, 1, 1), 0), (3, 9, (8, 1, 1), 0), (3, 3, (0, 1, 1), 0), (3, 3, (1, 0, 1), 0),
            (3, 3, (1, 1, 0), 0), (3, 1, (1 << 40, 1 << 40, 1 << 40), 0), (3, 3, (-1, 1, 1), 0),
            (1, 3, (1 << 20, 1, 1), 8), (1, 3, (1 << 32, 1 << 32, 1), 0),
        ]

        @Test(arguments: malformed)
        func lengthsThatContradict(
            _ from: UInt32,
            _ to: UInt32,
            _ size: (Int, Int, Int),
            _ data: Int
        ) throws {
            let client = try TestClient()
            var body = bytes(from, to, UInt64(0), size.0, size.1, size.2)
            body += [UInt8](repeating: 0, count: 96 + data)
            try client.send(.cuMemcpy3D_v2, body)
            #expect(try client.first { $0.opcode == .failure }.text.isEmpty == false)
            client.socket.shutDown()
            #expect(client.waitForExit() == .protocolViolation)
        }
    }
}
