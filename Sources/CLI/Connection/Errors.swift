internal import AsyncHTTPClient
internal import FoundationEssentials
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// No answer came.
struct Unreachable: Error {
    let cause: any Error

    init(_ cause: any Error) { self.cause = cause }

    /// In words that say what to do.
    func failure(_ endpoint: Endpoint) -> Failure {
        if let reason = certificateTrouble {
            return Failure(
                "\(endpoint) is not the server of the client file: \(reason); "
                    + "copy client.json from the server again, or check --server"
            )
        }
        return Failure(
            "the server \(endpoint) cannot be reached (\(reason)); is ferryd running there, and is "
                + "the port open?"
        )
    }

    private var certificateTrouble: String? {
        let text = "\(cause)"
        if cause is NIOSSLExtraError || text.contains("failedToValidateHostname") {
            return "its certificate is for other names"
        }
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return "another authority signed its certificate"
        }
        return nil
    }

    private var reason: String {
        switch cause {
        case let error as NIOConnectionError:
            guard let first = error.connectionErrors.first else { return "no such host" }
            return Unreachable(first.error).reason
        case let error as IOError:
            return Files.reason(error.errnoCode)
        case let error as ChannelError:
            if case .connectTimeout = error { return "it did not answer in time" }
            return "\(error)"
        case let error as HTTPClientError
        where [.connectTimeout, .deadlineExceeded, .readTimeout, .tlsHandshakeTimeout]
            .contains(error):
            return "it did not answer in time"
        case let error as HTTPClientError where error == .remoteConnectionClosed:
            return "it closed the connection"
        case let error as NIOSSLError:
            return "no TLS: \(error)"
        default:
            return "\(cause)"
        }
    }
}

/// An answer that is an error.
struct Refused {
    let endpoint: Endpoint
    let status: Int
    let body: [UInt8]

    /// In words that say what to do.
    var failure: Failure {
        let problem = try? JSONDecoder().decode(ProblemDetails.self, from: Data(body))
        let detail = problem.map { $0.detail ?? $0.title } ?? "status \(status)"
        switch status {
        case 401:
            return Failure(
                "\(endpoint) does not know the token of the client file; copy client.json from the "
                    + "server again"
            )
        case 409 where problem?.type.hasSuffix("/not-enough-gpus") == true:
            return Failure(
                "not enough GPUs are free on \(endpoint): \(detail); try again later, or ask for less",
                code: .nothingFree
            )
        case 400, 422:
            return Failure("\(endpoint) cannot grant that: \(detail)")
        default:
            return Failure("\(endpoint) answered with an error: \(detail)")
        }
    }
}
