import Driver
import Foundation
import Testing
import Transport
import Wire
import Worker

extension WorkerTests {
    /// What a client must not do: a clear text, the end of this connection, nothing else.
    @Suite struct HostileInputTests {
        /// Sends bytes and expects a failure record that says `reason`, and exit status 4.
        private func expectFailure(
            _ reason: String,
            _ bytes: (TestClient) throws -> [UInt8]
        ) throws {
            let client = try TestClient()
            try client.call(.cuStreamQuery, littleEndian(UInt64(0)))
            try client.send(raw: try bytes(client))
            let failure = try client.first { $0.opcode == .failure }
            #expect(failure.text.contains(reason), "\(failure.text)")
            client.socket.shutDown()
            #expect(client.waitForExit() == .protocolViolation)
        }

        @Test func unknownOpcode() throws {
            try expectFailure("unknown opcode 0x7fff") { $0.encode(0x7FFF, []) }
        }

        @Test(arguments: [Opcode.reply, .snapshot, .failure, .hostData, .output])
        func opcodesOfTheOtherSide(opcode: Opcode) throws {
            try expectFailure("unknown opcode") { $0.encode(opcode.rawValue, [0, 0, 0, 0]) }
        }

        @Test func skippedSequence() throws {
            try expectFailure("record 3 instead of 2") { client in
                client.sequence += 1
                return client.encode(Opcode.cuCtxSynchronize.rawValue, [])
            }
        }

        @Test func repeatedSequence() throws {
            try expectFailure("record 1 instead of 2") { client in
                client.sequence = 0
                return client.encode(Opcode.cuCtxSynchronize.rawValue, [])
            }
        }

        @Test(arguments: [UInt32(0), 8, 15, 17, 23])
        func impossibleSizes(size: UInt32) throws {
            try expectFailure("a record of \(size) bytes") { client in
                var record = client.encode(Opcode.cuCtxSynchronize.rawValue, [])
                record.replaceSubrange(0..<4, with: littleEndian(size))
                return record
            }
        }

        @Test(arguments: [UInt32(196_616), 0x7FFF_FFF8, 0xFFFF_FFF8])
        func oversizedRecords(size: UInt32) throws {
            try expectFailure("a record of \(size) bytes (at most 196608)") { client in
                var record = client.encode(Opcode.chunk.rawValue, [])
                record.replaceSubrange(0..<4, with: littleEndian(size))
                return record
            }
        }

        @Test func acknowledgementOfWhatWasNeverSent() throws {
            try expectFailure("the body of acknowledge does not fit") { _ in
                TestClient.control(.acknowledge, 1 << 40)
            }
        }

        @Test func resumptionWithoutACut() throws {
            try expectFailure("unknown opcode 0x8") { _ in TestClient.control(.resume, 0) }
        }

        /// Keeps its session only up to a bound.
        @Test func aClientThatNeverAcknowledges() throws {
            let client = try TestClient(slices: [64 << 20])
            client.acknowledges = false
            let size = UInt64(16 << 20)
            let address = try client.allocate(size)
            // To page-locked memory: nothing waits for the client but the worker's own bound.
            for _ in 0..<40 {
                try client.send(.cuMemcpyDtoHAsync_v2, bytes(address, size, UInt64(0)))
            }
            #expect(throws: (any Error).self) {
                while true { try client.receive(timeout: 10_000) }
            }
            #expect(client.waitForExit() == .clientClosed)
        }

        @Test func truncatedRecord() throws {
            let client = try TestClient()
            let record = client.encode(Opcode.cuStreamQuery.rawValue, littleEndian(UInt64(0)))
            try client.send(raw: Array(record.dropLast(4)))
            _ = shutdown(client.socket.descriptor, Int32(SHUT_WR))
            let failure = try client.first { $0.opcode == .failure }
            #expect(failure.text.contains("ended inside a record"))
            client.socket.shutDown()
            #expect(client.waitForExit() == .protocolViolation)
        }

        @Test func everyCallWithABodyOfTheWrongSize() throws {
            for opcode in Opcode.allCases where opcode.rawValue >= 0x100 {
                // No call has a body of exactly 8 × 5 bytes more than the largest fixed one, and
                // the ones of variable size say how long they are.
                let body = [UInt8](repeating: 0xFF, count: 8 * 137)
                try expectFailure("the body of \(opcode.name) does not fit") {
                    $0.encode(opcode.rawValue, body)
                }
            }
        }

