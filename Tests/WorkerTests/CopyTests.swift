import Driver
import Testing
import Wire

extension WorkerTests {
    @Suite struct CopyTests {
        private func pattern(_ count: Int, seed: Int = 1) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: $0 * 31 + $0 / 255 + seed) }
        }

        @Test(arguments: [1, 7, 8, 4096, 4097, 65_536, 65_537, WireFormat.maxData])
        func whatGoesInComesOut(size: Int) throws {
            let client = try TestClient(slices: [8 << 20])
            let address = try client.allocate(UInt64(size))
            let data = pattern(size)
            try client.send(.cuMemcpyHtoD_v2, client.uploadBody(address, data))
            #expect(try client.download(address, size) == data)
            let other = pattern(size, seed: 77)
            try client.send(.cuMemcpyHtoDAsync_v2, client.uploadBody(address, other))
            #expect(try client.download(address, size) == other)
            client.close()
        }

        @Test func largeCopiesComeInPieces() throws {
            let client = try TestClient(slices: [8 << 20])
            let size = (3 << 20) + 123
            let address = try client.allocate(UInt64(size))
            let data = pattern(size)
            var offset = 0
            while offset < size {
                let count = min(WireFormat.maxData, size - offset)
                let piece = Array(data[offset..<offset + count])
                try client.send(
                    .cuMemcpyHtoDAsync_v2,
                    client.uploadBody(address + UInt64(offset), piece)
                )
                offset += count
            }
            #expect(try client.download(address, size) == data)
            let sequence = try client.send(
                .cuMemcpyDtoHAsync_v2,
                bytes(address, UInt64(size), UInt64(0))
            )
            #expect(try client.hostData(of: sequence) == data)
            client.close()
        }

        @Test func theSourceOfAnAsynchronousCopyMayChangeAtOnce() throws {
            let client = try TestClient()
            let functions = try client.load()
            let block = try #require(functions["block"])
            let address = try client.allocate(64 * 16)
            let stream = TestHandle.stream(1)
            try client.send(.cuStreamCreate, bytes(stream, UInt32(0)))
            try client.send(.cuLaunchKernel, client.launchBody(block, [], stream: stream))
            // The stream comes to these only later; the receiver's buffer is used again meanwhile.
            for index in UInt8(0)..<64 {
                try client.send(
                    .cuMemcpyHtoDAsync_v2,
                    client.uploadBody(
                        address + 16 * UInt64(index),
                        [UInt8](repeating: index, count: 16),
                        stream: stream
                    )
                )
            }
            try client.call(.cuStreamQuery, bytes(stream))
            FakeDriver.shared.releaseAll()
            let found = try client.download(address, 64 * 16)
            #expect(found == (0..<64).flatMap { [UInt8](repeating: $0, count: 16) })
            client.close()
        }

        @Test func anAsynchronousCopyIsTherebeforeTheReplyThatImpliesIt() throws {
            let client = try TestClient()
            let address = try client.allocate(4096)
            for round in 0..<20 {
                let data = pattern(4096, seed: round)
                try client.send(.cuMemcpyHtoD_v2, client.uploadBody(address, data))
                let copy = try client.send(
                    .cuMemcpyDtoHAsync_v2,
                    bytes(address, UInt64(4096), UInt64(0))
                )
                let opcode: Opcode = round % 2 == 0 ? .cuStreamSynchronize : .cuStreamQuery
                let wait = try client.ask(opcode, bytes(UInt64(0)))
                #expect(try client.reply(to: wait).status == 0)
                let order = client.received.filter { $0.sequence == copy || $0.sequence == wait }
                #expect(order.map(\.opcode) == [.hostData, .reply])
                #expect(try client.hostData(of: copy) == data)
            }
            client.close()
        }

        @Test func anAsynchronousCopyComesWithoutBeingAskedFor() throws {
            let client = try TestClient()
            let address = try client.allocate(64)
            try client.send(.cuMemsetD8_v2, bytes(address, UInt32(9), UInt32(0), UInt64(64)))
            let copy = try client.send(
                .cuMemcpyDtoHAsync_v2,
                bytes(address, UInt64(64), UInt64(0))
            )
            #expect(try client.hostData(of: copy) == [UInt8](repeating: 9, count: 64))
            client.close()
        }

        @Test func aFailedAsynchronousCopyEndsAndIsReported() throws {
            let client = try TestClient()
            let address = try client.allocate(64)
            FakeDriver.shared.locked { FakeDriver.shared.failing = ["downloadAsync 64": 719] }
            let copy = try client.send(
                .cuMemcpyDtoHAsync_v2,
                bytes(address, UInt64(64), UInt64(0))
            )
            let last = try client.first { $0.opcode == .hostData && $0.sequence == copy }
            #expect(last.load(8, as: UInt32.self) == 0)
            #expect(last.load(12, as: UInt16.self) == 719)
            #expect(last.load(14, as: UInt16.self) == 1)
            let reply = try client.call(.cuStreamQuery, bytes(UInt64(0)))
            #expect(reply.deferredStatus == 719)
            #expect(reply.deferredOpcode == Opcode.cuMemcpyDtoHAsync_v2.rawValue)
            client.close()
        }

        @Test func anAsynchronousCopyWithReplyWaits() throws {
            let client = try TestClient()
            let address = try client.allocate(3000)
            let data = pattern(3000)
            try client.send(.cuMemcpyHtoD_v2, client.uploadBody(address, data))
            let copy = try client.ask(
                .cuMemcpyDtoHAsync_v2,
                bytes(address, UInt64(3000), UInt64(0))
            )
            #expect(try client.reply(to: copy).status == 0)
            #expect(try client.hostData(of: copy) == data)
            client.close()
        }

        @Test func stagingMemoryIsBounded() throws {
            let client = try TestClient(slices: [256 << 20])
            let size = 1 << 20
            let address = try client.allocate(UInt64(size))
            let data = pattern(size)
            for index in 0..<800 {
                let offset = index % 8 * WireFormat.maxData
                let piece = Array(data[offset..<offset + WireFormat.maxData])
                let body = client.uploadBody(address + UInt64(offset), piece)
                try client.send(.cuMemcpyHtoDAsync_v2, body)
            }
            var copies: [UInt32] = []
            for _ in 0..<250 {
                copies.append(
                    try client.send(
                        .cuMemcpyDtoHAsync_v2,
                        bytes(address, UInt64(size), UInt64(0))
                    )
                )
            }
            for copy in copies { #expect(try client.hostData(of: copy) == data) }
            let staging = FakeDriver.shared.locked {
                FakeDriver.shared.hostMemory.values.reduce(0, +)
            }
            // What a client may have in use, and half of what its streams share.
            #expect(staging <= Staging.most + Staging.shared / 2)
            #expect(staging >= Staging.shared)
            client.close()
        }
    }
}
