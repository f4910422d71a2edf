import Driver
import Foundation
import Testing
import Transport
import Wire
import Worker

extension WorkerTests {
    /// Functions of the program that streams call.
    @Suite struct HostFunctionTests {
        private func body(_ stream: UInt64, _ number: UInt64) -> [UInt8] { bytes(stream, number) }

        /// A client that runs what is called on the channel.
        private func start() throws -> (TestClient, Channel) {
            let client = try TestClient(slices: [1 << 20])
            let channel = try #require(try client.openBulk())
            try channel.send(BulkFrame(.listen))
            return (client, channel)
        }

        private func stream(_ client: TestClient, _ index: UInt64 = 0) throws -> UInt64 {
            let stream = TestHandle.stream(index)
            try client.send(.cuStreamCreate, bytes(stream, UInt32(0), UInt32(0)))
            return stream
        }

        @Test func aStreamWaitsForItsFunctions() throws {
            let (client, channel) = try start()
            let stream = try stream(client)
            for number in 1...3 {
                try client.send(.cuLaunchHostFunc, body(stream, UInt64(number)))
            }
            let wait = try client.ask(.cuStreamSynchronize, bytes(stream))
            for number in 1...3 {
                let frame = try channel.frame()
                #expect(frame.kind == .call && frame.transfer == UInt64(number))
                #expect(frame.status == 0 && frame.slot == 0)
                #expect(try channel.wait(for: Int32(POLLIN), timeout: 20) == 0)
                #expect(!client.hears(within: 20))
                // Everybody else goes on.
                #expect(try client.call(.cuStreamQuery, bytes(stream)).status == Status.notReady)
                #expect(try client.call(.cuStreamQuery, bytes(UInt64(0))).status == 0)
                try channel.send(BulkFrame(.returned, transfer: UInt64(number)))
            }
            #expect(try client.reply(to: wait).status == 0)
            client.close()
        }

        @Test func aCallbackIsToldTheStatus() throws {
            let (client, channel) = try start()
            try client.send(.cuStreamAddCallback, body(0, 9))
            let frame = try channel.frame()
            #expect(frame.kind == .call && frame.transfer == 9 && frame.status == 719)
            try channel.send(BulkFrame(.returned, transfer: 9))
            #expect(try client.call(.cuStreamSynchronize, bytes(UInt64(0))).status == 0)
            client.close()
        }

        @Test func streamsDoNotWaitForEachOther() throws {
            let (client, channel) = try start()
            let streams = try (0..<4).map { try stream(client, $0) }
            for (number, stream) in streams.enumerated() {
                try client.send(.cuLaunchHostFunc, body(stream, UInt64(number)))
            }
            let called = try Set((0..<4).map { _ in try channel.frame().transfer })
            #expect(called == [0, 1, 2, 3])
            for number in called.sorted().reversed() {
                try channel.send(BulkFrame(.returned, transfer: number))
                let status = try client.call(.cuStreamSynchronize, bytes(streams[Int(number)]))
                #expect(status.status == 0)
            }
            client.close()
        }

        @Test func aFunctionIsCalledOnceThereIsAChannel() throws {
            let client = try TestClient(slices: [1 << 20])
            try client.send(.cuLaunchHostFunc, body(0, 1))
            #expect(try client.call(.cuStreamQuery, bytes(UInt64(0))).status == Status.notReady)
            let channel = try #require(try client.openBulk())
            try channel.send(BulkFrame(.listen))
            #expect(try channel.frame().transfer == 1)
            try channel.send(BulkFrame(.returned, transfer: 1))
            #expect(try client.call(.cuStreamSynchronize, bytes(UInt64(0))).status == 0)
            client.close()
        }

        /// What a call says has arrived includes the copies before it.
        @Test func copiesBeforeItComeFirst() throws {
            let (client, channel) = try start()
            let address = try client.allocate(1000)
            let before = client.received.reduce(0) { $0 + WireFormat.headerSize + $1.body.count }
            for number in 1...5 {
                let copy = try client.send(
                    .cuMemcpyDtoHAsync_v2,
                    bytes(address, UInt64(1000), UInt64(0))
                )
                try client.send(.cuLaunchHostFunc, body(0, UInt64(number)))
                let frame = try channel.frame()
                #expect(frame.transfer == UInt64(number))
                let record = WireFormat.headerSize + HostDataLayout.data + 1000
                #expect(frame.offset == UInt64(before + number * record))
                #expect(try client.hostData(of: copy).count == 1000)
                try channel.send(BulkFrame(.returned, transfer: UInt64(number)))
            }
            client.close()
        }

