package import Logging
package import Pool
package import Store

/// A lease as its new holder gets it.
package struct GrantedLease: Sendable {
    /// The lease.
    package let lease: Lease
    /// 32 bytes that open its data connections.
    package let secret: [UInt8]
}

/// What became of a lease that someone asks for.
package enum LeaseState: Sendable {
    /// It lives.
    case living(Lease)
    /// It ended.
    case ended(EndedLease)
    /// Nobody knows it.
    case unknown
}

/// Where leases are taken and given back: ties the pool's decisions to the store, the data port and
/// the workers.
package actor LeaseDesk {
    /// How many ended leases the store keeps.
    package static let historyLength = 10_000

    private var pool: Pool
    private let store: any LeaseStore
    private let directory: LeaseDirectory
    private let supervisor: WorkerSupervisor
    private let shared: SharedFolders?
    private let time: any TimeSource
    private let logger: Logger
    private let bootID: String

    /// A desk for the GPUs of `pool`, which has no leases yet; `restore` brings the old ones.
    package init(
        pool: Pool,
        store: any LeaseStore,
        directory: LeaseDirectory,
        supervisor: WorkerSupervisor,
        shared: SharedFolders? = nil,
        time: any TimeSource,
        logger: Logger
    ) {
        self.shared = shared
        self.pool = pool
        self.store = store
        self.directory = directory
        self.supervisor = supervisor
        self.time = time
        self.logger = logger
        bootID = ProcessTable.bootID()
    }

    // MARK: - Starting and stopping

    /// Takes over the leases and workers of the server that ran before.
    package func restore() async throws {
        let now = time.now()
        for stored in try await store.living() {
            guard let entry = Self.entry(stored),
                pool.restore(stored.lease, now: now)
            else {
                let id = stored.lease.id
                let seen = stored.lease.lastSeen.wall
                try await store.end(id, reason: .gpuGone, at: now, lastSeen: seen)
                logger.warning("lease ended: a GPU of it is gone", metadata: ["lease": "\(id)"])
                continue
            }
            directory.add(entry)
            logger.info("lease restored", metadata: Self.metadata(stored.lease))
        }
        for worker in try await store.workers() { try await adopt(worker) }
    }

    private func adopt(_ worker: StoredWorker) async throws {
        let info = WorkerInfo(
            lease: worker.lease,
            pid: worker.pid,
            startTicks: worker.startTicks,
            clientPID: worker.clientPID,
            program: worker.program
        )
        guard worker.bootID == bootID, try supervisor.adopt(info) else {
            try await store.remove(workerPID: worker.pid, startTicks: worker.startTicks)
            return
        }
        if pool[worker.lease] == nil {
            supervisor.end(lease: worker.lease)
        } else {
            logger.info(
                "worker restored",
                metadata: ["lease": "\(worker.lease)", "worker": "\(worker.pid)"]
            )
        }
    }

    /// Takes back leases whose clients vanished, until the task is cancelled.
    package func keepHouse() async throws {
        var round = 0
        while true {
            try await time.sleep(milliseconds: 1000)
            await expire()
            round += 1
            if round % 60 == 0 { await tidy() }
        }
    }

    /// Notes when clients were last heard of, and shortens the history.
    package func tidy() async {
        let seen = pool.all.map { ($0.id, $0.lastSeen.wall) }
        do {
            try await store.touch(Dictionary(uniqueKeysWithValues: seen))
            try await store.prune(keeping: Self.historyLength)
        } catch {
            logger.error("the store could not be tidied: \(error)")
        }
    }

    // MARK: - Leases

    private static func entry(_ stored: StoredLease) -> LeaseEntry? {
        LeaseEntry(lease: stored.lease, secret: stored.secret, owner: stored.owner)
    }

    /// Grants a wish.
    ///
    /// - Parameter owner: SHA-256 of the token with which it came.
    /// - Throws: `Refusal`, or the store's error; then nothing was granted.
    package func grant(
        _ request: LeaseRequest,
        owner: [UInt8]? = nil
    ) async throws -> GrantedLease {
        guard let id = LeaseID(bytes: secureRandomBytes(16)) else {
            preconditionFailure("16 bytes are a lease's name")
        }
        let secret = secureRandomBytes(32)
        // The GPUs are taken before the store is asked, so that nobody gets them meanwhile.
        let lease = try pool.lease(request, id: id, now: time.now()).get()
        let stored = StoredLease(lease: lease, secret: secret, owner: owner)
        do {
            try await store.insert(stored)
        } catch {
            _ = pool.release(id)
            throw error
        }
        // While the store was busy the lease can have expired again, if the machine slept.
        guard pool[id] != nil, let entry = Self.entry(stored) else {
            try await store.end(id, reason: .failed, at: time.now(), lastSeen: lease.createdAt)
            throw Refusal.notEnough(pool.free)
        }
        directory.add(entry)
        logger.info("lease granted", metadata: Self.metadata(lease))
        return GrantedLease(lease: lease, secret: secret)
    }

    /// How long a permit opens connections, in seconds.
    package static let permitSeconds = 60

    /// Leave to measure the network to this server, without GPUs and without a trace in the store.
    package func permit() -> (id: LeaseID, secret: [UInt8]) {
        let secret = secureRandomBytes(32)
        guard let id = LeaseID(bytes: secureRandomBytes(16)),
            let entry = LeaseEntry(permit: id, secret: secret)
        else { preconditionFailure("16 bytes are a lease's name, and 32 a secret") }
        let until = SystemTime().now().uptime + Int64(Self.permitSeconds) * 1000
        directory.add(permit: entry, until: until)
        logger.info("permit to measure given", metadata: ["lease": "\(id)"])
        return (id, secret)
    }

    /// Notes that a client lives.
    package func heartbeat(_ id: LeaseID) async throws -> LeaseState {
        _ = pool.heartbeat(id, now: time.now())
        return try await state(id)
    }

    /// Takes a lease back.
    package func release(_ id: LeaseID) async throws -> LeaseState {
        guard let lease = pool.release(id) else { return try await state(id) }
        await finish(lease, reason: .released)
        return .living(lease)
    }

    /// Takes back the leases whose clients were not heard of for the grace period.
    package func expire() async {
        for lease in pool.expire(now: time.now()) { await finish(lease, reason: .expired) }
    }

    /// What became of a lease.
    package func state(_ id: LeaseID) async throws -> LeaseState {
        if let lease = pool[id] { return .living(lease) }
        return try await store.ended(id).map { .ended($0) } ?? .unknown
    }

    private func finish(_ lease: Lease, reason: EndReason) async {
        directory.end(lease.id)
        supervisor.end(lease: lease.id)
        shared?.remove(lease.id)
        var metadata = Self.metadata(lease)
        metadata["reason"] = "\(reason.rawValue)"
        logger.log(level: reason == .released ? .info : .warning, "lease ended", metadata: metadata)
        do {
            let seen = lease.lastSeen.wall
            try await store.end(lease.id, reason: reason, at: time.now(), lastSeen: seen)
        } catch {
            // Until a restart nothing is wrong; after it the lease expires once more.
            logger.error("the end of a lease could not be stored: \(error)", metadata: metadata)
        }
    }

    // MARK: - What there is

    /// The living leases, oldest first.
    package var leases: [Lease] { pool.all }

    /// What is left of each GPU, and who has a part of it.
    package var gpus: [(free: FreeGPU, holders: [LeaseID])] {
        pool.free.map { ($0, pool.holders(ofGPU: $0.gpu.uuid)) }
    }

    // MARK: - Workers

    /// A worker was started.
    package func workerStarted(_ info: WorkerInfo) async {
        let stored = StoredWorker(
            lease: info.lease,
            pid: info.pid,
            startTicks: info.startTicks,
            bootID: bootID,
            clientPID: info.clientPID,
            program: info.program
        )
        do {
            try await store.insert(stored)
            // It may have ended before it was stored.
            if !supervisor.workers(of: info.lease).contains(info) { await workerEnded(info) }
        } catch {
            logger.error(
                "a worker could not be stored: \(error)",
                metadata: ["lease": "\(info.lease)", "worker": "\(info.pid)"]
            )
        }
    }

    /// A worker is no more.
    package func workerEnded(_ info: WorkerInfo) async {
        do {
            try await store.remove(workerPID: info.pid, startTicks: info.startTicks)
        } catch {
            logger.error(
                "a worker's end could not be stored: \(error)",
                metadata: ["lease": "\(info.lease)", "worker": "\(info.pid)"]
            )
        }
    }

    private static func metadata(_ lease: Lease) -> Logger.Metadata {
        let grants = lease.grants.map { "\($0.gpuIndex)=\($0.memoryBytes >> 20)MiB" }
        return [
            "lease": "\(lease.id)",
            "client": "\(LogText.clean(lease.client.user))@\(LogText.clean(lease.client.host))",
            "gpus": "\(grants.joined(separator: ","))",
        ]
    }
}
