import CLinux
import Foundation
import TestSupport
import Testing
import Transport
import Wire

extension LinkTests {
    @Suite(.serialized) struct SharedRingsTests {
        private func withPair(_ body: (ChannelPair) throws -> Void) throws {
            let pair = try ChannelPair.shared()
            defer { pair.close() }
            #expect(pair.client.transport == .shm)
            #expect(pair.worker.transport == .shm)
            try body(pair)
        }

        @Test func `bytes arrive as they were sent, in both directions`() throws {
            try withPair { pair in
                for (from, to) in [(pair.client, pair.worker), (pair.worker, pair.client)] {
                    let message = pattern(1000)
                    try message.withUnsafeBytes { try from.sendAll($0) }
                    #expect(try to.receivePieces(1000, largest: 1000, seed: 1) == message)
                    var byte: UInt8 = 0
                    #expect(to.receive(&byte, 1) == .wouldBlock)
                }
            }
        }

        @Test func `what the worker lends is the client's to use`() throws {
            let size = BulkFrame.slots * BulkFrame.most
            var file: Int32 = -1
            let memory = try #require(SharedMemory.make(size, &file))
            defer {
                memory.unmap()
                close(file)
            }
            for wish in [LinkSetup.Wish.Memory.must, .ifPossible, .no] {
                let pair = try ChannelPair(.init(memory: wish), lending: file)
                defer { pair.close() }
                #expect((pair.client.lent != nil) == (wish != .no))
                #expect(pair.worker.lent == nil)
                guard let lent = pair.client.lent else { continue }
                #expect(lent.bytes.count == size)
                lent.bytes[size - 1] = 77
                #expect(memory.bytes[size - 1] == 77)
                memory.bytes[size - 1] = 5
                #expect(lent.bytes[size - 1] == 5)
                // The rings are as usable as without it.
                try [UInt8(9)].withUnsafeBytes { try pair.worker.sendAll($0) }
                #expect(try pair.client.receivePieces(1, largest: 1, seed: 1) == [9])
            }
        }

        @Test func `memory of another size is not used`() throws {
            for size in [4096, BulkFrame.slots * BulkFrame.most + 4096] {
                var file: Int32 = -1
                let memory = try #require(SharedMemory.make(size, &file))
                defer {
                    memory.unmap()
                    close(file)
                }
                let pair = try ChannelPair(.init(memory: .must), lending: file)
                defer { pair.close() }
                #expect(pair.client.lent == nil)
            }
            // Nor is what somebody could make shorter while it is in use.
            var path = Array("/tmp/lent-XXXXXX".utf8CString)
            let file = mkstemp(&path)
            defer {
                close(file)
                unlink(path)
            }
            #expect(ftruncate(file, off_t(BulkFrame.slots * BulkFrame.most)) == 0)
            let pair = try ChannelPair(.init(memory: .must), lending: file)
            defer { pair.close() }
            #expect(pair.client.lent == nil)
        }

        @Test(arguments: [1, 7, 4096, 100_000])
        func `pieces of any size go round the ring, both ways at once`(_ largest: Int) throws {
            try withPair { pair in
                let count = largest == 1 ? 3 * LinkSetup.ringSize / 2 : 5 * LinkSetup.ringSize + 77
                let there = pattern(count, seed: 1)
                let back = pattern(count, seed: 9)
                nonisolated(unsafe) var found: [UInt8]?
                let sending = [
                    inThread { try? pair.client.sendPieces(there, largest: largest, seed: 2) },
                    inThread { try? pair.worker.sendPieces(back, largest: largest, seed: 3) },
                ]
                let receiving = inThread {
                    found = try? pair.worker.receivePieces(count, largest: largest, seed: 4)
                }
                let other = try pair.client.receivePieces(count, largest: largest, seed: 5)
                #expect(receiving.wait())
                #expect(sending.allSatisfy { $0.wait() })
                #expect(other == back)
                #expect(found == there)
            }
        }

        @Test func `a full ring takes a part and then nothing`() throws {
            try withPair { pair in
                let message = pattern(LinkSetup.ringSize + 10)
                let results = message.withUnsafeBytes { bytes in
                    (0..<2).map { _ in
                        bytes.baseAddress.map { pair.client.send($0, bytes.count) }
                    }
                }
                #expect(results == [.bytes(LinkSetup.ringSize), .wouldBlock])
                #expect(try pair.client.wait(for: POLLOUT, timeout: 0) == 0)
                #expect(try pair.client.wait(for: POLLOUT | POLLIN, timeout: 30) == 0)
                let found = try pair.worker.receivePieces(
                    LinkSetup.ringSize,
                    largest: 65536,
                    seed: 1
                )
                #expect(found == Array(message[..<LinkSetup.ringSize]))
                #expect(try pair.client.wait(for: POLLOUT, timeout: 1000) == POLLOUT)
            }
        }

