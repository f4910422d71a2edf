internal import CLinux

/// A connection between a client library and a worker, over whichever transport both agreed on.
///
/// A value that is copied freely; whoever made it closes it once. Safe to use from one sending and
/// one receiving thread at the same time. Each transfer does what can be done without waiting.
package struct Channel: Sendable {
    /// How the bytes travel.
    package enum Transport: UInt8, Sendable {
        /// TCP, not encrypted.
        case tcp = 1
        /// A Unix socket: both are on one host.
        case unix = 2
        /// TCP, encrypted and authenticated by TLS 1.3.
        case tls = 3
    }

    /// How the bytes travel.
    package let transport: Transport
    private let socket: Socket
    private let tls: TLS?

    /// A channel over a connected socket, which it owns from now on.
    package init(_ socket: Socket, _ transport: Transport) {
        self.socket = socket
        self.transport = transport
        tls = nil
    }

    /// A channel over an encrypted connection whose handshake is done; owns it and its socket.
    package init(_ tls: TLS) {
        socket = tls.socket
        transport = .tls
        self.tls = tls
    }

    /// The socket that the channel lives as long as: its end is the channel's end.
    package var descriptor: Int32 { socket.descriptor }

    /// Sends what can be sent without waiting. What was not taken must be offered again, first of
    /// all: an encrypted channel may have encrypted it already.
    @inline(__always)
    package func send(_ bytes: UnsafeRawPointer, _ count: Int) -> TransferResult {
        if let tls { return tls.send(bytes, count) }
        return socket.send(bytes, count)
    }

    /// Receives what is there. An encrypted channel tells an end without a farewell (`.failed`) from
    /// one with it (`.closed`).
    @inline(__always)
    package func receive(_ bytes: UnsafeMutableRawPointer, _ count: Int) -> TransferResult {
        if let tls { return tls.receive(bytes, count) }
        return socket.receive(bytes, count)
    }

    /// Waits until one of `events` (POLLIN, POLLOUT) is possible.
    ///
    /// - Parameter timeout: Milliseconds; -1 waits for ever.
    /// - Returns: The events that came, 0 after the timeout.
    package func wait(for events: Int32, timeout: Int32) throws(SocketError) -> Int32 {
        // What TLS has read ahead is no longer in the socket.
        guard events & POLLIN != 0, tls?.hasInput == true else {
            return try socket.wait(for: events, timeout: timeout)
        }
        return POLLIN | (events == POLLIN ? 0 : try socket.wait(for: events, timeout: 0))
    }

    /// Tells the peer that nothing more will come; what it sends can still be received.
    package func endSending() {
        tls?.end()
        _ = shutdown(socket.descriptor, Int32(SHUT_WR))
    }

    /// Ends both directions; a thread that waits on the channel wakes up.
    package func shutDown() { socket.shutDown() }

    /// Gives everything back. No other thread may use the channel.
    package func close() {
        tls?.end()
        tls?.free()
        socket.close()
    }
}

extension Channel {
    /// Sends everything, waiting as long as it takes.
    package func sendAll(_ bytes: UnsafeRawBufferPointer) throws(SocketError) {
        guard let base = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            switch send(base + done, bytes.count - done) {
            case .bytes(let count): done += count
            case .wouldBlock: _ = try wait(for: POLLOUT, timeout: -1)
            case .closed: throw SocketError(0, .send)
            case .failed(let number): throw SocketError(number, .send)
            }
        }
    }

    /// Receives exactly as many bytes as fit.
    ///
    /// - Parameter timeout: Milliseconds that may pass between two arrivals; -1 waits for ever.
    package func receiveAll(
        _ bytes: UnsafeMutableRawBufferPointer,
        timeout: Int32 = -1
    ) throws(SocketError) {
        guard let base = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            switch receive(base + done, bytes.count - done) {
            case .bytes(let count): done += count
            case .wouldBlock:
                guard try wait(for: POLLIN, timeout: timeout) != 0 else {
                    throw SocketError(ETIMEDOUT, .receive)
                }
            case .closed: throw SocketError(0, .receive)
            case .failed(let number): throw SocketError(number, .receive)
            }
        }
    }
}
