/// How a data connection is protected behind its greetings (docs/adr/0010).
///
/// The server tells it with the lease, the client repeats it in its greeting, whose proof covers
/// it, and the server refuses whoever wants the other one: there is no way from one to the other.
package enum Security: UInt8, Sendable {
    /// TLS 1.3 with a key of this connection.
    case tls = 0
    /// Nothing: whoever sees the network sees what programs send.
    case clear = 1

    /// The word for it in lease files and in the API.
    package var word: StaticString {
        switch self {
        case .tls: "tls"
        case .clear: "clear"
        }
    }
}
