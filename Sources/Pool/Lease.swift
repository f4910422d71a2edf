/// A GPU, or a slice of it, within a lease.
package struct Grant: Hashable, Sendable {
    /// The driver's number of the GPU when it was granted.
    package var gpuIndex: Int
    /// Which GPU.
    package var gpuUUID: String
    /// The memory that the holder may use, in bytes.
    package var memoryBytes: Int64
    /// Whether the holder has the GPU to itself.
    package var isWhole: Bool

    /// A part of a lease.
    package init(gpuIndex: Int, gpuUUID: String, memoryBytes: Int64, isWhole: Bool) {
        self.gpuIndex = gpuIndex
        self.gpuUUID = gpuUUID
        self.memoryBytes = memoryBytes
        self.isWhole = isWhole
    }
}

/// GPUs that a client has for a while.
package struct Lease: Hashable, Sendable {
    /// Its name.
    package let id: LeaseID
    /// Who has it.
    package let client: ClientDescription
    /// What it has, in the order in which the program sees the GPUs.
    package let grants: [Grant]
    /// Milliseconds since 1970, when it was granted.
    package let createdAt: Int64
    /// When the client was last heard of.
    package var lastSeen: Moment

    /// A lease, new or from the store.
    package init(
        id: LeaseID,
        client: ClientDescription,
        grants: [Grant],
        createdAt: Int64,
        lastSeen: Moment
    ) {
        self.id = id
        self.client = client
        self.grants = grants
        self.createdAt = createdAt
        self.lastSeen = lastSeen
    }
}

/// Why a lease is no more; the raw value is what the store keeps.
package enum EndReason: String, Sendable {
    /// The client gave it back.
    case released
    /// The client was not heard of for the grace period.
    case expired
    /// A GPU of it is no longer there.
    case gpuGone = "gpu-gone"
    /// The server could not keep its promise and took it back at once.
    case failed
}
