internal import CLinux
internal import Transport
internal import Wire

/// The client's side of a connection's TLS.
enum Encryption {
    /// Sends the first message, right behind the greeting, so that encryption costs no round trip:
    /// the worker finds it when it starts.
    static func begin(
        _ socket: Socket,
        _ lease: Lease,
        _ server: Handshake.ServerHello,
        _ client: Handshake.ClientHello
    ) throws(SocketError) -> TLS {
        var key = Handshake.connectionKey(secret: lease.secret, server: server, client: client)
        defer { withUnsafeMutableBytes(of: &key) { TLS.wipe($0) } }
        let tls = try withUnsafeMutableBytes(of: &key) { (bytes) throws(SocketError) -> TLS in
            guard let base = bytes.baseAddress else { throw SocketError(ENOMEM, .create) }
            return try TLS(socket, .client, key: base)
        }
        // A server that refuses may have hung up already; its verdict, which comes first, says why.
        try? tls.beginHandshake(.client)
        return tls
    }

    /// Takes the worker's answer.
    static func finish(_ tls: TLS, timeout: Int32) throws(SocketError) {
        do throws(SocketError) {
            try tls.finishHandshake(timeout: timeout)
        } catch {
            switch error.number {
            case EKEYREJECTED: Log.error("the worker has another key than the lease")
            case ECONNRESET: Log.error("the worker ended before the connection was encrypted")
            case ETIMEDOUT: Log.error("the worker did not encrypt the connection in time")
            default: Log.error("the connection could not be encrypted")
            }
            throw error
        }
    }
}
