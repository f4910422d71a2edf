import Driver
import Foundation
import Testing
import Wire
import Worker

extension WorkerTests {
    /// Images that are named instead of sent.
    @Suite struct KeptImageTests {
        private func nameBody(_ image: [UInt8]) -> [UInt8] {
            let name = image.withUnsafeBytes { ImageName(of: $0) }
            return name.hash.indices.map { name.hash[$0] } + bytes(UInt64(name.size))
        }

        private func load(
            _ client: TestClient,
            _ image: [UInt8],
            index: UInt64,
            named: Bool
        ) throws -> TestClient.Received {
            if named {
                try client.send(.image, nameBody(image))
            } else {
                try client.sendImage(image)
            }
            return try client.call(
                .cuLibraryLoadData,
                client.loadBody(TestHandle.image(index), image.count)
            )
        }

        @Test func anImageIsSentOnceForAllSessions() throws {
            try CacheScratch.with { scratch in
                let image = CacheScratch.image(1, 5000)
                let first = try TestClient(cache: scratch.cache())
                #expect(try load(first, image, index: 0, named: true).status == ImageName.missing)
                #expect(try load(first, image, index: 0, named: false).status == 0)
                #expect(try load(first, image, index: 1, named: true).status == 0)
                first.close()
                let second = try TestClient(cache: scratch.cache())
                let reply = try load(second, image, index: 0, named: true)
                #expect(reply.status == 0)
                #expect(LoadReply(reply).kernels.count == FakeDriver.kernels.count)
                second.close()
            }
        }

        @Test func whatIsMissingKeepsErrorsForLater() throws {
            try CacheScratch.with { scratch in
                let client = try TestClient(cache: scratch.cache())
                // A call without a reply that fails.
                try client.send(.cuStreamDestroy_v2, bytes(TestHandle.stream(9)))
                let image = CacheScratch.image(1)
                let missing = try load(client, image, index: 0, named: true)
                #expect(missing.status == ImageName.missing)
                #expect(missing.deferredStatus == 0)
                let loaded = try load(client, image, index: 0, named: false)
                #expect(loaded.status == 0)
                #expect(loaded.deferredStatus == UInt16(Status.invalidHandle))
                client.close()
            }
        }

        @Test func whatTheDriverRefusesIsNotKept() throws {
            try CacheScratch.with { scratch in
                let client = try TestClient(cache: scratch.cache())
                let image = Array("//bad\n".utf8) + CacheScratch.image(1)
                #expect(try load(client, image, index: 0, named: false).status == Status.invalidPTX)
                #expect(scratch.files.isEmpty)
                client.close()
            }
        }

        @Test func aTamperedImageIsAskedForAgain() throws {
            try CacheScratch.with { scratch in
                let image = CacheScratch.image(1, 5000)
                try scratch.cache().store(image)
                let file = try #require(FileHandle(forUpdatingAtPath: scratch.file(of: image)))
                try file.write(contentsOf: Array("//bad".utf8))
                let client = try TestClient(cache: scratch.cache())
                #expect(try load(client, image, index: 0, named: true).status == ImageName.missing)
                #expect(scratch.files.isEmpty)
                let calls = FakeDriver.shared.locked { FakeDriver.shared.calls }
                #expect(!calls.contains("cuLibraryLoadData"))
                #expect(try load(client, image, index: 0, named: false).status == 0)
                // It is kept after the reply has gone out.
                client.close()
                #expect(try scratch.cache().find(image) == image)
            }
        }

        @Test func inputsOfTheLinkerCanBeNamed() throws {
            try CacheScratch.with { scratch in
                let client = try TestClient(cache: scratch.cache())
                let link = TestHandle.link(1)
                let create = bytes(link, UInt64(0), UInt32(0), UInt32(0), UInt32(0), UInt32(0))
                #expect(try client.call(.cuLinkCreate_v2, create).status == 0)
                let input = CacheScratch.image(1, 777)
                func add(named: Bool) throws -> Int32 {
                    if named {
                        try client.send(.image, nameBody(input))
                    } else {
                        try client.sendImage(input)
                    }
                    let body = bytes(
                        link,
                        UInt64(input.count),
                        Int32(1),
                        UInt32(0),
                        UInt32(0),
                        UInt32(0)
                    )
                    return try client.call(.cuLinkAddData_v2, body).status
                }
                #expect(try add(named: true) == ImageName.missing)
                #expect(try add(named: false) == 0)
                #expect(try add(named: true) == 0)
                let calls = FakeDriver.shared.locked { FakeDriver.shared.calls }
                #expect(calls.filter { $0 == "cuLinkAddData 1 777 " }.count == 2)
                client.close()
            }
        }

        /// A load that is refused for another reason takes the name along.
        @Test func aNameIsGoodForOneCall() throws {
            try CacheScratch.with { scratch in
                let image = CacheScratch.image(1)
                let client = try TestClient(cache: scratch.cache())
                #expect(try load(client, image, index: 0, named: false).status == 0)
                // In a context that there is not.
                try client.send(.image, nameBody(image), context: 70)
                let body = client.loadBody(TestHandle.image(1), image.count)
                let refused = try client.call(.cuLibraryLoadData, body, context: 70)
                #expect(refused.status == Status.invalidContext)
                #expect(try load(client, image, index: 1, named: true).status == 0)
                client.close()
            }
        }

        /// Names that break the protocol; the connection ends.
        @Test(arguments: [
            "no cache", "twice", "behind a piece", "before a piece", "other size", "short", "reply",
        ])
        func hostileNames(_ what: String) throws {
            try CacheScratch.with { scratch in
                let cache = what == "no cache" ? nil : try scratch.cache()
                let client = try TestClient(cache: cache)
                let image = CacheScratch.image(1)
                let name = nameBody(image)
                let load = client.loadBody(
                    TestHandle.image(0),
                    what == "other size" ? 999 : image.count
                )
                let piece = bytes(UInt64(0), UInt64(8)) + [1, 2, 3, 4, 5, 6, 7, 8]
                if what == "behind a piece" { try client.send(.chunk, piece) }
                if what == "reply" {
                    try client.ask(.image, name)
                } else {
                    try client.send(.image, what == "short" ? Array(name.prefix(32)) : name)
                }
                if what == "twice" { try client.send(.image, name) }
                if what == "before a piece" { try client.send(.chunk, piece) }
                if what == "other size" { try client.ask(.cuLibraryLoadData, load) }
                #expect(client.waitForExit() == .protocolViolation)
            }
        }
    }
}
