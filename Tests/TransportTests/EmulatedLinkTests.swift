import CLinux
import Foundation
import TestSupport
import Testing
import Transport
import Wire

extension LinkTests {
    /// Whether the network that is played is the one that was asked for.
    ///
    /// Another program that takes a processor makes any figure worse, so what counts is the best of
    /// several tries. When none is right, the test fails, unless other programs took processors during
    /// each of them: then it says that it could not judge.
    @Suite(.serialized) struct EmulatedLinkTests {
        private func withLink(
            _ shape: LinkShape,
            memory: LinkSetup.Wish.Memory,
            _ body: (ChannelPair) throws -> Void
        ) throws {
            let pair = try ChannelPair(.init(memory: memory, link: shape))
            defer { pair.close() }
            #expect(pair.client.isEmulated && pair.worker.isEmulated)
            try body(pair)
        }

        /// The median of so many round trips of 64 bytes, in nanoseconds.
        private func roundTrip(_ pair: ChannelPair, rounds: Int) throws -> Double {
            let echo = inThread {
                var policy = SpinPolicy(pair.worker)
                var bytes = [UInt8](repeating: 0, count: 64)
                for _ in 0..<rounds {
                    guard Self.take(pair.worker, &bytes, &policy) else { return }
                    guard case .bytes(64) = pair.worker.send(bytes, 64) else { return }
                }
            }
            var policy = SpinPolicy(pair.client)
            var times: [UInt64] = []
            var bytes = [UInt8](repeating: 1, count: 64)
            for _ in 0..<rounds {
                let start = ferry_now_ns()
                #expect(pair.client.send(bytes, 64) == .bytes(64))
                guard Self.take(pair.client, &bytes, &policy) else { break }
                times.append(ferry_now_ns() - start)
            }
            #expect(echo.wait())
            #expect(times.count == rounds)
            return Double(times.sorted()[times.count / 2])
        }

        private static func take(
            _ channel: Channel,
            _ bytes: inout [UInt8],
            _ policy: inout SpinPolicy
        ) -> Bool {
            while true {
                switch channel.receive(&bytes, 64) {
                case .bytes(let count): return count == 64
                case .wouldBlock:
                    if !policy.spin() { _ = try? channel.wait(for: POLLIN, timeout: 5000) }
                case .closed, .failed: return false
                }
            }
        }

        @Test(arguments: [20, 50, 100, 250, 500])
        func `round trips take as long as was asked for`(_ microseconds: Int) throws {
            let wanted = Double(microseconds) * 1000
            let shape = LinkShape(delay: UInt64(wanted / 2))
            // Never earlier, and late by what two looks at a clock take.
            let latest = wanted * 1.03 + 1500
            let tries = try Tries.run(until: { $0 < latest }) {
                var median = 0.0
                try withLink(shape, memory: .must) { median = try roundTrip($0, rounds: 400) }
                return median
            }
            let best = try #require(tries.figures.min())
            #expect(best >= wanted * 0.995, "\(tries)")
            #expect(best < latest || tries.wereDisturbed, "\(tries)")
            print("emulated round trip of \(microseconds) us: \(best / 1000) us \(tries.remark)")
        }

        @Test(arguments: [10_000, 1_000])
        func `bytes pass at the rate that was asked for`(_ megabits: Int) throws {
            let shape = LinkShape(delay: 25_000, megabits: UInt64(megabits))
            let count = megabits * 6250
            let slowest = Double(megabits) * 0.95
            let tries = try Tries.run(until: { $0 > slowest }) {
                var rate = 0.0
                try withLink(shape, memory: .must) { rate = try self.rate($0, bytes: count) }
                return rate
            }
            let best = try #require(tries.figures.max())
            #expect(best > slowest || tries.wereDisturbed, "\(tries)")
            #expect(best < Double(megabits) * 1.02, "\(tries)")
            print("emulated rate of \(megabits) Mbit/s: \(best) \(tries.remark)")
        }

        /// Mbit/s of so many bytes to the worker.
        private func rate(_ pair: ChannelPair, bytes count: Int) throws -> Double {
            let bytes = [UInt8](repeating: 7, count: count)
            let room = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
            defer { room.deallocate() }
            room.initializeMemory(as: UInt8.self, repeating: 1)
            let start = ferry_now_ns()
            let sender = inThread { try? bytes.withUnsafeBytes { try pair.client.sendAll($0) } }
            try pair.worker.receiveAll(room, timeout: 5000)
            let seconds = Double(ferry_now_ns() - start) / 1e9
            #expect(sender.wait())
            return Double(count) * 8 / 1e6 / seconds
        }

