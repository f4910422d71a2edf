import Foundation
import Pool
import Store
import Testing

@Suite struct SQLiteStoreTests {
    private let folder = FileManager.default.temporaryDirectory
        .appending(path: "ferry-store-\(UUID().uuidString)").path

    private func withStore(_ body: (_ reopen: () throws -> SQLiteStore) async throws -> Void)
        async throws
    {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body { try SQLiteStore(path: folder + "/ferry.sqlite") }
    }

    private func lease(_ number: UInt8, createdAt: Int64 = 1000) throws -> StoredLease {
        let id = try #require(LeaseID(bytes: [UInt8](repeating: number, count: 16)))
        let grants = (0..<3).map {
            Grant(
                gpuIndex: $0,
                gpuUUID: "GPU-\($0)",
                memoryBytes: Int64($0 + 1) << 20,
                isWhole: $0 == 0
            )
        }
        let lease = Lease(
            id: id,
            client: ClientDescription(
                host: "höst",
                user: "o'brien",
                pid: 7,
                command: "a \"b\"; DROP TABLE lease"
            ),
            grants: grants,
            createdAt: createdAt,
            lastSeen: Moment(uptime: 0, wall: createdAt)
        )
        return StoredLease(lease: lease, secret: [UInt8](repeating: number, count: 32))
    }

    @Test func aLivingLeaseSurvivesAReopening() async throws {
        try await withStore { open in
            let stored = try lease(1)
            try await open().insert(stored)
            #expect(try await open().living() == [stored])
        }
    }

    @Test func theOwnerIsKept() async throws {
        try await withStore { open in
            var stored = try lease(1)
            stored.owner = [UInt8](repeating: 9, count: 32)
            try await open().insert(stored)
            #expect(try await open().living() == [stored])
            var wrong = try lease(2)
            wrong.owner = [1, 2, 3]
            await #expect(throws: (any Error).self) { try await open().insert(wrong) }
        }
    }

    @Test func aLeaseIsKeptOnce() async throws {
        try await withStore { open in
            let store = try open()
            try await store.insert(lease(1))
            await #expect(throws: (any Error).self) { try await store.insert(lease(1)) }
            #expect(try await store.living().count == 1)
        }
    }

    @Test func anEndedLeaseIsHistoryWithoutItsSecret() async throws {
        try await withStore { open in
            let stored = try lease(0xAB)
            let store = try open()
            try await store.insert(stored)
            let end = Moment(uptime: 5, wall: 2000)
            try await store.end(stored.lease.id, reason: .expired, at: end, lastSeen: 1500)
            let later = Moment(uptime: 6, wall: 9000)
            try await store.end(stored.lease.id, reason: .released, at: later, lastSeen: 8000)
            let ended = try #require(try await open().ended(stored.lease.id))
            #expect(ended.reason == .expired)
            #expect(ended.endedAt == 2000)
            #expect(ended.lease.lastSeen.wall == 1500)
            #expect(ended.lease.grants == stored.lease.grants)
            #expect(try await store.living().isEmpty)
            #expect(try await store.ended(lease(2).lease.id) == nil)
        }
    }

    @Test func touchingNotesTheLastSign() async throws {
        try await withStore { open in
            let stored = try lease(1)
            try await open().insert(stored)
            try await open().touch([stored.lease.id: 4321])
            #expect(try await open().living().map(\.lease.lastSeen.wall) == [4321])
        }
    }

    @Test func theHistoryIsNewestFirstAndPruned() async throws {
        try await withStore { open in
            let store = try open()
            for number in UInt8(1)...5 {
                let stored = try lease(number)
                try await store.insert(stored)
                let moment = Moment(uptime: 0, wall: Int64(number) * 100)
                try await store.end(stored.lease.id, reason: .released, at: moment, lastSeen: 0)
            }
            try await store.insert(lease(6))
            #expect(try await store.history(limit: 2).map(\.endedAt) == [500, 400])
            try await store.prune(keeping: 3)
            #expect(try await store.history(limit: 10).map(\.endedAt) == [500, 400, 300])
            #expect(try await store.living().count == 1)
        }
    }

    @Test func workersSurviveAReopeningAndGoByPIDAndStart() async throws {
        try await withStore { open in
            let stored = try lease(1)
            let worker = StoredWorker(
                lease: stored.lease.id,
                pid: 4242,
                startTicks: 99,
                bootID: "boot",
                clientPID: .max,
                program: "python"
            )
            try await open().insert(stored)
            try await open().insert(worker)
            #expect(try await open().workers() == [worker])
            try await open().remove(workerPID: 4242, startTicks: 98)
            #expect(try await open().workers() == [worker])
            try await open().remove(workerPID: 4242, startTicks: 99)
            #expect(try await open().workers().isEmpty)
        }
    }

    @Test func aWorkerNeedsALease() async throws {
        try await withStore { open in
            let id = try lease(9).lease.id
            let orphan = StoredWorker(
                lease: id,
                pid: 1,
                startTicks: 1,
                bootID: "",
                clientPID: 0,
                program: ""
            )
            let store = try open()
            await #expect(throws: (any Error).self) { try await store.insert(orphan) }
        }
    }

    @Test func settingsAndTokensSurviveAReopening() async throws {
        try await withStore { open in
            try await open().set("a", to: "1")
            try await open().set("a", to: "2")
            try await open().set("b", to: "3")
            try await open().set("b", to: nil)
            #expect(try await open().setting("a") == "2")
            #expect(try await open().setting("b") == nil)
            let hash = [UInt8](repeating: 3, count: 32)
            let now = Moment(uptime: 0, wall: 1)
            try await open().insert(tokenHash: hash, name: "first", at: now)
            #expect(try await open().tokenHashes() == [hash])
            let short = [UInt8](repeating: 3, count: 31)
            let store = try open()
            await #expect(throws: (any Error).self) {
                try await store.insert(tokenHash: short, name: "short", at: now)
            }
        }
    }

    @Test func writesAreAheadAndSynced() async throws {
        try await withStore { open in
            let store = try open()
            try await store.insert(lease(1))
            #expect(FileManager.default.fileExists(atPath: folder + "/ferry.sqlite-wal"))
            #expect(try await store.durability() == "wal 2")
        }
    }

    @Test func whatIsNotADatabaseIsRefused() async throws {
        try await withStore { open in
            let path = folder + "/ferry.sqlite"
            try Data(repeating: 0x55, count: 8192).write(to: URL(filePath: path))
            #expect(throws: (any Error).self) { try open() }
        }
    }
}
