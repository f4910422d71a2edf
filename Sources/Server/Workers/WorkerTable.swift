package import Pool

/// A worker process, as the API shows it and the store keeps it.
package struct WorkerInfo: Hashable, Sendable {
    /// Its lease.
    package var lease: LeaseID
    /// Its process number here.
    package var pid: Int32
    /// When it began, in clock ticks since boot.
    package var startTicks: UInt64
    /// The client's process number, as the client said.
    package var clientPID: UInt32
    /// The client program's name, as the client said.
    package var program: String

    /// A worker.
    package init(
        lease: LeaseID,
        pid: Int32,
        startTicks: UInt64,
        clientPID: UInt32,
        program: String
    ) {
        self.lease = lease
        self.pid = pid
        self.startTicks = startTicks
        self.clientPID = clientPID
        self.program = program
    }
}

/// Which workers live, and when those that must end are no longer asked politely. A pure value.
package struct WorkerTable: Sendable {
    /// Names a worker within this table.
    package typealias Key = Int32

    /// A signal that must be sent.
    package enum Action: Hashable, Sendable {
        /// Please end (SIGTERM).
        case terminate(Key)
        /// End (SIGKILL).
        case kill(Key)
    }

    private enum Phase: Hashable {
        case running
        case terminating(killAt: Int64)
        case killed
    }

    private struct Entry {
        var info: WorkerInfo
        var phase = Phase.running
        var transport: String?
    }

    /// Milliseconds between the request to end and the end.
    package let patience: Int64
    private var entries: [Key: Entry] = [:]

    /// An empty table.
    package init(patience: Int64) { self.patience = patience }

    /// A worker lives.
    package mutating func add(_ info: WorkerInfo, key: Key) {
        entries[key] = Entry(info: info)
    }

    /// A worker is no more.
    package mutating func remove(_ key: Key) -> WorkerInfo? {
        entries.removeValue(forKey: key)?.info
    }

    /// All living workers of a lease must end.
    package mutating func end(lease: LeaseID, now: Int64) -> [Action] {
        entries.filter { $0.value.info.lease == lease && $0.value.phase == .running }.keys.sorted()
            .map { key in
                entries[key]?.phase = .terminating(killAt: now + patience)
                return .terminate(key)
            }
    }

    /// What the passing of time demands.
    package mutating func tick(now: Int64) -> [Action] {
        entries.keys.sorted().compactMap { key in
            guard case .terminating(let killAt)? = entries[key]?.phase, killAt <= now else {
                return nil
            }
            entries[key]?.phase = .killed
            return .kill(key)
        }
    }

    /// When `tick` must be called next; nil when nothing is due.
    package var deadline: Int64? {
        entries.values.compactMap {
            if case .terminating(let killAt) = $0.phase { killAt } else { nil }
        }
        .min()
    }

    /// The living workers of a lease, by process number.
    package func workers(of lease: LeaseID) -> [WorkerInfo] {
        entries.values.map(\.info).filter { $0.lease == lease }.sorted { $0.pid < $1.pid }
    }

    /// How a worker says that its connection travels; what it says first counts.
    package mutating func note(transport: String, of key: Key) {
        if entries[key]?.transport == nil { entries[key]?.transport = transport }
    }

    /// How a worker's connection travels, as far as it has said.
    package func transport(_ key: Key) -> String? { entries[key]?.transport }

    /// The worker of this key.
    package func info(_ key: Key) -> WorkerInfo? { entries[key]?.info }

    /// How many workers live.
    package var count: Int { entries.count }
}
