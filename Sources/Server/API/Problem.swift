internal import HTTPTypes
package import Hummingbird
internal import NIOCore
internal import Pool

/// An error as the API tells it (RFC 9457).
package struct Problem: Error, Sendable {
    /// What kind of problem; the last part of its `type`.
    package enum Kind: String, Sendable, CaseIterable {
        /// The request makes no sense.
        case badRequest = "bad-request"
        /// No token, or one that this server does not know.
        case unauthorized
        /// There is nothing at this path.
        case notFound = "not-found"
        /// Not with this method.
        case methodNotAllowed = "method-not-allowed"
        /// There is no lease of this name.
        case leaseNotFound = "lease-not-found"
        /// The lease is no more.
        case leaseEnded = "lease-ended"
        /// Others have the GPUs now.
        case notEnoughGPUs = "not-enough-gpus"
        /// This server could never grant that.
        case neverSatisfiable = "never-satisfiable"
        /// The body is too large.
        case contentTooLarge = "content-too-large"
        /// The body is not JSON.
        case unsupportedMediaType = "unsupported-media-type"
        /// The server's own fault.
        case `internal` = "internal-error"

        /// The HTTP status that goes with it.
        package var status: HTTPResponse.Status {
            switch self {
            case .badRequest: .badRequest
            case .unauthorized: .unauthorized
            case .notFound, .leaseNotFound: .notFound
            case .methodNotAllowed: .methodNotAllowed
            case .leaseEnded: .gone
            case .notEnoughGPUs: .conflict
            case .neverSatisfiable: .unprocessableContent
            case .contentTooLarge: .contentTooLarge
            case .unsupportedMediaType: .unsupportedMediaType
            case .internal: .internalServerError
            }
        }

        /// One line for people, the same for every problem of the kind.
        package var title: String {
            switch self {
            case .badRequest: "The request makes no sense"
            case .unauthorized: "A valid token is needed"
            case .notFound: "There is nothing here"
            case .methodNotAllowed: "This method is not allowed here"
            case .leaseNotFound: "There is no such lease"
            case .leaseEnded: "The lease has ended"
            case .notEnoughGPUs: "Not enough GPUs are free"
            case .neverSatisfiable: "This server can never grant that"
            case .contentTooLarge: "The request is too large"
            case .unsupportedMediaType: "The request must be JSON"
            case .internal: "The server failed"
            }
        }
    }

    /// The kind.
    package var kind: Kind
    /// What is special about this case.
    package var detail: String
    /// With `notEnoughGPUs`: what is free.
    var free: [FreeView]?
    /// More headers.
    var headers: HTTPFields = [:]

    /// A problem without more to it.
    package init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
    }

    /// What the API says to a refusal of the pool.
    init(_ refusal: Refusal) {
        switch refusal {
        case .invalid(let reason): self.init(.badRequest, reason)
        case .never(let reason): self.init(.neverSatisfiable, reason)
        case .notEnough(let free):
            let text = free.map { "GPU \($0.gpu.index): \($0.freeMiB) of \($0.gpu.memoryMiB) MiB" }
            self.init(.notEnoughGPUs, "free now: \(text.joined(separator: "; "))")
            self.free = free.map(FreeView.init)
        }
    }

    /// The response that tells it.
    func response() -> Response {
        let body = ProblemBody(
            type: "/problems/\(kind.rawValue)",
            title: kind.title,
            status: kind.status.code,
            detail: detail,
            free: free
        )
        var response = JSONResponse.make(body, status: kind.status)
        response.headers[.contentType] = "application/problem+json"
        for field in headers { response.headers.append(field) }
        return response
    }
}

private struct ProblemBody: Encodable {
    var type: String
    var title: String
    var status: Int
    var detail: String
    var free: [FreeView]?
}

/// What is free of a GPU, in a refusal.
struct FreeView: Encodable, Sendable {
    var index: Int
    var uuid: String
    var memoryBytes: Int64
    var memoryFreeBytes: Int64

    init(_ free: FreeGPU) {
        index = free.gpu.index
        uuid = free.gpu.uuid
        memoryBytes = free.gpu.memoryBytes
        memoryFreeBytes = free.freeBytes
    }
}
