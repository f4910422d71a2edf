import Driver
import Foundation
import Testing
import Wire

extension WorkerTests {
    @Suite struct WaitTests {
        /// A client with a stream that a kernel blocks.
        private func blocked() throws -> (TestClient, UInt64, UInt64) {
            let client = try TestClient()
            let stream = try client.blockStream()
            return (client, stream, try client.allocate(256))
        }

        @Test func aWaitDoesNotStopLaterCalls() throws {
            let (client, stream, address) = try blocked()
            let event = TestHandle.event(2)
            try client.send(.cuEventCreate, bytes(event, UInt32(0)))
            try client.send(.cuEventRecord, bytes(event, stream))
            let waits = [
                try client.ask(.cuStreamSynchronize, bytes(stream)),
                try client.ask(.cuEventSynchronize, bytes(event)),
                try client.ask(.cuCtxSynchronize),
                try client.ask(.cuMemcpyDtoHAsync_v2, bytes(address, UInt64(8), stream)),
            ]
            // Another thread of the program goes on.
            for _ in 0..<100 {
                #expect(try client.call(.cuStreamQuery, bytes(UInt64(0))).status == 0)
            }
            #expect(try client.call(.cuStreamQuery, bytes(stream)).status == Status.notReady)
            #expect(try client.call(.cuEventQuery, bytes(event)).status == Status.notReady)
            for wait in waits { #expect(!client.received.contains { $0.sequence == wait }) }
            FakeDriver.shared.releaseAll()
            for wait in waits { #expect(try client.reply(to: wait).status == 0) }
            client.close()
        }

        @Test(arguments: [
            Opcode.cuStreamSynchronize, .cuCtxSynchronize, .cuMemcpyDtoHAsync_v2, .cuMemcpyDtoH_v2,
        ])
        func aSilentClientIsAnsweredLate(opcode: Opcode) throws {
            let (client, stream, address) = try blocked()
            let body =
                switch opcode {
                case .cuStreamSynchronize: bytes(stream)
                case .cuMemcpyDtoHAsync_v2: bytes(address, UInt64(8), stream)
                case .cuMemcpyDtoH_v2: bytes(address, UInt64(8), UInt64(0))
                default: [UInt8]()
                }
            let wait = try client.ask(opcode, body)
            // Longer than the reader looks before it sleeps.
            #expect(!client.hears(within: 20))
            FakeDriver.shared.releaseAll()
            #expect(try client.reply(to: wait).status == 0)
            client.close()
        }

        @Test func aContextWaitsForEachOfItsStreams() throws {
            // More than the reader asks after itself, and fewer.
            for count in [3, 40] {
                let client = try TestClient()
                let functions = try client.load()
                let block = try #require(functions["block"])
                let streams = (0..<UInt64(count)).map { TestHandle.stream($0 + 2) }
                for stream in streams { try client.send(.cuStreamCreate, bytes(stream, UInt32(1))) }
                for blocked in [streams[0], streams[count - 1]] {
                    for stream in streams {
                        #expect(try client.call(.cuStreamQuery, bytes(stream)).status == 0)
                    }
                    #expect(try client.call(.cuCtxSynchronize).status == 0)
                    try client.send(.cuLaunchKernel, client.launchBody(block, [], stream: blocked))
                    let wait = try client.ask(.cuCtxSynchronize)
                    #expect(!client.hears(within: 5))
                    FakeDriver.shared.releaseAll()
                    #expect(try client.reply(to: wait).status == 0)
                }
                client.close()
            }
        }

        @Test func manyWaitsQueueUp() throws {
            let (client, stream, _) = try blocked()
            let waits = try (0..<300).map { _ in
                try client.ask(.cuStreamSynchronize, bytes(stream))
            }
            #expect(try client.call(.cuStreamQuery, bytes(UInt64(0))).status == 0)
            FakeDriver.shared.releaseAll()
            for wait in waits { #expect(try client.reply(to: wait).status == 0) }
            client.close()
        }

        @Test func copiesOfABlockedStreamDoNotHoldOthersUp() throws {
            let (client, stream, address) = try blocked()
            let late = try client.send(.cuMemcpyDtoHAsync_v2, bytes(address, UInt64(8), stream))
            let early = try client.send(
                .cuMemcpyDtoHAsync_v2,
                bytes(address, UInt64(8), UInt64(0))
            )
            #expect(try client.hostData(of: early).count == 8)
            #expect(!client.received.contains { $0.sequence == late })
            FakeDriver.shared.releaseAll()
            #expect(try client.hostData(of: late).count == 8)
            client.close()
        }

        @Test func whatKernelsPrintComesBeforeTheReply() throws {
            let client = try TestClient()
            let functions = try client.load()
            let print = try #require(functions["print"])
            for number in Int32(1)...3 {
                try client.send(.cuLaunchKernel, client.launchBody(print, bytes(number)))
            }
            let wait = try client.ask(.cuCtxSynchronize)
            _ = try client.reply(to: wait)
            let output = client.received.filter { $0.opcode == .output }
            #expect(output.map(\.text).joined() == "kernel 1\nkernel 2\nkernel 3\n")
            #expect(output.allSatisfy { $0.load(0, as: UInt32.self) == 1 })
            #expect(client.received.last?.opcode == .reply)
            try client.send(.cuLaunchKernel, client.launchBody(print, bytes(Int32(4))))
            try client.call(.cuStreamSynchronize, bytes(UInt64(0)))
            #expect(client.received.filter { $0.opcode == .output }.last?.text == "kernel 4\n")
            client.close()
        }

        @Test func whatTheDriverComplainsAboutGoesToStandardError() throws {
            let client = try TestClient()
            let text = Array("a.cu:3: assertion failed\n".utf8)
            #expect(write(client.complaints, text, text.count) == text.count)
            try client.call(.cuCtxSynchronize)
            let output = try client.first { $0.opcode == .output }
            #expect(output.load(0, as: UInt32.self) == 2)
            #expect(output.text == "a.cu:3: assertion failed\n")
            client.close()
        }

        @Test func aLotOfPrintedTextComesWhole() throws {
            let client = try TestClient()
            let text = String(repeating: "0123456789abcde\n", count: 20_000)
            FakeDriver.shared.locked { FakeDriver.shared.unprinted = text }
            try client.call(.cuCtxSynchronize)
            let output = client.received.filter { $0.opcode == .output }
            #expect(output.map(\.text).joined() == text)
            client.close()
        }

        @Test func aClientThatReadsLateGetsEverything() throws {
            let client = try TestClient(slices: [16 << 20])
            let address = try client.allocate(1 << 20)
            try client.send(.cuMemsetD8_v2, bytes(address, UInt32(3), UInt32(0), UInt64(1 << 20)))
            // Replies and data of 64 MiB wait for the client; requests go on being taken.
            let copies = try (0..<32).map { _ in
                try client.ask(.cuMemcpyDtoH_v2, bytes(address, UInt64(1 << 20), UInt64(0)))
            }
            let queries = try (0..<2000).map { _ in
                try client.ask(.cuStreamQuery, bytes(UInt64(0)))
            }
            for query in queries { #expect(try client.reply(to: query).status == 0) }
            for copy in copies {
                #expect(try client.reply(to: copy).status == 0)
                #expect(try client.hostData(of: copy).count == 1 << 20)
            }
            client.close()
        }
    }
}
