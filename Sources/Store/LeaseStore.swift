package import Pool

/// A living lease as it is kept: the pool's part and the secret of its data connections.
package struct StoredLease: Hashable, Sendable {
    /// What the pool knows.
    package var lease: Lease
    /// 32 random bytes that the client proves to know.
    package var secret: [UInt8]
    /// SHA-256 of the token with which it was taken; `nil` when that was not noted.
    package var owner: [UInt8]?

    /// A lease with its secret.
    package init(lease: Lease, secret: [UInt8], owner: [UInt8]? = nil) {
        self.lease = lease
        self.secret = secret
        self.owner = owner
    }
}

/// A worker process as it is kept, so that a restarted server can still end it.
package struct StoredWorker: Hashable, Sendable {
    /// Its lease.
    package var lease: LeaseID
    /// Its process number on this machine.
    package var pid: Int32
    /// When it began, in clock ticks since boot: with `pid` and `bootID` its unmistakable name.
    package var startTicks: UInt64
    /// The kernel's name for this boot of the machine.
    package var bootID: String
    /// The client's process number, as the client said.
    package var clientPID: UInt32
    /// The client program's name, as the client said.
    package var program: String

    /// A worker of a lease.
    package init(
        lease: LeaseID,
        pid: Int32,
        startTicks: UInt64,
        bootID: String,
        clientPID: UInt32,
        program: String
    ) {
        self.lease = lease
        self.pid = pid
        self.startTicks = startTicks
        self.bootID = bootID
        self.clientPID = clientPID
        self.program = program
    }
}

/// A lease that is no more.
package struct EndedLease: Hashable, Sendable {
    /// What it was.
    package var lease: Lease
    /// Milliseconds since 1970.
    package var endedAt: Int64
    /// Why it ended.
    package var reason: EndReason
}

/// What must survive a restart of the server. All calls may be made from any task; each change is
/// on the disk when it returns, or it throws and nothing changed.
package protocol LeaseStore: Sendable {
    /// Keeps a new lease.
    func insert(_ lease: StoredLease) async throws
    /// Marks a living lease as ended and forgets its secret; nothing for one that is not living.
    func end(_ id: LeaseID, reason: EndReason, at moment: Moment, lastSeen: Int64) async throws
    /// Notes when clients were last heard of, as milliseconds since 1970.
    func touch(_ lastSeen: [LeaseID: Int64]) async throws
    /// The living leases, oldest first; their `lastSeen` has no uptime.
    func living() async throws -> [StoredLease]
    /// The ended lease of this name, when the history still has it.
    func ended(_ id: LeaseID) async throws -> EndedLease?
    /// The most recently ended leases, newest first.
    func history(limit: Int) async throws -> [EndedLease]
    /// Forgets all but the `keeping` most recently ended leases.
    func prune(keeping: Int) async throws

    /// Keeps a new worker.
    func insert(_ worker: StoredWorker) async throws
    /// Forgets a worker that is no more.
    func remove(workerPID pid: Int32, startTicks: UInt64) async throws
    /// The workers that were not removed.
    func workers() async throws -> [StoredWorker]

    /// The setting of this name.
    func setting(_ name: String) async throws -> String?
    /// Sets a setting; nil removes it.
    func set(_ name: String, to value: String?) async throws

    /// The SHA-256 of every token that opens the API.
    func tokenHashes() async throws -> [[UInt8]]
    /// Keeps the SHA-256 of a new token.
    func insert(tokenHash: [UInt8], name: String, at moment: Moment) async throws
}
