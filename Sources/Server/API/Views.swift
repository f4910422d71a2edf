internal import Pool

/// What the API shows; the names are those of api/openapi.yaml in camel case.
struct HealthView: Encodable {
    var status = "ok"
    var version: String
}

struct ServerView: Encodable, Sendable {
    var version: String
    var driver: Driver
    var dataPort: Int
    var dataSocket: String?
    var gpuCount: Int
    var heartbeatSeconds: Int
    var graceSeconds: Int

    struct Driver: Encodable, Sendable {
        var path: String
        var version: Int
        var kind: String
    }
}

struct GPUListView: Encodable {
    var gpus: [GPUView]
}

struct GPUView: Encodable {
    var index: Int
    var uuid: String
    var name: String
    var memoryBytes: Int64
    var memoryFreeBytes: Int64
    var computeCapability: String
    var pciBusId: String
    var leases: [String]

    init(_ free: FreeGPU, holders: [LeaseID]) {
        index = free.gpu.index
        uuid = free.gpu.uuid
        name = free.gpu.name
        memoryBytes = free.gpu.memoryBytes
        memoryFreeBytes = free.freeBytes
        computeCapability = free.gpu.computeCapability
        pciBusId = free.gpu.pciBusID
        leases = holders.map(\.description)
    }
}

struct LeaseListView: Encodable {
    var leases: [LeaseView]
}

struct LeaseView: Encodable {
    var id: String
    var client: Client
    var gpus: [GrantView]
    var createdAt: String
    var lastSeenAt: String
    var workers: [Worker]

    struct Client: Encodable {
        var host: String
        var user: String
        var pid: Int64
        var command: String
    }

    struct Worker: Encodable {
        var pid: Int32
        var clientPid: UInt32
        var program: String
        /// How its connection travels; missing until it has said so.
        var transport: String?
    }

    init(_ lease: Lease, workers: [(info: WorkerInfo, transport: String?)]) {
        id = lease.id.description
        client = Client(
            host: lease.client.host,
            user: lease.client.user,
            pid: lease.client.pid,
            command: lease.client.command
        )
        gpus = lease.grants.map(GrantView.init)
        createdAt = JSONResponse.time(lease.createdAt)
        lastSeenAt = JSONResponse.time(lease.lastSeen.wall)
        self.workers = workers.map {
            Worker(
                pid: $0.info.pid,
                clientPid: $0.info.clientPID,
                program: $0.info.program,
                transport: $0.transport
            )
        }
    }
}

struct GrantView: Encodable {
    var index: Int
    var uuid: String
    var memoryBytes: Int64
    var whole: Bool

    init(_ grant: Grant) {
        index = grant.gpuIndex
        uuid = grant.gpuUUID
        memoryBytes = grant.memoryBytes
        whole = grant.isWhole
    }
}

struct GrantedView: Encodable {
    var id: String
    var secret: String
    var dataPort: Int
    /// The Unix socket that leads to the same place; missing when there is none.
    var dataSocket: String?
    /// How its data connections are protected: `tls` or `clear`.
    var dataSecurity: String
    var gpus: [GrantView]
    var gpuCount: Int
    /// What the workers of the lease call: `nvidia` or `software`.
    var driverKind: String
    var heartbeatSeconds: Int
    var graceSeconds: Int
}

/// Leave to measure the network.
struct PermitView: Encodable {
    var id: String
    var secret: String
    var dataPort: Int
    var dataSocket: String?
    /// How connections over TCP are protected: `tls` or `clear`.
    var dataSecurity: String
    var seconds: Int
}
