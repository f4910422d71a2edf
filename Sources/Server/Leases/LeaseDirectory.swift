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
    /// SHA-256 of the token with which it was taken, if that is known.
    package let owner: [UInt8]?

    /// An entry for a lease; nil when the secret is not 32 bytes long.
    package init?(lease: Lease, secret: [UInt8], owner: [UInt8]? = nil) {
        self.owner = owner
        guard secret.count == 32 else { return nil }
        id = lease.id
        var bytes = InlineArray<32, UInt8>(repeating: 0)
        for index in 0..<32 { bytes[index] = secret[index] }
        self.secret = bytes
        grants = lease.grants
        clientName = "\(lease.client.user)@\(lease.client.host)"
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
    private let state = Mutex(State())

    /// An empty directory.
    package init() {}

    /// From now on clients of this lease are let in.
    package func add(_ entry: LeaseEntry) {
        state.withLock { $0.living[entry.id] = entry }
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
            return state.ended[id].map { .ended($0) } ?? .unknown
        }
    }

    /// Whether clients of this lease are let in.
    package func isLiving(_ id: LeaseID) -> Bool { state.withLock { $0.living[id] != nil } }
}