        @Test func `a thread that sleeps is woken, by bytes, by space and by the end`() throws {
            try withPair { pair in
                nonisolated(unsafe) var events: Int32 = 0
                let reader = inThread {
                    events = (try? pair.client.wait(for: POLLIN, timeout: 10_000)) ?? -1
                }
                usleep(30_000)
                try [UInt8(1)].withUnsafeBytes { try pair.worker.sendAll($0) }
                #expect(reader.wait(seconds: 5))
                #expect(events == POLLIN)
                let end = inThread { _ = try? pair.worker.wait(for: POLLIN, timeout: 10_000) }
                usleep(30_000)
                pair.worker.shutDown()
                #expect(end.wait(seconds: 5))
            }
        }

        @Test func `what was sent before the end is still received`() throws {
            let pair = try ChannelPair.shared()
            try pattern(100).withUnsafeBytes { try pair.worker.sendAll($0) }
            pair.worker.close()
            #expect(try pair.client.receivePieces(100, largest: 10, seed: 1) == pattern(100))
            #expect(throws: SocketError(0, .receive)) {
                _ = try pair.client.receivePieces(1, largest: 1, seed: 1)
            }
            var byte: UInt8 = 0
            #expect(pair.client.receive(&byte, 1) == .closed)
            #expect(pair.client.send(&byte, 1) == .failed(EPIPE))
            pair.client.close()
        }

        @Test func `the end of a peer whose ring is full is noticed within a second`() throws {
            let pair = try ChannelPair.shared()
            defer { pair.client.close() }
            nonisolated(unsafe) var failure: SocketError?
            let sender = inThread {
                do {
                    try pattern(3 * LinkSetup.ringSize).withUnsafeBytes {
                        try pair.client.sendAll($0)
                    }
                } catch {
                    failure = error as? SocketError
                }
            }
            usleep(50_000)
            pair.worker.close()
            #expect(sender.wait(seconds: 1))
            #expect(failure == SocketError(EPIPE, .send))
        }

        /// Messages with pauses of any length between them: a wake-up that gets lost would hang this.
        @Test func `no wake-up is lost`() throws {
            try withPair { pair in
                let rounds = 1_000_000
                let echo = inThread {
                    var numbers = SeededNumbers(seed: 7)
                    var byte: UInt8 = 0
                    for _ in 0..<rounds {
                        do { try Self.take(pair.worker, &byte) } catch { return }
                        Self.dawdle(&numbers)
                        guard case .bytes = pair.worker.send(&byte, 1) else { return }
                    }
                }
                var numbers = SeededNumbers(seed: 8)
                var wrong = 0
                for round in 0..<rounds {
                    var byte = UInt8(truncatingIfNeeded: round)
                    let sent = pair.client.send(&byte, 1)
                    Self.dawdle(&numbers)
                    var back: UInt8 = 0
                    try Self.take(pair.client, &back)
                    if sent != .bytes(1) || back != byte { wrong += 1 }
                }
                #expect(wrong == 0)
                #expect(echo.wait())
            }
        }

        /// Waits without spinning, so that sleeping is what is tested.
        private static func take(_ channel: Channel, _ byte: inout UInt8) throws {
            while channel.receive(&byte, 1) == .wouldBlock {
                guard try channel.wait(for: POLLIN, timeout: 10_000) != 0 else {
                    throw SocketError(ETIMEDOUT, .wait)
                }
            }
        }

        private static func dawdle(_ numbers: inout SeededNumbers) {
            let number = Int.random(in: 0..<4096, using: &numbers)
            if number == 0 {
                usleep(100)
            } else if number < 2048 {
                for _ in 0..<number { ferry_pause_cpu() }
            }
        }

        // MARK: - Hostile peers

        /// The worker's end, and the memory that a hostile client has kept.
        private func withHostile(
            size: Int = LinkSetup.ringSize,
            _ body: (Channel, UnsafeMutableRawPointer) throws -> Void
        ) throws {
            let total = 4096 + 2 * size
            let file = ferry_sealed_memory(total)
            try #require(file >= 0)
            defer { close(file) }
            let memory = try #require(mmap(nil, total, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0))
            defer { munmap(memory, total) }
            let (left, right) = try Socket.pair()
            defer { left.close() }
            Self.sendOffer(left, ring: size, file)
            let worker = try LinkSetup.accept(Channel(right, .unix))
            defer { worker.close() }
            #expect(Self.readAnswer(left) == .accepted)
            try body(worker, memory)
        }