        @Test(arguments: [LinkSetup.Wish.Memory.no, .must])
        func `everything arrives, both ways at once`(_ memory: LinkSetup.Wish.Memory) throws {
            try withLink(LinkShape(delay: 100_000, megabits: 50_000), memory: memory) { pair in
                let count = 9_000_001
                let there = pattern(count, seed: 1)
                let back = pattern(count, seed: 2)
                nonisolated(unsafe) var found: [UInt8]?
                let threads = [
                    inThread { try? pair.client.sendPieces(there, largest: 70_000, seed: 1) },
                    inThread { try? pair.worker.sendPieces(back, largest: 70_000, seed: 2) },
                    inThread {
                        found = try? pair.worker.receivePieces(count, largest: 50_000, seed: 3)
                    },
                ]
                let other = try pair.client.receivePieces(count, largest: 50_000, seed: 4)
                #expect(threads.allSatisfy { $0.wait() })
                #expect(other == back)
                #expect(found == there)
            }
        }

        @Test func `the end arrives behind the last byte`() throws {
            let pair = try ChannelPair(.init(link: LinkShape(delay: 5_000_000)))
            defer { pair.client.close() }
            try pattern(1000).withUnsafeBytes { try pair.worker.sendAll($0) }
            pair.worker.close()
            #expect(try pair.client.receivePieces(1000, largest: 300, seed: 1) == pattern(1000))
            #expect(throws: SocketError(0, .receive)) {
                _ = try pair.client.receivePieces(1, largest: 1, seed: 1)
            }
        }

        @Test func `a wait ends in time`() throws {
            let pair = try ChannelPair(.init(link: LinkShape(delay: 400_000_000)))
            defer { pair.close() }
            let start = ferry_now_ns()
            #expect(try pair.client.wait(for: POLLIN, timeout: 30) == 0)
            try [UInt8(1)].withUnsafeBytes { try pair.worker.sendAll($0) }
            #expect(try pair.client.wait(for: POLLIN, timeout: 30) == 0)
            #expect(ferry_now_ns() - start < 350_000_000)
            #expect(try pair.client.wait(for: POLLIN, timeout: 2000) == POLLIN)
            #expect(ferry_now_ns() - start > 400_000_000)
        }

        @Test func `another host is refused`() throws {
            let (left, right) = try Socket.pair()
            defer {
                left.close()
                right.close()
            }
            var offer = LinkOffer()
            offer.link = LinkShape(delay: 1000)
            var bytes = [UInt8](repeating: 0, count: LinkOffer.size)
            bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { offer.write(to: base) } }
            try bytes.withUnsafeBytes { try left.sendAll($0) }
            #expect(throws: LinkSetup.Failure.otherHost) {
                _ = try LinkSetup.accept(Channel(right, .unix))
            }
            var answer = [UInt8](repeating: 0, count: LinkOffer.answerSize)
            try answer.withUnsafeMutableBytes { try left.receiveAll($0, timeout: 1000) }
            #expect(answer[8] == UInt8(LinkOffer.Answer.otherHost.rawValue))
        }

        @Test func `frames that make no sense end the connection`() throws {
            var numbers = SeededNumbers(seed: 5)
            for header in [
                (UInt64.max, UInt32(5)), (0, 0), (0, 1 << 20), (0, .max), (numbers.next(), 16),
            ] {
                let (left, right) = try Socket.pair()
                let done = inThread {
                    guard let inner = try? LinkSetup.accept(Channel(right, .unix)) else { return }
                    var bytes = [UInt8](repeating: 0, count: 100)
                    _ = try? inner.wait(for: POLLIN, timeout: 1000)
                    #expect(inner.receive(&bytes, 100) == .failed(EPROTO))
                    inner.close()
                }
                _ = try LinkSetup.offer(Channel(left, .unix), .init(link: LinkShape(delay: 1)))
                var frame = [UInt8](repeating: 0, count: 32)
                frame.withUnsafeMutableBytes { bytes in
                    bytes.storeBytes(of: header.0, as: UInt64.self)
                    bytes.storeBytes(of: header.1, toByteOffset: 8, as: UInt32.self)
                }
                try frame.withUnsafeBytes { try left.sendAll($0) }
                #expect(done.wait(seconds: 5))
                left.close()
            }
        }
    }
}
