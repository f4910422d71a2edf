import Driver
import Foundation
import Testing
import Transport
import Wire
import Worker

extension WorkerTests {
    @Suite struct BulkTests {
        private let most = BulkFrame.most

        /// Sends bytes and gives the slot that they are in.
        private func store(_ data: [UInt8], on channel: Channel) throws -> UInt32 {
            try channel.send(BulkFrame(.data, length: data.count))
            try data.withUnsafeBytes { try channel.sendAll($0) }
            let answer = try channel.frame()
            #expect(answer.kind == .stored)
            return answer.slot
        }

        private func upload(
            _ address: UInt64,
            _ count: Int,
            _ slot: UInt32,
            stream: UInt64 = 0
        ) -> [UInt8] {
            bytes(address, UInt64(count), stream, slot, UInt32(0))
        }

        private func download(
            _ address: UInt64,
            _ count: Int,
            _ number: UInt64,
            channels: UInt32 = 1,
            stream: UInt64? = nil
        ) -> [UInt8] {
            let isInStream: UInt32 = stream == nil ? 0 : 1
            return bytes(address, UInt64(count), stream ?? 0, number, channels, isInStream)
        }

        private func noise(_ count: Int) -> [UInt8] {
            var generator = SystemRandomNumberGenerator()
            return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        }

        /// Fetches what a channel gets of a download, into its places.
        private func fetch(_ number: UInt64, _ channel: Channel, _ data: inout [UInt8]) throws
            -> Int32
        {
            try channel.send(BulkFrame(.fetch, transfer: number))
            while true {
                let frame = try channel.frame()
                #expect(frame.transfer == number)
                if frame.kind == .end { return frame.status }
                #expect(frame.kind == .data)
                let place = Int(frame.offset)..<Int(frame.offset) + frame.length
                data.replaceSubrange(place, with: try channel.bytes(frame.length))
            }
        }

        @Test func bytesArriveBothWays() throws {
            let client = try TestClient(slices: [8 << 20])
            let channel = try #require(try client.openBulk())
            let count = 3 * most + 17
            let address = try client.allocate(UInt64(count))
            let data = noise(count)
            for offset in stride(from: 0, to: count, by: most) {
                let piece = Array(data[offset..<min(offset + most, count)])
                let slot = try store(piece, on: channel)
                try client.send(.upload, upload(address + UInt64(offset), piece.count, slot))
            }
            for (number, stream) in [(UInt64(1), nil), (2, UInt64(0))] {
                let wait = try client.ask(
                    .download,
                    download(address, count, number, stream: stream)
                )
                var back = [UInt8](repeating: 0, count: count)
                #expect(try fetch(number, channel, &back) == 0)
                #expect(back == data)
                #expect(try client.reply(to: wait).status == 0)
            }
            client.close()
        }

        @Test func bytesLieWhereTheClientCanReachThem() throws {
            let client = try TestClient(slices: [16 << 20])
            let channel = try #require(try client.openBulk())
            let slots = try #require(client.borrowSlots())
            defer { slots.unmap() }
            let count = 6 * most + 17
            let address = try client.allocate(UInt64(count))
            let data = noise(count)
            for offset in stride(from: 0, to: count, by: most) {
                try channel.send(BulkFrame(.want))
                let answer = try channel.frame()
                #expect(answer.kind == .stored)
                let size = min(most, count - offset)
                slots.bytes[(Int(answer.slot) * most)...].copyBytes(
                    from: data[offset..<offset + size]
                )
                try client.send(.upload, upload(address + UInt64(offset), size, answer.slot))
            }
            for (number, stream) in [(UInt64(1), nil), (2, UInt64(0))] {
                let wait = try client.ask(
                    .download,
                    download(address, count, number, stream: stream)
                )
                var back = [UInt8](repeating: 0, count: count)
                try channel.send(BulkFrame(.fetch, slot: 1, transfer: number))
                var frame = try channel.frame()
                while frame.kind == .filled {
                    let slot = Int(frame.slot) * most
                    let place = Int(frame.offset)..<Int(frame.offset) + frame.length
                    back.replaceSubrange(place, with: slots.bytes[slot..<slot + frame.length])
                    try channel.send(BulkFrame(.taken, slot: frame.slot))
                    frame = try channel.frame()
                }
                #expect(frame == BulkFrame(.end, transfer: number))
                #expect(back == data)
                #expect(try client.reply(to: wait).status == 0)
            }
            client.close()
        }

