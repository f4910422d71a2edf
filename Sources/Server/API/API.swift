internal import HTTPTypes
package import Hummingbird
package import Logging
internal import Pool
internal import Store
internal import Version
package import Wire

/// One route of the API: what api/openapi.yaml must know too.
package struct APIRoute: Hashable, Sendable, CustomStringConvertible {
    /// The method.
    package let method: HTTPRequest.Method
    /// The path, with parameters in braces.
    package let path: String

    /// `METHOD /path`.
    package var description: String { "\(method.rawValue) \(path)" }

    /// Whether a request's path fits this one.
    func matches(_ path: String) -> Bool {
        let template = self.path.split(separator: "/")
        let parts = path.split(separator: "/")
        return template.count == parts.count
            && zip(template, parts).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
}

/// What the API says of this server that does not change.
package struct ServerFacts: Sendable {
    /// The driver and its GPUs.
    package var inventory: Inventory
    /// Where data connections go.
    package var dataPort: Int
    /// The Unix socket where they may go as well.
    package var dataSocket: String?
    /// How they are protected.
    package var dataSecurity: Security
    /// How often clients must be heard of.
    package var heartbeatSeconds: Int
    /// How long they may be silent.
    package var graceSeconds: Int

    /// Facts of a server.
    package init(
        inventory: Inventory,
        dataPort: Int,
        dataSocket: String?,
        dataSecurity: Security,
        heartbeatSeconds: Int,
        graceSeconds: Int
    ) {
        self.inventory = inventory
        self.dataPort = dataPort
        self.dataSocket = dataSocket
        self.dataSecurity = dataSecurity
        self.heartbeatSeconds = heartbeatSeconds
        self.graceSeconds = graceSeconds
    }
}

/// The REST API: decodes, asks the desk, encodes.
package struct API: Sendable {
    private typealias Handler = @Sendable (Request, APIContext) async throws -> Response

    private let desk: LeaseDesk
    private let supervisor: WorkerSupervisor
    private let tokens: TokenSet
    private let facts: ServerFacts
    private let logger: Logger

    /// An API in front of a desk.
    package init(
        desk: LeaseDesk,
        supervisor: WorkerSupervisor,
        tokens: TokenSet,
        facts: ServerFacts,
        logger: Logger
    ) {
        self.desk = desk
        self.supervisor = supervisor
        self.tokens = tokens
        self.facts = facts
        self.logger = logger
    }

    /// Every route.
    package static let routes: [APIRoute] = [
        APIRoute(method: .get, path: "/healthz"),
        APIRoute(method: .get, path: "/v1/server"),
        APIRoute(method: .get, path: "/v1/gpus"),
        APIRoute(method: .get, path: "/v1/leases"),
        APIRoute(method: .post, path: "/v1/leases"),
        APIRoute(method: .get, path: "/v1/leases/{id}"),
        APIRoute(method: .delete, path: "/v1/leases/{id}"),
        APIRoute(method: .post, path: "/v1/leases/{id}/heartbeat"),
        APIRoute(method: .post, path: "/v1/netperf"),
    ]

    /// The router with all routes and their middleware.
    package func router() -> Router<APIContext> {
        let router = Router(context: APIContext.self)
        router.add(middleware: ProblemMiddleware(routes: Self.routes, logger: logger))
        router.add(middleware: TokenMiddleware(tokens: tokens))
        for (route, handler) in zip(Self.routes, handlers) {
            router.on(RouterPath(route.path), method: route.method, use: handler)
        }
        return router
    }

    /// What answers each of the routes, in their order.
    private var handlers: [Handler] {
        [health, server, gpus, leases, grant, lease, release, heartbeat, permit]
    }

    // MARK: - The server

    private func health(_: Request, _: APIContext) -> Response {
        JSONResponse.make(HealthView(version: FerryVersion.current))
    }

    private func server(_: Request, _: APIContext) -> Response {
        let inventory = facts.inventory
        return JSONResponse.make(
            ServerView(
                version: FerryVersion.current,
                driver: ServerView.Driver(
                    path: inventory.driverPath,
                    version: inventory.driverVersion,
                    kind: inventory.driverKind.rawValue
                ),
                dataPort: facts.dataPort,
                dataSocket: facts.dataSocket,
                gpuCount: inventory.gpus.count,
                heartbeatSeconds: facts.heartbeatSeconds,
                graceSeconds: facts.graceSeconds
            )
        )
    }

    private func gpus(_: Request, _: APIContext) async -> Response {
        let gpus = await desk.gpus.map { GPUView($0.free, holders: $0.holders) }
        return JSONResponse.make(GPUListView(gpus: gpus))
    }

    /// Leave to measure the network, for a minute.
    private func permit(_: Request, _: APIContext) async -> Response {
        let (id, secret) = await desk.permit()
        return JSONResponse.make(
            PermitView(
                id: id.description,
                secret: Hex.encode(secret),
                dataPort: facts.dataPort,
                dataSocket: facts.dataSocket,
                dataSecurity: "\(facts.dataSecurity.word)",
                seconds: LeaseDesk.permitSeconds
            ),
            status: .created
        )
    }

    // MARK: - Leases

    private func leases(_: Request, _: APIContext) async -> Response {
        JSONResponse.make(LeaseListView(leases: await desk.leases.map(view)))
    }

    private func lease(_: Request, context: APIContext) async throws -> Response {
        switch try await desk.state(try id(context)) {
        case .living(let lease): return JSONResponse.make(view(lease))
        case .ended(let ended): throw Self.gone(ended)
        case .unknown: throw Self.unknown
        }
    }

    private func grant(_ request: Request, context: APIContext) async throws -> Response {
        let type = request.headers[.contentType]?.prefix { $0 != ";" } ?? ""
        guard type.lowercased().trimmingSuffix(" ") == "application/json" else {
            throw Problem(.unsupportedMediaType, "the content type must be application/json")
        }
        let body = try await request.body.collect(upTo: context.maxUploadSize)
        let wish = try LeaseBody.decode(Array(body.readableBytesView)).request()
        let granted: GrantedLease
        do {
            granted = try await desk.grant(wish, owner: context.owner)
        } catch let refusal as Refusal {
            throw Problem(refusal)
        }
        let id = granted.lease.id.description
        var response = JSONResponse.make(
            GrantedView(
                id: id,
                secret: Hex.encode(granted.secret),
                dataPort: facts.dataPort,
                dataSocket: facts.dataSocket,
                dataSecurity: "\(facts.dataSecurity.word)",
                gpus: granted.lease.grants.map(GrantView.init),
                gpuCount: granted.lease.grants.count,
                driverKind: facts.inventory.driverKind.rawValue,
                heartbeatSeconds: facts.heartbeatSeconds,
                graceSeconds: facts.graceSeconds
            ),
            status: .created
        )
        response.headers[.location] = "/v1/leases/\(id)"
        return response
    }

    private func heartbeat(_: Request, context: APIContext) async throws -> Response {
        switch try await desk.heartbeat(try id(context)) {
        case .living: return Response(status: .noContent)
        case .ended(let ended): throw Self.gone(ended)
        case .unknown: throw Self.unknown
        }
    }

    private func release(_: Request, context: APIContext) async throws -> Response {
        switch try await desk.release(try id(context)) {
        case .living, .ended: return Response(status: .noContent)
        case .unknown: throw Self.unknown
        }
    }

    private func view(_ lease: Lease) -> LeaseView {
        let workers = supervisor.workers(of: lease.id).map { ($0, supervisor.transport(of: $0)) }
        return LeaseView(lease, workers: workers)
    }

    private func id(_ context: APIContext) throws -> LeaseID {
        guard let id = LeaseID(hex: context.parameters.get("id") ?? "") else { throw Self.unknown }
        return id
    }

    private static let unknown = Problem(.leaseNotFound, "no lease has this name")

    private static func gone(_ ended: EndedLease) -> Problem {
        Problem(
            .leaseEnded,
            "it ended at \(JSONResponse.time(ended.endedAt)): \(ended.reason.rawValue)"
        )
    }
}

extension String {
    /// Without this character's repetitions at the end.
    fileprivate func trimmingSuffix(_ character: Character) -> String {
        var text = self
        while text.last == character { text.removeLast() }
        return text
    }
}