        @Test func whatTheDriverRefusesIsDropped() throws {
            let (client, channel) = try start()
            FakeDriver.shared.locked { FakeDriver.shared.failing["cuLaunchHostFunc"] = 999 }
            try client.send(.cuLaunchHostFunc, body(0, 4))
            let dropped = try channel.frame()
            #expect(dropped.kind == .call && dropped.slot == BulkFrame.isDropped)
            #expect(dropped.transfer == 4)
            // So is one in a stream, or in a context, that is not there.
            try client.send(.cuLaunchHostFunc, body(TestHandle.stream(77), 5))
            #expect(try channel.frame().transfer == 5)
            try client.send(.cuStreamAddCallback, body(0, 6), context: 900)
            #expect(try channel.frame().transfer == 6)
            let reply = try client.call(.cuStreamQuery, bytes(UInt64(0)))
            #expect(reply.deferredStatus == 999)
            #expect(reply.deferredOpcode == Opcode.cuLaunchHostFunc.rawValue)
            client.close()
        }

        @Test func aNumberNamesOneFunction() throws {
            let (client, channel) = try start()
            try client.send(.cuLaunchHostFunc, body(0, 1))
            try client.send(.cuLaunchHostFunc, body(0, 1))
            let reply = try client.call(.cuStreamQuery, bytes(UInt64(0)))
            #expect(reply.deferredStatus == UInt16(Status.invalidValue))
            #expect(try channel.frame().transfer == 1)
            try channel.send(BulkFrame(.returned, transfer: 1))
            #expect(try client.call(.cuStreamSynchronize, bytes(UInt64(0))).status == 0)
            // It is free again.
            try client.send(.cuLaunchHostFunc, body(0, 1))
            #expect(try channel.frame().transfer == 1)
            client.close()
        }

        @Test func thereAreNotAnyNumber() throws {
            let (client, channel) = try start()
            let stream = try client.blockStream()
            let most = 2 * HostFunctionLayout.most
            for number in 0..<most {
                try client.send(.cuLaunchHostFunc, body(stream, UInt64(number)))
            }
            #expect(try client.call(.cuStreamQuery, bytes(UInt64(0))).deferredStatus == 0)
            try client.send(.cuLaunchHostFunc, body(stream, UInt64(most)))
            let reply = try client.call(.cuStreamQuery, bytes(UInt64(0)))
            #expect(reply.deferredStatus == UInt16(Status.invalidValue))
            channel.shutDown()
            client.close()
        }

        /// Nobody is there who could run them: the driver's threads go on, and the stream.
        @Test(arguments: [true, false])
        func theEndOfTheChannelEndsThem(isOrderly: Bool) throws {
            let (client, channel) = try start()
            try client.send(.cuLaunchHostFunc, body(0, 1))
            try client.send(.cuLaunchHostFunc, body(0, 2))
            let wait = try client.ask(.cuStreamSynchronize, bytes(UInt64(0)))
            #expect(try channel.frame().transfer == 1)
            if isOrderly {
                channel.shutDown()
            } else {
                // It was not called yet.
                try channel.send(BulkFrame(.returned, transfer: 2))
                #expect(throws: (any Error).self) { while true { _ = try channel.frame() } }
            }
            #expect(try client.reply(to: wait).status == 0)
            client.close()
        }

        @Test func theEndOfTheSessionEndsThem() throws {
            let (client, channel) = try start()
            try client.send(.cuLaunchHostFunc, body(0, 1))
            #expect(try channel.frame().transfer == 1)
            #expect(client.close() == .clientClosed)
            #expect(throws: (any Error).self) { while true { _ = try channel.frame() } }
        }

        @Test func onlyOneChannelListens() throws {
            let (client, channel) = try start()
            try client.send(.cuLaunchHostFunc, body(0, 1))
            #expect(try channel.frame().transfer == 1)
            let second = try #require(try client.openBulk())
            try second.send(BulkFrame(.listen))
            #expect(throws: (any Error).self) { try second.frame() }
            try channel.send(BulkFrame(.returned, transfer: 1))
            #expect(try client.call(.cuStreamSynchronize, bytes(UInt64(0))).status == 0)
            client.close()
        }

        @Test(arguments: [Opcode.cuLaunchHostFunc, .cuStreamAddCallback])
        func aBodyThatDoesNotFit(opcode: Opcode) throws {
            let client = try TestClient(slices: [1 << 20])
            try client.send(opcode, [UInt8](repeating: 0, count: 24))
            #expect(try client.first { $0.opcode == .failure }.text.contains("does not fit"))
            client.socket.shutDown()
            #expect(client.waitForExit() == .protocolViolation)
        }
    }
}
