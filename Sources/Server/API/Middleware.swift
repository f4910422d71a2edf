internal import HTTPTypes
package import Hummingbird
internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// What goes with a request through the API.
package struct APIContext: RequestContext {
    /// Largest body of a request, in bytes.
    static let bodyLimit = 16 * 1024

    package var coreContext: CoreRequestContextStorage
    package var maxUploadSize: Int { Self.bodyLimit }
    /// SHA-256 of the request's token, where one was needed.
    var owner: [UInt8]?

    package init(source: ApplicationRequestContextSource) { coreContext = .init(source: source) }
}

/// Turns every error into problem details, and logs each request.
struct ProblemMiddleware: RouterMiddleware {
    typealias Context = APIContext

    /// The methods that each path template knows, for telling 405 from 404.
    let routes: [APIRoute]
    let logger: Logger

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let response: Response
        do {
            response = try await next(request, context)
        } catch let problem as Problem {
            response = problem.response()
        } catch let error as HTTPError where error.status == .notFound {
            response = missing(request).response()
        } catch let error as HTTPError where error.status.kind == .clientError {
            response = Problem(.badRequest, error.body ?? error.status.reasonPhrase).response()
        } catch is NIOTooManyBytesError {
            response = Problem(.contentTooLarge, "at most \(APIContext.bodyLimit) bytes").response()
        } catch let error as HTTPParserError {
            // The connection is beyond talking; Hummingbird answers 400 and closes it.
            throw error
        } catch {
            logger.error("a request failed: \(error)")
            // The cause may name files of the server, so it stays in the log.
            response = Problem(.internal, "the server's log says why").response()
        }
        logger.debug(
            "request",
            metadata: [
                "method": "\(request.method.rawValue)",
                "path": "\(LogText.clean(request.uri.path))",
                "status": "\(response.status.code)",
            ]
        )
        return response
    }

    private func missing(_ request: Request) -> Problem {
        let path = request.uri.path
        let methods = routes.filter { $0.matches(path) }.map(\.method.rawValue)
        guard !methods.isEmpty else { return Problem(.notFound, "nothing is at \(path)") }
        var problem = Problem(.methodNotAllowed, "\(request.method.rawValue) is not allowed here")
        problem.headers[.allow] = methods.joined(separator: ", ")
        return problem
    }
}

/// Lets nobody in without a token, but to `/healthz`.
struct TokenMiddleware: RouterMiddleware {
    typealias Context = APIContext

    let tokens: TokenSet

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        if request.uri.path == "/healthz" { return try await next(request, context) }
        let header = request.headers[.authorization] ?? ""
        let scheme = header.prefix(7)
        let token = Token(text: String(header.dropFirst(7)))
        guard scheme.lowercased() == "bearer ", tokens.contains(token) else {
            var problem = Problem(
                .unauthorized,
                header.isEmpty ? "the request has no bearer token" : "the token is not known here"
            )
            problem.headers[.wwwAuthenticate] = "Bearer realm=\"ferryd\""
            throw problem
        }
        var context = context
        context.owner = token.hash
        return try await next(request, context)
    }
}
