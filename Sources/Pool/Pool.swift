/// All GPUs of one server and who has them: the single place that decides.
///
/// A value; every change is a function that says what it did. It holds only living leases; the
/// dead ones are the store's.
package struct Pool: Sendable {
    /// Milliseconds without a sign of its client after which a lease is taken back.
    package let grace: Int64
    /// The GPUs, by number.
    package let gpus: [GPU]
    private var leases: [LeaseID: Lease] = [:]
    /// What is taken of each GPU.
    private var taken: [String: Taken] = [:]

    private struct Taken {
        var slicesMiB: Int64 = 0
        var holders: [LeaseID] = []
        var isWhole = false
    }

    /// A pool without leases.
    ///
    /// - Parameters:
    ///   - gpus: the GPUs; of two with one UUID only the first counts.
    ///   - grace: milliseconds without a heartbeat after which a lease ends; more than 0.
    package init(gpus: [GPU], grace: Int64) {
        precondition(grace > 0, "the grace period must be positive")
        var seen: Set<String> = []
        self.gpus = gpus.filter { seen.insert($0.uuid).inserted }.sorted { $0.index < $1.index }
        self.grace = grace
    }

    /// The living leases, oldest first.
    package var all: [Lease] {
        leases.values.sorted {
            ($0.createdAt, $0.id.description) < ($1.createdAt, $1.id.description)
        }
    }

    /// The living lease of this name.
    package subscript(id: LeaseID) -> Lease? { leases[id] }

    /// What is left of each GPU, by number.
    package var free: [FreeGPU] {
        gpus.map { gpu in
            let taken = taken[gpu.uuid]
            return FreeGPU(
                gpu: gpu,
                freeMiB: taken.map { $0.isWhole ? 0 : gpu.memoryMiB - $0.slicesMiB }
                    ?? gpu.memoryMiB,
                isUnused: taken == nil
            )
        }
    }

    /// The leases that have a part of this GPU, in the order in which they came.
    package func holders(ofGPU uuid: String) -> [LeaseID] { taken[uuid]?.holders ?? [] }

    // MARK: - Changes

    /// Grants `request` as the lease `id`, or refuses and changes nothing.
    package mutating func lease(
        _ request: LeaseRequest,
        id: LeaseID,
        now: Moment
    ) -> Result<Lease, Refusal> {
        guard leases[id] == nil else { return .failure(.invalid("the lease \(id) exists")) }
        return Placement.place(request, on: free).map { grants in
            let lease = Lease(
                id: id,
                client: request.client,
                grants: grants,
                createdAt: now.wall,
                lastSeen: now
            )
            add(lease)
            return lease
        }
    }

    /// Takes over a lease that was granted before, as after a restart; its grace starts anew.
    ///
    /// False, and nothing changed, when a GPU of it is gone or no longer has the room.
    package mutating func restore(_ lease: Lease, now: Moment) -> Bool {
        guard leases[lease.id] == nil, !lease.grants.isEmpty else { return false }
        guard Set(lease.grants.map(\.gpuUUID)).count == lease.grants.count else { return false }
        let free = Dictionary(uniqueKeysWithValues: free.map { ($0.gpu.uuid, $0) })
        for grant in lease.grants {
            guard let left = free[grant.gpuUUID] else { return false }
            let fits =
                grant.isWhole
                ? left.isUnused && grant.memoryBytes <= left.gpu.memoryBytes
                : grant.memoryBytes > 0 && grant.memoryBytes <= left.freeMiB << 20
            guard fits else { return false }
        }
        var lease = lease
        lease.lastSeen = now
        add(lease)
        return true
    }

    /// Notes that the client lives; false when there is no such lease.
    package mutating func heartbeat(_ id: LeaseID, now: Moment) -> Bool {
        guard leases[id] != nil else { return false }
        leases[id]?.lastSeen = now
        return true
    }

    /// Takes the lease back; nil, and nothing changed, when there is no such lease.
    package mutating func release(_ id: LeaseID) -> Lease? {
        guard let lease = leases.removeValue(forKey: id) else { return nil }
        for grant in lease.grants { remove(grant, of: id) }
        return lease
    }

    /// Takes back every lease whose client was not heard of for the grace period, oldest first.
    package mutating func expire(now: Moment) -> [Lease] {
        let late = all.filter { now.uptime - $0.lastSeen.uptime >= grace }
        return late.compactMap { release($0.id) }
    }

    // MARK: - Book-keeping

    private mutating func add(_ lease: Lease) {
        for grant in lease.grants {
            var entry = taken[grant.gpuUUID] ?? Taken()
            if grant.isWhole {
                entry.isWhole = true
            } else {
                entry.slicesMiB += Self.sliceMiB(grant)
            }
            entry.holders.append(lease.id)
            taken[grant.gpuUUID] = entry
        }
        leases[lease.id] = lease
    }

    private mutating func remove(_ grant: Grant, of id: LeaseID) {
        guard var entry = taken[grant.gpuUUID] else { return }
        entry.holders.removeAll { $0 == id }
        if grant.isWhole {
            entry.isWhole = false
        } else {
            entry.slicesMiB -= Self.sliceMiB(grant)
        }
        taken[grant.gpuUUID] = entry.holders.isEmpty ? nil : entry
    }

    /// Rounded up, so that a slice from a foreign store can never be counted too small.
    private static func sliceMiB(_ grant: Grant) -> Int64 {
        (grant.memoryBytes + (1 << 20) - 1) >> 20
    }
}
