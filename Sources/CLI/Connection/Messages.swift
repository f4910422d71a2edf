/// What the API takes and gives, as far as ferry uses it; see api/openapi.yaml.
struct LeaseWish: Encodable, Sendable {
    var gpus: Int
    var memoryFraction: Double?
    var memoryMib: Int64?
    var client: Client

    struct Client: Encodable, Sendable {
        var host: String
        var user: String
        var pid: Int64
        var command: String
    }
}

struct GrantedLease: Decodable, Sendable {
    var id: String
    var secret: String
    var dataPort: Int
    /// The server's Unix socket; older servers have none.
    var dataSocket: String?
    /// How data connections are protected: `tls` or `clear`.
    var dataSecurity: String
    var gpus: [Grant]
    /// `nvidia` or `software`; older servers do not say.
    var driverKind: String?
    var heartbeatSeconds: Int
    var graceSeconds: Int
}

struct Grant: Codable, Sendable {
    var index: Int
    var uuid: String
    var memoryBytes: Int64
}

struct ServerInfo: Codable, Sendable {
    var version: String
    var driver: Driver
    var dataPort: Int
    var dataSocket: String?
    var heartbeatSeconds: Int
    var graceSeconds: Int

    struct Driver: Codable, Sendable {
        var path: String
        var version: Int
        var kind: String
    }
}

struct GPUList: Codable, Sendable {
    var gpus: [GPU]

    struct GPU: Codable, Sendable {
        var index: Int
        var uuid: String
        var name: String
        var memoryBytes: Int64
        var memoryFreeBytes: Int64
        var computeCapability: String
        var pciBusId: String
        var leases: [String]
    }
}

struct LeaseList: Codable, Sendable {
    var leases: [Lease]

    struct Lease: Codable, Sendable {
        var id: String
        var client: Client
        var gpus: [Grant]
        var createdAt: String
        var lastSeenAt: String
        var workers: [Worker]
    }

    struct Client: Codable, Sendable {
        var host: String
        var user: String
        var pid: Int64
        var command: String
    }

    struct Worker: Codable, Sendable {
        var pid: Int32
        var clientPid: UInt32
        var program: String
        /// How its data connection travels; missing until it is known.
        var transport: String?
    }
}

/// Leave to measure the network to the server.
struct Permit: Decodable, Sendable {
    var id: String
    var secret: String
    var dataPort: Int
    var dataSocket: String?
    /// How connections over TCP are protected: `tls` or `clear`.
    var dataSecurity: String
    var seconds: Int
}

/// Problem details, as far as ferry reads them.
struct ProblemDetails: Decodable, Sendable {
    var type: String
    var title: String
    var detail: String?
}
