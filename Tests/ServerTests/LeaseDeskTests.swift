import Pool
import Server
import Store
import Testing

@Suite struct LeaseDeskTests {
    private struct Desk {
        let desk: LeaseDesk
        let time: ManualTime
        let directory: LeaseDirectory
        let supervisor: WorkerSupervisor
    }

    private func make(_ store: any LeaseStore) throws -> Desk {
        let time = ManualTime()
        let directory = LeaseDirectory()
        let supervisor = try WorkerSupervisor(logger: silentLogger()) { _, _ in }
        let gpu = GPU(
            index: 0,
            uuid: "GPU-0",
            name: "Fake",
            memoryBytes: 100 << 20,
            computeCapability: "8.0",
            pciBusID: ""
        )
        let desk = LeaseDesk(
            pool: Pool(gpus: [gpu], grace: 60_000),
            store: store,
            directory: directory,
            supervisor: supervisor,
            time: time,
            logger: silentLogger()
        )
        return Desk(desk: desk, time: time, directory: directory, supervisor: supervisor)
    }

    private func wish() throws -> LeaseRequest {
        let client = ClientDescription(host: "h", user: "u", pid: 1, command: "c")
        return try LeaseRequest(gpus: 1, fraction: nil, mebibytes: nil, client: client)
    }

    @Test func aSilentClientsLeaseIsTakenBackAtTheGrace() async throws {
        try await Scratch.with { scratch in
            let store = try SQLiteStore(path: scratch.path + "/s.sqlite")
            let it = try make(store)
            let granted = try await it.desk.grant(try wish())
            #expect(it.directory.isLiving(granted.lease.id))
            it.time.advance(milliseconds: 59_000)
            _ = try await it.desk.heartbeat(granted.lease.id)
            it.time.advance(milliseconds: 59_999)
            await it.desk.expire()
            #expect(await it.desk.leases.count == 1)
            it.time.advance(milliseconds: 1)
            await it.desk.expire()
            #expect(await it.desk.leases.isEmpty)
            #expect(!it.directory.isLiving(granted.lease.id))
            let ended = try #require(try await store.ended(granted.lease.id))
            #expect(ended.reason == .expired)
            _ = try await it.desk.grant(try wish())
            it.supervisor.stop()
        }
    }

    @Test func aStoreThatFailsLosesNoGPU() async throws {
        let it = try make(FailingStore())
        await #expect(throws: FailingStore.Full.self) { try await it.desk.grant(try wish()) }
        #expect(await it.desk.leases.isEmpty)
        #expect(await it.desk.gpus.allSatisfy { $0.free.isUnused })
        it.supervisor.stop()
    }

    @Test func aLeaseOfAGPUThatIsGoneEndsAtTheRestart() async throws {
        try await Scratch.with { scratch in
            let store = try SQLiteStore(path: scratch.path + "/s.sqlite")
            let id = try #require(LeaseID(bytes: [UInt8](repeating: 1, count: 16)))
            let lease = Lease(
                id: id,
                client: ClientDescription(host: "h", user: "u", pid: 1, command: "c"),
                grants: [
                    Grant(gpuIndex: 7, gpuUUID: "GPU-7", memoryBytes: 1 << 20, isWhole: true)
                ],
                createdAt: 5,
                lastSeen: Moment(uptime: 0, wall: 5)
            )
            let secret = [UInt8](repeating: 0, count: 32)
            try await store.insert(StoredLease(lease: lease, secret: secret))
            let it = try make(store)
            try await it.desk.restore()
            #expect(await it.desk.leases.isEmpty)
            #expect(try await store.ended(id)?.reason == .gpuGone)
            it.supervisor.stop()
        }
    }
}

/// A store on a full disk.
private struct FailingStore: LeaseStore {
    struct Full: Error {}

    func insert(_: StoredLease) async throws { throw Full() }
    func end(_: LeaseID, reason _: EndReason, at _: Moment, lastSeen _: Int64) async throws {
        throw Full()
    }
    func touch(_: [LeaseID: Int64]) async throws { throw Full() }
    func living() async throws -> [StoredLease] { [] }
    func ended(_: LeaseID) async throws -> EndedLease? { nil }
    func history(limit _: Int) async throws -> [EndedLease] { [] }
    func prune(keeping _: Int) async throws { throw Full() }
    func insert(_: StoredWorker) async throws { throw Full() }
    func remove(workerPID _: Int32, startTicks _: UInt64) async throws { throw Full() }
    func workers() async throws -> [StoredWorker] { [] }
    func setting(_: String) async throws -> String? { nil }
    func set(_: String, to _: String?) async throws { throw Full() }
    func tokenHashes() async throws -> [[UInt8]] { [] }
    func insert(tokenHash _: [UInt8], name _: String, at _: Moment) async throws { throw Full() }
}
