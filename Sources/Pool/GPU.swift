/// One GPU of a server, as its driver describes it.
///
/// `Pool` is the pure core: it knows GPUs, requests, leases and time as values, and no clock,
/// socket, process or store. What it decides, others carry out.
package struct GPU: Hashable, Sendable {
    /// The driver's number of this GPU on its server, from 0.
    package var index: Int
    /// The driver's stable name, `GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
    package var uuid: String
    /// What the vendor calls it.
    package var name: String
    /// All of its memory, in bytes.
    package var memoryBytes: Int64
    /// `major.minor`.
    package var computeCapability: String
    /// `domain:bus:device.function`.
    package var pciBusID: String

    /// A GPU with everything that the pool and its users want to know of it.
    package init(
        index: Int,
        uuid: String,
        name: String,
        memoryBytes: Int64,
        computeCapability: String,
        pciBusID: String
    ) {
        self.index = index
        self.uuid = uuid
        self.name = name
        self.memoryBytes = memoryBytes
        self.computeCapability = computeCapability
        self.pciBusID = pciBusID
    }

    /// Its memory in whole MiB, rounded down: what slices are cut from.
    package var memoryMiB: Int64 { memoryBytes >> 20 }
}
