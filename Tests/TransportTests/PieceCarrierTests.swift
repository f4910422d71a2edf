import CLinux
import Foundation
import TestSupport
import Testing
import Transport
import Wire

extension LinkTests {
    @Suite(.serialized) struct PieceCarrierTests {
        private func regular(_ count: Int) -> [UInt8] { (0..<count).map { UInt8($0 / 64 % 7) } }

        private func receiveFrame(_ channel: Channel) throws -> BulkFrame {
            let bytes = try channel.receivePieces(BulkFrame.size, largest: 32, seed: 1)
            let frame = bytes.withUnsafeBytes { bytes in
                bytes.baseAddress.flatMap { BulkFrame(reading: $0) }
            }
            return try #require(frame)
        }

        /// Sends a copy of these pieces, and gives the frames and what was received.
        private func carry(
            _ pieces: [[UInt8]],
            _ sender: inout PieceCarrier,
            mayPack: Bool,
            pause: UInt32 = 0
        ) throws -> (kinds: [BulkFrame.Kind], data: [[UInt8]]) {
            let pair = try ChannelPair(.init())
            defer { pair.close() }
            nonisolated(unsafe) var kinds: [BulkFrame.Kind] = []
            nonisolated(unsafe) var data: [[UInt8]] = []
            let receiving = inThread {
                var receiver = PieceCarrier()
                for _ in pieces {
                    guard let frame = try? receiveFrame(pair.worker) else { return }
                    kinds.append(frame.kind)
                    var bytes = [UInt8](repeating: 0, count: frame.bytes)
                    try? bytes.withUnsafeMutableBytes {
                        try receiver.receive(frame, into: $0, from: pair.worker)
                    }
                    data.append(bytes)
                    usleep(pause)
                }
            }
            sender.begin(mayPack: mayPack)
            for piece in pieces {
                try piece.withUnsafeBytes { try sender.send($0, to: pair.client) }
            }
            #expect(receiving.wait())
            sender.end()
            return (kinds, data)
        }

        @Test func `regular bytes are packed over a slow link, others are not`() throws {
            var sender = PieceCarrier()
            let size = BulkFrame.usual
            let slow = (0..<20).map { _ in regular(size) }
            // Nothing is known yet; the receiver is slow, and now that is known.
            let first = try carry(slow, &sender, mayPack: true, pause: 8000)
            #expect(first.kinds == slow.map { _ in .data })
            #expect(first.data == slow)
            let second = try carry(slow, &sender, mayPack: true, pause: 8000)
            #expect(second.kinds == slow.map { _ in .packed })
            #expect(second.data == slow)
        }

        @Test func `what is not smaller travels as it is`() throws {
            var numbers = SeededNumbers(seed: 3)
            let size = BulkFrame.usual
            let random = (0..<20).map { _ in
                (0..<size).map { _ in UInt8.random(in: .min ... .max, using: &numbers) }
            }
            var sender = PieceCarrier()
            _ = try carry(random, &sender, mayPack: true, pause: 8000)
            let again = try carry(random, &sender, mayPack: true, pause: 8000)
            #expect(again.kinds == random.map { _ in .data })
            // The first piece decides for the copy; one that does not become smaller goes as it is.
            let mixed = try carry([regular(size), random[0]], &sender, mayPack: true)
            #expect(mixed.kinds == [.packed, .data])
            #expect(mixed.data == [regular(size), random[0]])
            let refused = try carry([regular(size)], &sender, mayPack: false)
            #expect(refused.kinds == [.data])
        }

        @Test func `a block that is not what it says ends the channel`() throws {
            let good = regular(1000)
            for (length, size, body) in [
                (8, 1000, [UInt8](repeating: 0xFF, count: 8)),
                (8, 1000, [UInt8](repeating: 0, count: 8)),
                (1000, 1000, good),
            ] {
                let pair = try ChannelPair(.init())
                defer { pair.close() }
                try body.withUnsafeBytes { try pair.client.sendAll($0) }
                let frame = BulkFrame(.packed, length: length, slot: UInt32(size))
                var receiver = PieceCarrier()
                var place = [UInt8](repeating: 0, count: size + 64)
                let error = #expect(throws: SocketError.self) {
                    try place.withUnsafeMutableBytes {
                        let exact = UnsafeMutableRawBufferPointer(rebasing: $0[..<size])
                        try receiver.receive(frame, into: exact, from: pair.worker)
                    }
                }
                #expect(error?.number == EPROTO)
                #expect(place[size...].allSatisfy { $0 == 0 })
            }
        }
    }
}