        @Test func packedBytesArriveWhole() throws {
            let client = try TestClient(slices: [8 << 20])
            let channel = try #require(try client.openBulk())
            let address = try client.allocate(300)
            // An LZ4 block: one literal, which is repeated 294 times at distance 1, and five literals.
            let block: [UInt8] = [0x1F, 7, 1, 0, 255, 20, 0x50, 7, 7, 7, 7, 7]
            try channel.send(BulkFrame(.packed, length: block.count, slot: 300))
            try block.withUnsafeBytes { try channel.sendAll($0) }
            let answer = try channel.frame()
            #expect(answer.kind == .stored)
            try client.send(.upload, upload(address, 300, answer.slot))
            #expect(try client.download(address, 300) == [UInt8](repeating: 7, count: 300))
            // One that becomes something else ends the channel, and the slot is free again.
            try channel.send(BulkFrame(.packed, length: block.count, slot: 301))
            try block.withUnsafeBytes { try channel.sendAll($0) }
            #expect(throws: SocketError.self) { try channel.frame() }
            client.close()
        }

        @Test func aSlotIsShownUntilItIsTaken() throws {
            let client = try TestClient(slices: [16 << 20])
            let channel = try #require(try client.openBulk())
            let address = try client.allocate(UInt64(8 * most))
            try client.ask(.download, download(address, 8 * most, 1))
            try channel.send(BulkFrame(.fetch, slot: 1, transfer: 1))
            let shown = try (0..<BulkFrame.mostUnclaimed).map { _ in try channel.frame() }
            #expect(Set(shown.map(\.slot)).count == BulkFrame.mostUnclaimed)
            // No more of them come before the first is given back, and none in another's place.
            #expect(try channel.wait(for: Int32(POLLIN), timeout: 50) == 0)
            try channel.send(BulkFrame(.taken, slot: shown[1].slot))
            #expect(throws: SocketError.self) { try channel.frame() }
        }

        @Test func aSlotThatWasLentIsClaimedOnce() throws {
            for (length, isRight) in [(1, true), (most, true), (0, false), (most + 1, false)] {
                let client = try TestClient(slices: [8 << 20])
                let channel = try #require(try client.openBulk())
                let address = try client.allocate(UInt64(most))
                try channel.send(BulkFrame(.want))
                let slot = try channel.frame().slot
                try client.send(.upload, upload(address, length, slot))
                if isRight {
                    #expect(try client.call(.cuCtxSynchronize).status == 0)
                    try client.send(.upload, upload(address, length, slot))
                }
                #expect(client.waitForExit() == .protocolViolation)
            }
        }

        @Test func channelsShareADownload() throws {
            let client = try TestClient(slices: [8 << 20])
            let channels = [
                try #require(try client.openBulk()), try #require(try client.openBulk()),
            ]
            let count = 4 * most
            let address = try client.allocate(UInt64(count))
            let data = noise(count)
            for offset in stride(from: 0, to: count, by: most) {
                let slot = try store(Array(data[offset..<offset + most]), on: channels[offset & 1])
                try client.send(.upload, upload(address + UInt64(offset), most, slot))
            }
            // A channel may ask before the record has come.
            try channels[1].send(BulkFrame(.fetch, transfer: 1))
            let wait = try client.ask(.download, download(address, count, 1, channels: 2))
            var back = [UInt8](repeating: 0, count: count)
            // It fetches until its socket is full; the other one gets the rest.
            #expect(try fetch(1, channels[0], &back) == 0)
            #expect(!client.received.contains { $0.sequence == wait && $0.opcode == .reply })
            while true {
                let frame = try channels[1].frame()
                if frame.kind == .end { break }
                let place = Int(frame.offset)..<Int(frame.offset) + frame.length
                back.replaceSubrange(place, with: try channels[1].bytes(frame.length))
            }
            #expect(back == data)
            #expect(try client.reply(to: wait).status == 0)
            client.close()
        }

        @Test func copiesBehindAKernelHoldNobodyUp() throws {
            let client = try TestClient(slices: [32 << 20])
            let channel = try #require(try client.openBulk())
            let functions = try client.load()
            let block = try #require(functions["block"])
            let stream = TestHandle.stream(5)
            try client.send(.cuStreamCreate, bytes(stream, UInt32(0)))
            let address = try client.allocate(UInt64(most))
            try client.send(.cuLaunchKernel, client.launchBody(block, [], stream: stream))
            // All slots there are, and one piece more, for which there is none.
            let data = noise(most)
            for _ in 0..<BulkFrame.mostChannels * BulkFrame.mostUnclaimed {
                let slot = try store(data, on: channel)
                try client.send(.upload, upload(address, most, slot, stream: stream))
            }
            let late = Task.detached { try self.store(data, on: channel) }
            for _ in 0..<100 {
                #expect(try client.call(.cuStreamQuery, bytes(UInt64(0))).status == 0)
            }
            #expect(try client.call(.cuStreamQuery, bytes(stream)).status == Status.notReady)
            FakeDriver.shared.releaseAll()
            let slot = try waitFor(late)
            try client.send(.upload, upload(address, most, slot, stream: stream))
            #expect(try client.call(.cuStreamSynchronize, bytes(stream)).status == 0)
            client.close()
        }

