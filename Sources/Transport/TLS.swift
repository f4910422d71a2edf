internal import CLinux
internal import CTLS

/// A TLS 1.3 connection keyed by 32 bytes that both sides know (docs/adr/0010).
///
/// A value that is copied freely; whoever made it frees it once. Safe to use from one sending and
/// one receiving thread at the same time. A child of `fork()` must not use it.
package struct TLS: @unchecked Sendable {
    /// Which side begins.
    package enum Role: Sendable {
        case client, server
    }

    /// The socket, which stays the caller's.
    package let socket: Socket
    private let state: OpaquePointer

    /// A connection over a connected socket, whose handshake is still to come.
    ///
    /// - Parameter key: 32 bytes, of this connection alone; the caller wipes its copy.
    /// - Throws: ENOMEM.
    package init(
        _ socket: Socket,
        _ role: Role,
        key: UnsafeRawPointer
    ) throws(SocketError) {
        guard let made = ferry_tls_create(socket.descriptor, key, role == .server ? 1 : 0) else {
            throw SocketError(ENOMEM, .create)
        }
        self.socket = socket
        state = made
    }

    /// Sends this side's first part of the handshake, without waiting: the client's leaves before
    /// anything is received, the server's if the client's is there already.
    ///
    /// - Throws: As `finishHandshake`, but for the time-out.
    package func beginHandshake(_ role: Role) throws(SocketError) {
        let status = ferry_tls_shake_hands(state, role == .server ? 1 : 0)
        if status < 0 { throw SocketError(-status, .encrypt) }
    }

    /// Does what is left of the handshake.
    ///
    /// - Parameter timeout: Milliseconds for all of it.
    /// - Throws: EKEYREJECTED when the peer has another key, EPROTO when it does not speak TLS 1.3
    ///   as we do, ECONNRESET when it has gone, ETIMEDOUT, or the socket's error.
    package func finishHandshake(timeout: Int32) throws(SocketError) {
        let end = ferry_now_ns() + UInt64(max(0, timeout)) * 1_000_000
        while true {
            let status = ferry_tls_shake_hands(state, 1)
            if status == 0 { return }
            if status < 0 { throw SocketError(-status, .encrypt) }
            let now = ferry_now_ns()
            let left = now < end ? Int32((end - now + 999_999) / 1_000_000) : 0
            guard left > 0, try socket.wait(for: status, timeout: left) != 0 else {
                throw SocketError(ETIMEDOUT, .encrypt)
            }
        }
    }

    /// Sends what can be sent without waiting. What was not taken must be offered again, first of
    /// all.
    package func send(_ bytes: UnsafeRawPointer, _ count: Int) -> TransferResult {
        let sent = ferry_tls_send(state, bytes, count)
        if sent > 0 { return .bytes(sent) }
        return Self.result(sent)
    }

    /// Receives what is there.
    ///
    /// - Returns: `.closed` after the peer's farewell; without one the end is ECONNRESET. EBADMSG
    ///   when the bytes were changed on the way.
    package func receive(_ bytes: UnsafeMutableRawPointer, _ count: Int) -> TransferResult {
        let received = ferry_tls_receive(state, bytes, count)
        if received > 0 { return .bytes(received) }
        return received == 0 ? .closed : Self.result(received)
    }

    private static func result(_ code: Int) -> TransferResult {
        code == -Int(EAGAIN) ? .wouldBlock : .failed(Int32(-code))
    }

    /// Whether bytes may be waiting here that the socket no longer has.
    package var hasInput: Bool { ferry_tls_has_input(state) != 0 }

    /// Says farewell, without waiting for the peer's.
    package func end() { ferry_tls_end(state) }

    /// Forgets the connection and its keys; the socket stays open. No other thread may use it.
    package func free() { ferry_tls_free(state) }

    /// How many records one key encrypts; for tests, because the usual number is large.
    package func renewKeys(afterRecords records: UInt64) {
        ferry_tls_renew_keys_after(state, records)
    }

    /// Overwrites a secret that is no longer needed.
    package static func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
        if let base = bytes.baseAddress { ferry_wipe(base, bytes.count) }
    }
}
