internal import AsyncHTTPClient
internal import FoundationEssentials
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

/// A connection to one server's REST API, which trusts that server's own authority and nobody else.
struct APIClient: Sendable {
    /// Milliseconds within which a server must answer.
    static let patience: Int64 = 10_000
    private static let connectPatience: Int64 = 3_000
    private static let bodyLimit = 4 << 20

    let endpoint: Endpoint
    /// The numeric address that is used.
    let address: String
    private let client: HTTPClient
    private let token: String

    /// A client for one of the server's addresses; nothing is connected yet. `shutdown` must follow.
    init(endpoint: Endpoint, address: String, file: ClientFile) throws(Failure) {
        guard let authority = try? NIOSSLCertificate.fromPEMBytes(Array(file.ca.utf8)),
            !authority.isEmpty
        else { throw Failure("the client file has no valid certificate; copy it again") }
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(authority)
        tls.minimumTLSVersion = .tlsv13
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls,
            redirectConfiguration: .disallow,
            timeout: .init(connect: .milliseconds(Self.connectPatience))
        )
        configuration.httpVersion = .http1Only
        // A refused connection is an answer; trying on would only hide it.
        configuration.connectionPool.retryConnectionEstablishment = false
        if endpoint.host != address { configuration.dnsOverride = [endpoint.host: address] }
        self.endpoint = endpoint
        self.address = address
        token = file.token
        client = HTTPClient(
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton),
            configuration: configuration
        )
    }

    /// Calls `body` with a client for the first of the server's addresses that can be reached.
    static func withConnection<Result: Sendable>(
        to endpoint: Endpoint,
        file: ClientFile,
        _ body: (APIClient) async throws -> Result
    ) async throws -> Result {
        let addresses = try endpoint.addresses()
        for (position, address) in addresses.enumerated() {
            let client = try APIClient(endpoint: endpoint, address: address, file: file)
            do {
                let result = try await body(client)
                await client.shutdown()
                return result
            } catch let error as Unreachable where position + 1 < addresses.count {
                await client.shutdown()
                _ = error
            } catch let error as Unreachable {
                await client.shutdown()
                throw error.failure(endpoint)
            } catch {
                await client.shutdown()
                throw error
            }
        }
        throw Failure("the server '\(endpoint.host)' has no address")
    }

    /// Closes the connection.
    func shutdown() async { try? await client.shutdown() }

    // MARK: - Calls

    func grant(_ wish: LeaseWish, patience: Int64 = patience) async throws -> GrantedLease {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let body = Array(try encoder.encode(wish))
        let answer = try await call(.POST, "/v1/leases", body: body, patience: patience)
        return try decode(GrantedLease.self, answer)
    }

    /// Tells the server that we live; false when it no longer knows the lease.
    func heartbeat(_ id: String) async throws -> Bool {
        let status = try await send(.POST, "/v1/leases/\(id)/heartbeat", nil, Self.patience).status
        if status == 404 || status == 410 { return false }
        guard status == 204 else { throw Failure("the server answered \(status) to a heartbeat") }
        return true
    }

    /// Gives the lease back.
    func release(_ id: String) async throws {
        let status = try await send(.DELETE, "/v1/leases/\(id)", nil, 5_000).status
        guard status == 204 || status == 404 else {
            throw Failure("the server answered \(status) when the lease was given back")
        }
    }

    /// Leave to measure the network.
    func permit() async throws -> Permit {
        try decode(
            Permit.self,
            try await call(.POST, "/v1/netperf", body: nil, patience: Self.patience)
        )
    }

    func server() async throws -> ServerInfo { try await get("/v1/server") }
    func gpus() async throws -> GPUList { try await get("/v1/gpus") }
    func leases() async throws -> LeaseList { try await get("/v1/leases") }

    private func get<Value: Decodable>(_ path: String) async throws -> Value {
        try decode(Value.self, try await call(.GET, path, body: nil, patience: Self.patience))
    }

    // MARK: - Underneath

    private struct Answer {
        var status: Int
        var body: [UInt8]
    }

    /// A call that must succeed.
    private func call(
        _ method: HTTPMethod,
        _ path: String,
        body: [UInt8]?,
        patience: Int64
    ) async throws -> [UInt8] {
        let answer = try await send(method, path, body, patience)
        if (200..<300).contains(answer.status) { return answer.body }
        throw Refused(endpoint: endpoint, status: answer.status, body: answer.body).failure
    }

    private func send(
        _ method: HTTPMethod,
        _ path: String,
        _ body: [UInt8]?,
        _ patience: Int64
    ) async throws -> Answer {
        var request = HTTPClientRequest(
            url: "https://\(endpoint.bracketedHost):\(endpoint.port)\(path)"
        )
        request.method = method
        request.headers.add(name: "authorization", value: "Bearer \(token)")
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        do {
            let response = try await client.execute(request, timeout: .milliseconds(patience))
            let content = try await response.body.collect(upTo: Self.bodyLimit)
            return Answer(status: Int(response.status.code), body: Array(content.readableBytesView))
        } catch {
            throw Unreachable(error)
        }
    }

    private func decode<Value: Decodable>(_: Value.Type, _ body: [UInt8]) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(Value.self, from: Data(body))
        } catch {
            throw Failure("\(endpoint) answers, but not like a ferryd of this version")
        }
    }
}