        @Test func chunksOutOfPlace() throws {
            let name = Opcode.chunk.rawValue
            try expectFailure("chunk") {
                $0.encode(name, bytes(UInt64(8), UInt64(8), UInt64(0)))
            }
            try expectFailure("chunk") {
                $0.encode(name, bytes(UInt64(0), UInt64(16), UInt64(0)))
            }
            try expectFailure("chunk") { $0.encode(name, bytes(UInt64(0), UInt64.max)) }
        }

        @Test func loadsThatLieAboutTheImage() throws {
            let load = Opcode.cuLibraryLoadData.rawValue
            try expectFailure("cuLibraryLoadData") {
                $0.encode(load, $0.loadBody(TestHandle.image(1), 1 << 40))
            }
            try expectFailure("cuLibraryLoadData") {
                var body = $0.loadBody(TestHandle.image(1), 0)
                body.replaceSubrange(24..<28, with: littleEndian(UInt32.max))
                return $0.encode(load, body)
            }
        }

        @Test func launchesThatLieAboutTheirSize() throws {
            let launch = Opcode.cuLaunchKernel.rawValue
            for count in [UInt32(8), 32_768, .max] {
                try expectFailure("cuLaunchKernel") {
                    var body = $0.launchBody(1, [])
                    body.replaceSubrange(36..<40, with: littleEndian(count))
                    return $0.encode(launch, body)
                }
            }
            try expectFailure("cuLaunchKernelEx") {
                var body = $0.launchBody(1, [])
                body.replaceSubrange(4..<8, with: littleEndian(UInt32.max))
                return $0.encode(Opcode.cuLaunchKernelEx.rawValue, body)
            }
        }

        @Test func copiesThatLieAboutTheirSize() throws {
            for length in [UInt64(0), 100, 1 << 21, .max] {
                try expectFailure("cuMemcpyHtoD_v2") {
                    var body = $0.uploadBody(0, [1, 2, 3, 4, 5, 6, 7, 8])
                    body.replaceSubrange(8..<16, with: littleEndian(length))
                    return $0.encode(Opcode.cuMemcpyHtoD_v2.rawValue, body)
                }
            }
        }

        private static let bogusHandles: [UInt64] = [
            0x4000_0000_0000, 3, 16, .max, 0x4200_0000_0000, 0x4100_0000_0001, 0x410F_FFFF_FFF0,
            0x8100_0000_0000,
        ]

        @Test(arguments: bogusHandles)
        func bogusHandlesAreAnswered(handle: UInt64) throws {
            let client = try TestClient()
            let made = try client.call(.cuStreamCreate, bytes(handle, UInt32(0)))
            #expect(made.status == Status.invalidHandle)
            let query = try client.call(.cuStreamQuery, bytes(handle))
            #expect(query.status == Status.invalidHandle)
            let unload = try client.call(.cuModuleUnload, bytes(handle))
            #expect(unload.status == Status.invalidHandle)
            let limit = try client.call(
                .cuOccupancyMaxActiveBlocksPerMultiprocessor,
                bytes(handle, Int32(64), Int32(0), UInt64(0))
            )
            #expect(limit.status == Status.invalidHandle)
            #expect(client.close() == .clientClosed)
        }

        @Test func bogusContextsAreAnswered() throws {
            let client = try TestClient()
            for context in [UInt32(3), 64, 65, 1023, 1024, 70_000, .max] {
                let reply = try client.call(.cuMemGetInfo_v2, context: context)
                #expect(reply.status == Status.invalidContext)
            }
            for identifier in [UInt32(0), 1, 64, 1024, .max] {
                let create = bytes(identifier, UInt32(0), Int32(0), UInt32(0))
                let reply = try client.call(.cuCtxCreate_v2, create, context: 0)
                #expect(reply.status == Status.invalidValue)
            }
            for device in [Int32(-1), 2, .max, .min] {
                let create = bytes(UInt32(70), UInt32(0), device, UInt32(0))
                let reply = try client.call(.cuCtxCreate_v2, create, context: 0)
                #expect(reply.status == Status.invalidDevice)
                let reset = try client.call(
                    .cuDevicePrimaryCtxReset_v2,
                    bytes(device, Int32(0)),
                    context: 0
                )
                #expect(reset.status == Status.invalidDevice)
            }
            client.close()
        }

        @Test func contextsAreNotWithoutEnd() throws {
            let client = try TestClient()
            for identifier in UInt32(65)..<129 {
                let create = bytes(identifier, UInt32(0), Int32(0), UInt32(0))
                #expect(try client.call(.cuCtxCreate_v2, create, context: 0).status == 0)
            }
            let create = bytes(UInt32(200), UInt32(0), Int32(0), UInt32(0))
            let reply = try client.call(.cuCtxCreate_v2, create, context: 0)
            #expect(reply.status == Status.invalidValue)
            client.close()
        }
    }
}
