import Driver
import Foundation
import Testing
import Transport
import Wire
import Worker

extension WorkerTests {
    /// Asynchronous copies to page-locked memory whose bytes come over a bulk channel, and the room for
    /// those that do not.
    @Suite struct DeliveryTests {
        private let size = 3 * BulkFrame.usual + 777

        private func pattern(_ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        }

        private func fill(_ client: TestClient, _ address: UInt64, _ data: [UInt8]) throws {
            for start in stride(from: 0, to: data.count, by: WireFormat.maxData) {
                let piece = Array(data[start..<min(start + WireFormat.maxData, data.count)])
                try client.send(
                    .cuMemcpyHtoD_v2,
                    client.uploadBody(address + UInt64(start), piece)
                )
            }
        }

        /// The record that ends a copy: its status, and how many bytes come over channels.
        private func end(_ client: TestClient, _ copy: UInt32) throws -> (UInt16, UInt64) {
            let end = try client.first { $0.opcode == .hostData && $0.sequence == copy }
            #expect(end.load(8, as: UInt32.self) == 0)
            #expect(end.load(14, as: UInt16.self) == 1)
            return (end.load(12, as: UInt16.self), end.load(0, as: UInt64.self))
        }

        @Test(arguments: [false, true])
        func bytesComeOverTheChannel(isLent: Bool) throws {
            let client = try TestClient(slices: [8 << 20])
            let channel = try #require(try client.openBulk())
            let slots = try #require(client.borrowSlots())
            defer { slots.unmap() }
            let address = try client.allocate(UInt64(size))
            let data = pattern(size)
            try fill(client, address, data)
            try channel.send(BulkFrame(.deliver, slot: isLent ? BulkFrame.readsLent : 0))
            for _ in 0..<3 {
                let body = bytes(address, UInt64(size), UInt64(0))
                let copy = try client.sendOverChannels(.cuMemcpyDtoHAsync_v2, body)
                var back = [UInt8](repeating: 0, count: size)
                var count = 0
                while count < size {
                    let frame = try channel.frame()
                    #expect(frame.transfer == UInt64(copy))
                    let place = Int(frame.offset)..<Int(frame.offset) + frame.length
                    if isLent {
                        #expect(frame.kind == .filled)
                        let start = Int(frame.slot) * BulkFrame.most
                        back.replaceSubrange(place, with: slots.bytes[start..<start + frame.length])
                        try channel.send(BulkFrame(.taken, slot: frame.slot))
                    } else {
                        #expect(frame.kind == .data)
                        back.replaceSubrange(place, with: try channel.bytes(frame.length))
                    }
                    count += frame.length
                }
                #expect(back == data)
                #expect(try client.call(.cuStreamSynchronize, bytes(UInt64(0))).status == 0)
                // It was said before the reply.
                let (status, bytes) = try end(client, copy)
                #expect(status == 0)
                #expect(bytes == UInt64(size))
            }
            client.close()
        }

        @Test func whatFailsEndsWithoutBytes() throws {
            let client = try TestClient(slices: [8 << 20])
            let channel = try #require(try client.openBulk())
            try channel.send(BulkFrame(.deliver))
            let body = bytes(UInt64(0x1234), UInt64(size), UInt64(0))
            let copy = try client.sendOverChannels(.cuMemcpyDtoHAsync_v2, body)
            let (status, bytes) = try end(client, copy)
            #expect(status == UInt16(Status.invalidValue))
            #expect(bytes == 0)
            client.close()
        }

        @Test func anythingButTakenEndsTheChannel() throws {
            let client = try TestClient(slices: [8 << 20])
            let channel = try #require(try client.openBulk())
            let address = try client.allocate(UInt64(size))
            try channel.send(BulkFrame(.deliver, slot: BulkFrame.readsLent))
            let body = bytes(address, UInt64(size), UInt64(0))
            _ = try client.sendOverChannels(.cuMemcpyDtoHAsync_v2, body)
            let frame = try channel.frame()
            try channel.send(BulkFrame(.taken, slot: frame.slot + 1))
            #expect(throws: (any Error).self) { while true { _ = try channel.frame() } }
            client.close()
        }

