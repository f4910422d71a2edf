import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import Pool
import Server
import Testing

/// A daemon in this process, on free ports of loopback, with real certificates, store and sockets.
final class DaemonFixture: Sendable {
    let addresses: Daemon.Addresses
    let client: HTTPClient
    let token: String
    private let task: Task<Void, any Error>

    private init(_ addresses: Daemon.Addresses, _ task: Task<Void, any Error>) throws {
        self.addresses = addresses
        self.task = task
        let file = try #require(try ClientFile.read(addresses.clientFile))
        token = file.token
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(file.ca.utf8)))
        client = HTTPClient(configuration: .init(tlsConfiguration: tls))
    }

    /// Runs a daemon around `body`.
    @discardableResult
    static func with<Result: Sendable>(
        _ scratch: Scratch,
        configure: (inout DaemonConfiguration) -> Void = { _ in },
        _ body: (DaemonFixture) async throws -> Result
    ) async throws -> Result {
        var configuration = DaemonConfiguration(
            stateDirectory: scratch.state,
            worker: scratch.worker,
            libraryDirectory: scratch.path + "/lib"
        )
        configuration.port = 0
        configuration.dataPort = 0
        configuration.workerEnvironment = ["PATH=/usr/bin:/bin", "FERRY_SOFT_GPU_COUNT=2"]
        configure(&configuration)
        let (stream, continuation) = AsyncStream<Daemon.Addresses>.makeStream()
        let daemon = Daemon(configuration: configuration, logger: silentLogger())
        let task = Task {
            defer { continuation.finish() }
            try await daemon.run(signals: false) { continuation.yield($0) }
        }
        guard let addresses = await stream.first(where: { _ in true }) else {
            try await task.value
            throw Problem(.internal, "the daemon ended before it was ready")
        }
        let fixture = try DaemonFixture(addresses, task)
        do {
            let result = try await body(fixture)
            try await fixture.stop()
            return result
        } catch {
            try? await fixture.stop()
            throw error
        }
    }

    private func stop() async throws {
        try await client.shutdown()
        task.cancel()
        _ = await task.result
    }

    struct Answer {
        var status: Int
        var headers: HTTPHeaders
        var text: String

        var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:]
        }
        /// The last part of a problem's type.
        var problem: String? {
            guard headers.first(name: "content-type") == "application/problem+json",
                json["status"] as? Int == status
            else { return nil }
            return (json["type"] as? String)?.split(separator: "/").last.map(String.init)
        }
    }

    func call(
        _ method: HTTPMethod,
        _ path: String,
        body: String? = nil,
        type: String = "application/json",
        authorization: String?? = .none
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "https://127.0.0.1:\(addresses.port)\(path)")
        request.method = method
        switch authorization {
        case .none: request.headers.add(name: "authorization", value: "Bearer \(token)")
        case .some(let value?): request.headers.add(name: "authorization", value: value)
        case .some(nil): break
        }
        if let body {
            request.headers.add(name: "content-type", value: type)
            request.body = .bytes(ByteBuffer(string: body))
        }
        let response = try await client.execute(request, timeout: .seconds(20))
        let content = try await response.body.collect(upTo: 1 << 20)
        return Answer(
            status: Int(response.status.code),
            headers: response.headers,
            text: String(buffer: content)
        )
    }

    static func wish(_ fields: String) -> String {
        #"{"# + fields + #","client":{"host":"h","user":"u","pid":1,"command":"c"}}"#
    }

    /// A new lease.
    func lease(_ fields: String = #""gpus":1"#) async throws -> (id: LeaseID, secret: [UInt8]) {
        let answer = try await call(.POST, "/v1/leases", body: Self.wish(fields))
        #expect(answer.status == 201, "\(answer.text)")
        let id = try #require(LeaseID(hex: answer.json["id"] as? String ?? ""))
        return (id, try #require(Hex.decode(answer.json["secret"] as? String ?? "")))
    }

    /// The workers of a lease, by process number.
    func workers(_ id: LeaseID) async throws -> [Int32] {
        let answer = try await call(.GET, "/v1/leases/\(id)")
        let workers = answer.json["workers"] as? [[String: Any]] ?? []
        return workers.compactMap { ($0["pid"] as? Int).map(Int32.init) }
    }

    /// A connection that was accepted and has a worker.
    func connect(_ lease: (id: LeaseID, secret: [UInt8])) async throws -> DataConnection {
        let connection = try DataConnection(port: addresses.dataPort)
        let verdict = try #require(
            try await connection.shake(lease: lease.id, secret: lease.secret)
        )
        #expect(verdict.status == 0, "\(verdict.message)")
        #expect(verdict.isProven)
        // The verdict comes before the worker; its first answer comes after.
        connection.send([0x77])
        #expect(try await connection.receive(1) == [0x77])
        return connection
    }
}