        private func waitFor(_ task: Task<UInt32, any Error>) throws -> UInt32 {
            let done = DispatchSemaphore(value: 0)
            nonisolated(unsafe) var result: Result<UInt32, any Error>?
            Task.detached {
                result = await task.result
                done.signal()
            }
            done.wait()
            return try #require(result).get()
        }

        @Test func aCopyThatCannotBeIsAnError() throws {
            let client = try TestClient(slices: [8 << 20])
            let channel = try #require(try client.openBulk())
            let slot = try store([1, 2, 3, 4, 5, 6, 7, 8], on: channel)
            try client.send(.upload, upload(16, 8, slot))
            let reply = try client.call(.cuCtxSynchronize)
            #expect(Int32(reply.deferredStatus) == Status.invalidValue)
            #expect(reply.deferredOpcode == Opcode.upload.rawValue)
            var back = [UInt8](repeating: 0, count: 8)
            let address = try client.allocate(8)
            for (number, body, context, status) in [
                (UInt64(1), download(16, 8, 1), UInt32(1), Status.invalidValue),
                (
                    2, download(address, 8, 2, stream: TestHandle.stream(77)), 1,
                    Status.invalidHandle
                ),
                (3, download(address, 8, 3), 999, Status.invalidContext),
            ] {
                let wait = try client.ask(.download, body, context: context)
                #expect(try fetch(number, channel, &back) == status)
                #expect(try client.reply(to: wait).status == status)
            }
            // In a context that is not there, the slot is free again.
            for _ in 0..<40 {
                let slot = try store([1, 2, 3], on: channel)
                try client.send(.upload, upload(address, 3, slot), context: 999)
            }
            client.close()
        }

        @Test func aSlotBelongsToOneRecord() throws {
            for (length, number) in [(8, UInt32(0)), (9, 0), (8, 1000), (8, 1)] {
                let client = try TestClient(slices: [8 << 20])
                let channel = try #require(try client.openBulk())
                let address = try client.allocate(64)
                let slot = try store([1, 2, 3, 4, 5, 6, 7, 8], on: channel)
                #expect(slot == 0)
                let isRight = length == 8 && number == slot
                try client.send(.upload, upload(address, length, number))
                if isRight { try client.send(.upload, upload(address, length, number)) }
                #expect(client.waitForExit() == .protocolViolation)
            }
        }

        @Test func downloadsAreCounted() throws {
            for (number, channels) in [(UInt64(0), UInt32(1)), (2, 1), (1, 0), (1, 5)] {
                let client = try TestClient(slices: [8 << 20])
                let address = try client.allocate(64)
                try client.ask(.download, download(address, 8, number, channels: channels))
                #expect(client.waitForExit() == .protocolViolation)
            }
        }

        @Test func aChannelThatSendsNonsenseEnds() throws {
            let client = try TestClient(slices: [8 << 20])
            for nonsense in [
                [UInt8](repeating: 0, count: 32), bytes(UInt32(1), UInt32(most + 1)) + noise(24),
                bytes(UInt32(7), UInt32(0)) + noise(24), bytes(UInt32(4), UInt32(0)) + noise(24),
            ] {
                let channel = try #require(try client.openBulk())
                try nonsense.withUnsafeBytes { try channel.sendAll($0) }
                #expect(throws: SocketError.self) { try channel.bytes(1) }
            }
            // A session gets nine channels.
            for _ in 0..<5 { _ = try #require(try client.openBulk()) }
            #expect(try client.openBulk() == nil)
            #expect(try client.call(.cuCtxSynchronize).status == 0)
            client.close()
        }

        @Test func aContextThatGoesLeavesTheSlots() throws {
            let client = try TestClient(slices: [8 << 20])
            let channel = try #require(try client.openBulk())
            for round in 0..<20 {
                let context = UInt32(100 + round)
                try client.send(.cuCtxCreate_v2, bytes(context, Int32(0), UInt32(0), UInt32(0)))
                let address = try client.allocate(64, context: context)
                let slot = try store([UInt8](repeating: UInt8(round), count: 64), on: channel)
                try client.send(.upload, upload(address, 64, slot), context: context)
                let wait = try client.ask(
                    .download,
                    download(address, 64, UInt64(round + 1)),
                    context: context
                )
                var back = [UInt8](repeating: 0, count: 64)
                #expect(try fetch(UInt64(round + 1), channel, &back) == 0)
                #expect(back == [UInt8](repeating: UInt8(round), count: 64))
                #expect(try client.reply(to: wait).status == 0)
                try client.send(.cuCtxDestroy_v2, bytes(context, UInt32(0)))
            }
            client.close()
        }
    }
}