        @Test func roomIsThereWhenCopiesHaveEnded() throws {
            let client = try TestClient(slices: [1 << 20])
            let stream = try client.blockStream()
            let address = try client.allocate(UInt64(WireFormat.maxData))
            let data = pattern(WireFormat.maxData)
            for _ in 0..<40 {
                let body = client.uploadBody(address, data, stream: stream)
                try client.send(.cuMemcpyHtoDAsync_v2, body)
            }
            let body = bytes(address, UInt64(1000), stream)
            let copy = try client.send(.cuMemcpyDtoHAsync_v2, body)
            let inUse = UInt64(40 * WireFormat.maxData + 4096)
            let room = try client.ask(.stagingRoom, bytes(stream, inUse - 4097, inUse - 4097))
            // Others go on, and are told at once if there is as much room as they want.
            for _ in 0..<10 {
                #expect(try client.call(.cuStreamQuery, bytes(UInt64(0))).status == 0)
            }
            let other = try client.call(.stagingRoom, bytes(UInt64(0), UInt64(0), UInt64(0)))
            #expect(other.status == 0)
            #expect(other.load(8, as: UInt64.self) == 0)
            #expect(other.load(16, as: UInt64.self) == inUse)
            #expect(!client.received.contains { $0.sequence == room })
            FakeDriver.shared.releaseAll()
            let answer = try client.reply(to: room)
            #expect(answer.status == 0)
            #expect(answer.load(8, as: UInt64.self) < inUse)
            #expect(answer.load(16, as: UInt64.self) < inUse)
            #expect(try client.hostData(of: copy) == Array(data[..<1000]))
            client.close()
        }

        /// What nobody fetches is bounded, too.
        @Test func copiesThatNoChannelCarriesAreBounded() throws {
            let client = try TestClient(slices: [4 << 20])
            let size = 1 << 20
            let address = try client.allocate(UInt64(size))
            let body = bytes(address, UInt64(size), UInt64(0))
            let count = 400
            for _ in 0..<count { _ = try client.sendOverChannels(.cuMemcpyDtoHAsync_v2, body) }
            // The reader waits: a question is not answered.
            let question = try client.ask(.cuStreamQuery, bytes(UInt64(0)))
            #expect(throws: (any Error).self) {
                while true {
                    try client.receive(timeout: 300)
                    if client.received.contains(where: { $0.sequence == question }) { break }
                }
            }
            let staging = FakeDriver.shared.locked {
                FakeDriver.shared.hostMemory.values.reduce(0, +)
            }
            #expect(staging <= Staging.most + Staging.shared / 2)
            let channel = try #require(try client.openBulk())
            try channel.send(BulkFrame(.deliver))
            var left = count * size
            while left > 0 {
                let frame = try channel.frame()
                _ = try channel.bytes(frame.length)
                left -= frame.length
            }
            #expect(try client.reply(to: question).status == 0)
            client.close()
        }

        @Test func theReaderNeverWaitsForAStream() throws {
            let client = try TestClient(slices: [4 << 20])
            let stream = try client.blockStream()
            let address = try client.allocate(UInt64(Staging.mostRecord))
            // All that a client may have in use, at the host and at the GPU.
            for _ in 0..<Staging.most / 2 / WireFormat.maxData {
                let data = [UInt8](repeating: 1, count: WireFormat.maxData)
                let body = client.uploadBody(address, data, stream: stream)
                try client.send(.cuMemcpyHtoDAsync_v2, body)
            }
            for _ in 0..<Staging.most / 2 / Staging.mostRecord {
                let body = bytes(address, UInt64(Staging.mostRecord), stream)
                try client.send(.cuMemcpyDtoHAsync_v2, body)
            }
            #expect(try client.call(.cuStreamQuery, bytes(UInt64(0))).status == 0)
            #expect(try client.call(.cuStreamQuery, bytes(stream)).status == Status.notReady)
            FakeDriver.shared.releaseAll()
            #expect(try client.call(.cuStreamSynchronize, bytes(stream)).status == 0)
            client.close()
        }
    }
}
