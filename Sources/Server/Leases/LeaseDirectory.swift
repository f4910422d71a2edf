package import Pool
internal import Synchronization

/// What the data port must know of a lease.
package struct LeaseEntry: Sendable {
    /// Its name.
    package let id: LeaseID
    /// What a client proves to know.
    package let secret: InlineArray<32, UInt8>
    /// The GPUs in the program's order, with the bytes of each that it may use.
    package let grants: [Grant]
    /// `user@host`, for logs.
    package let clientName: String
    /// Whether it is no lease but leave to measure the network for a moment: its connections get no
    /// driver.
    package let isPermit: Bool
    /// SHA-256 of the token with which it was taken, if that is known.
    package let owner: [UInt8]?

    /// An entry for a lease; nil when the secret is not 32 bytes long.
    package init?(lease: Lease, secret: [UInt8], owner: [UInt8]? = nil) {
        let client = "\(lease.client.user)@\(lease.client.host)"
        self.init(lease.id, secret, lease.grants, client, isPermit: false, owner: owner)
    }

    /// Leave to measure; nil when the secret is not 32 bytes long.
    package init?(permit id: LeaseID, secret: [UInt8]) {
        self.init(id, secret, [], "netperf", isPermit: true, owner: nil)
    }

    private init?(
        _ id: LeaseID,
        _ secret: [UInt8],
        _ grants: [Grant],
        _ clientName: String,
        isPermit: Bool,
        owner: [UInt8]?
    ) {
        self.owner = owner
        guard secret.count == 32 else { return nil }
        self.id = id
        var bytes = InlineArray<32, UInt8>(repeating: 0)
        for index in 0..<32 { bytes[index] = secret[index] }
        self.secret = bytes
        self.grants = grants
        self.clientName = clientName
        self.isPermit = isPermit
    }
}

/// The leases by name, for the thread of the data port, which cannot wait for an actor.
///
/// Ended leases stay known for a while, so that a late client hears "ended" and not "unknown".
package final class LeaseDirectory: Sendable {
    private struct State {
        var living: [LeaseID: LeaseEntry] = [:]
        var ended: [LeaseID: LeaseEntry] = [:]
        var endedInOrder: [LeaseID] = []
        /// The youngest last.
        var permits: [(entry: LeaseEntry, until: Int64)] = []
    }

    /// What is known of a name.
    package enum Answer: Sendable {
        /// The lease lives.
        case living(LeaseEntry)
        /// It lived.
        case ended(LeaseEntry)
        /// Nothing.
        case unknown
    }

    private static let remembered = 1024
    /// Permits at most; when there are more, the oldest goes.
    private static let mostPermits = 64
    private let state = Mutex(State())

    /// An empty directory.
    package init() {}

    /// From now on clients of this lease are let in.
    package func add(_ entry: LeaseEntry) {
        state.withLock { $0.living[entry.id] = entry }
    }

    /// Until then, in milliseconds of uptime, whoever has this permit is let in.
    package func add(permit entry: LeaseEntry, until: Int64) {
        state.withLock { state in
            if state.permits.count >= Self.mostPermits { state.permits.removeFirst() }
            state.permits.append((entry, until))
        }
    }

    /// From now on they are not.
    package func end(_ id: LeaseID) {
        state.withLock { state in
            guard let entry = state.living.removeValue(forKey: id) else { return }
            state.ended[id] = entry
            state.endedInOrder.append(id)
            if state.endedInOrder.count > Self.remembered {
                state.ended[state.endedInOrder.removeFirst()] = nil
            }
        }
    }

    /// What is known of this name.
    package func find(_ id: LeaseID) -> Answer {
        state.withLock { state in
            if let entry = state.living[id] { return .living(entry) }
            if let entry = Self.permit(id, &state) { return .living(entry) }
            return state.ended[id].map { .ended($0) } ?? .unknown
        }
    }

    /// Whether clients of this lease are let in.
    package func isLiving(_ id: LeaseID) -> Bool {
        state.withLock { $0.living[id] != nil || Self.permit(id, &$0) != nil }
    }

    private static func permit(_ id: LeaseID, _ state: inout State) -> LeaseEntry? {
        let now = SystemTime().now().uptime
        state.permits.removeAll { $0.until <= now }
        return state.permits.first { $0.entry.id == id }?.entry
    }
}