        private static func sendOffer(_ socket: Socket, ring: Int, _ file: Int32) {
            var offer = LinkOffer()
            offer.ringSize = ring
            var bytes = [UInt8](repeating: 0, count: LinkOffer.size)
            bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { offer.write(to: base) } }
            _ = ferry_send_descriptor(socket.descriptor, bytes, bytes.count, file)
        }

        private static func readAnswer(_ socket: Socket) -> LinkOffer.Answer? {
            var bytes = [UInt8](repeating: 0, count: LinkOffer.answerSize)
            try? bytes.withUnsafeMutableBytes { try socket.receiveAll($0, timeout: 1000) }
            return bytes.withUnsafeBytes {
                $0.baseAddress.flatMap { LinkOffer.Answer(reading: $0) }
            }
        }

        @Test(
            arguments: [
                UInt64.max, UInt64(1) << 63, UInt64(LinkSetup.ringSize) + 1, UInt64.max - 7,
            ] as [UInt64]
        )
        func `indices that make no sense end the connection`(_ value: UInt64) throws {
            try withHostile { worker, memory in
                memory.storeBytes(of: value, toByteOffset: 0, as: UInt64.self)
                var bytes = [UInt8](repeating: 0, count: 100)
                #expect(worker.receive(&bytes, 100) == .failed(EPROTO))
                // A full ring makes the worker look at the client's index.
                memory.storeBytes(of: value, toByteOffset: 1024 + 64, as: UInt64.self)
                let much = [UInt8](repeating: 1, count: 2 * LinkSetup.ringSize)
                var result = TransferResult.wouldBlock
                for _ in 0..<4 where result != .failed(EPROTO) {
                    result = worker.send(much, much.count)
                }
                #expect(result == .failed(EPROTO))
                let events = try worker.wait(for: POLLIN | POLLOUT, timeout: 10)
                #expect(events != 0)
            }
        }

        @Test func `random indices and flags never crash`() throws {
            try withHostile(size: 64 << 10) { worker, memory in
                var numbers = SeededNumbers(seed: 3)
                var bytes = [UInt8](repeating: 0, count: 100_000)
                for _ in 0..<20_000 {
                    for place in [0, 64, 1024, 1088, 2048, 3072, 3136, 3200] {
                        let value = UInt64.random(in: 0...(1 << 18), using: &numbers)
                        let word = Bool.random(using: &numbers) ? value : numbers.next()
                        memory.storeBytes(of: word, toByteOffset: place, as: UInt64.self)
                    }
                    let size = Int.random(in: 1...bytes.count, using: &numbers)
                    _ = worker.receive(&bytes, size)
                    _ = worker.send(bytes, size)
                    _ = try worker.wait(for: POLLIN | POLLOUT, timeout: 0)
                }
            }
        }

        @Test func `memory that could be cut, or has another size, is not used`() throws {
            for (size, seals) in [(4096 + 2 * LinkSetup.ringSize, false), (4096, true)] {
                let file = seals ? ferry_sealed_memory(size) : ferry_memfd("t", 1)
                if !seals { ftruncate(file, size) }
                defer { close(file) }
                let (left, right) = try Socket.pair()
                defer { left.close() }
                Self.sendOffer(left, ring: LinkSetup.ringSize, file)
                let worker = try LinkSetup.accept(Channel(right, .unix))
                defer { worker.close() }
                #expect(Self.readAnswer(left) == .noMemory)
                #expect(worker.transport == .unix)
            }
        }

        @Test func `what is no offer ends the connection`() throws {
            let good = [UInt8](repeating: 0x41, count: 64)
            for bytes in [good, Array(good[..<20])] {
                let (left, right) = try Socket.pair()
                defer {
                    left.close()
                    right.close()
                }
                try bytes.withUnsafeBytes { try left.sendAll($0) }
                if bytes.count < 64 { left.shutDown() }
                #expect(throws: LinkSetup.Failure.connection) {
                    _ = try LinkSetup.accept(Channel(right, .unix))
                }
            }
        }

        @Test func `descriptors that nobody asked for are closed`() throws {
            let before = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
            for _ in 0..<50 {
                let pair = try ChannelPair.shared()
                pair.close()
            }
            let after = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
            #expect(after < before + 25)
        }
    }
}
