internal import CLinux
internal import Driver
internal import Transport

/// The way from a client's connection to a channel: the key, and the encryption with it.
///
/// The client's first message of TLS waits in the socket already, and its second one comes while the
/// driver starts, so that encryption costs next to no time.
struct Opening {
    /// Milliseconds for the client's part.
    private static let timeout: Int32 = 10_000
    private static let keySize = 32

    private let socket: Socket
    /// `nil` in clear text.
    private let tls: TLS?

    /// Waits for the key and sends this side's part of the handshake.
    ///
    /// - Parameter key: Where 32 bytes come from; it stays open.
    /// - Returns: `nil` when no key comes: the client has gone before it was accepted.
    static func begin(
        socket: Int32,
        key: Int32?,
        isEncrypted: Bool
    ) throws(WorkerFailure) -> Opening? {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: keySize, alignment: 8)
        defer {
            TLS.wipe(room)
            room.deallocate()
        }
        if let descriptor = key, !read(descriptor, room) { return nil }
        return try begin(Socket(descriptor: socket), key: isEncrypted ? room.baseAddress : nil)
    }

    /// Sends this side's part of the handshake.
    ///
    /// - Parameter key: 32 bytes; `nil`: in clear text.
    static func begin(_ socket: Socket, key: UnsafeRawPointer?) throws(WorkerFailure) -> Opening {
        guard let key else { return Opening(socket: socket, tls: nil) }
        do throws(SocketError) {
            let tls = try TLS(socket, .server, key: key)
            try tls.beginHandshake(.server)
            return Opening(socket: socket, tls: tls)
        } catch {
            throw failure(error)
        }
    }

    /// Takes the client's part of the handshake.
    func finish() throws(WorkerFailure) -> Channel {
        guard let tls else { return Channel(socket, socket.isLocal ? .unix : .tcp) }
        do throws(SocketError) {
            try tls.finishHandshake(timeout: Self.timeout)
            return Channel(tls)
        } catch {
            throw Self.failure(error)
        }
    }

    private static func failure(_ error: SocketError) -> WorkerFailure {
        let reason =
            switch error.number {
            case EKEYREJECTED: "the client has another key"
            case ECONNRESET, EPIPE: "the client has gone"
            case ETIMEDOUT: "the client did not answer in time"
            case EPROTO, EBADMSG: "what the client sent is not TLS 1.3 as it should be"
            default: "error \(error.number)"
            }
        return WorkerFailure(
            .protocolViolation,
            status: Status.unknown,
            "the connection could not be encrypted: \(reason)"
        )
    }

    private static func read(_ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer) -> Bool {
        var done = 0
        while done < room.count {
            let next = room.baseAddress.map { $0 + done }
            let count = CLinux.read(descriptor, next, room.count - done)
            if count < 0, ferry_errno() == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }
}
