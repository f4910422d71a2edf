internal import CLinux
internal import Wire

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
        /// Memory that both map, over a Unix socket.
        case shm = 4

        /// The word for people.
        package var name: StaticString {
            switch self {
            case .tcp: "tcp"
            case .unix: "unix"
            case .tls: "tls"
            case .shm: "shm"
            }
        }
    }

    /// What carries the bytes. The pointers go to what is safe to use from two threads.
    private enum Carrier: @unchecked Sendable {
        case socket
        case tls(TLS)
        case rings(SharedRings.Pointer)
        /// Another channel, as if a network lay between.
        case link(EmulatedLink.Pointer)
    }

    /// How the bytes travel.
    package let transport: Transport
    private let socket: Socket
    private let carrier: Carrier

    /// A channel over a connected socket, which it owns from now on.
    package init(_ socket: Socket, _ transport: Transport) {
        self.socket = socket
        self.transport = transport
        carrier = .socket
    }

    /// A channel over an encrypted connection whose handshake is done; owns it and its socket.
    package init(_ tls: TLS) {
        socket = tls.socket
        transport = .tls
        carrier = .tls(tls)
    }

    /// A channel over memory that came over a socket; it owns both from now on.
    init(_ socket: Socket, _ rings: SharedRings.Pointer) {
        self.socket = socket
        transport = .shm
        carrier = .rings(rings)
    }

    /// The same connection, as if a network of this shape lay between its ends.
    init(_ channel: Channel, over link: EmulatedLink.Pointer) {
        socket = channel.socket
        transport = channel.transport
        carrier = .link(link)
    }

    /// What the worker lends to this client; `nil`: nothing.
    package var lent: SharedMemory? {
        if case .rings(let rings) = carrier { rings.pointee.lent } else { nil }
    }

    /// Whether a network is played.
    package var isEmulated: Bool {
        if case .link = carrier { true } else { false }
    }

    /// The socket that the channel lives as long as: its end is the channel's end.
    package var descriptor: Int32 { socket.descriptor }

    /// Sends what can be sent without waiting. What was not taken must be offered again, first of
    /// all: an encrypted channel may have encrypted it already.
    @inline(__always)
    package func send(_ bytes: UnsafeRawPointer, _ count: Int) -> TransferResult {
        switch carrier {
        case .socket: socket.send(bytes, count)
        case .tls(let tls): tls.send(bytes, count)
        case .rings(let rings): rings.pointee.send(bytes, count)
        case .link(let link): EmulatedLink.send(link, bytes, count)
        }
    }

    /// Receives what is there. An encrypted channel tells an end without a farewell (`.failed`) from
    /// one with it (`.closed`).
    @inline(__always)
    package func receive(_ bytes: UnsafeMutableRawPointer, _ count: Int) -> TransferResult {
        switch carrier {
        case .socket: socket.receive(bytes, count)
        case .tls(let tls): tls.receive(bytes, count)
        case .rings(let rings): rings.pointee.receive(bytes, count)
        case .link(let link): EmulatedLink.receive(link, bytes, count)
        }
    }

    /// Waits until one of `events` (POLLIN, POLLOUT) is possible.
    ///
    /// - Parameter timeout: Milliseconds; -1 waits for ever.
    /// - Returns: The events that came, 0 after the timeout.
    package func wait(for events: Int32, timeout: Int32) throws(SocketError) -> Int32 {
        switch carrier {
        case .socket: try socket.wait(for: events, timeout: timeout)
        case .tls(let tls): try wait(tls, for: events, timeout: timeout)
        case .rings(let rings): rings.pointee.wait(for: events, timeout: timeout)
        case .link(let link): try EmulatedLink.wait(link, for: events, timeout: timeout)
        }
    }

    private func wait(
        _ tls: TLS,
        for events: Int32,
        timeout: Int32
    ) throws(SocketError) -> Int32 {
        // What TLS has read ahead is no longer in the socket.
        guard events & POLLIN != 0, tls.hasInput else {
            return try socket.wait(for: events, timeout: timeout)
        }
        return POLLIN | (events == POLLIN ? 0 : try socket.wait(for: events, timeout: 0))
    }

    /// Tells the peer that nothing more will come; what it sends can still be received.
    package func endSending() {
        if case .tls(let tls) = carrier { tls.end() }
        _ = shutdown(socket.descriptor, Int32(SHUT_WR))
    }

    /// Ends both directions; a thread that waits on the channel wakes up.
    package func shutDown() {
        socket.shutDown()
        switch carrier {
        case .socket, .tls: break
        case .rings(let rings): rings.pointee.end()
        case .link(let link): EmulatedLink.shutDown(link)
        }
    }

    /// The socket has ended, as somebody else has seen: a thread that waits on the channel looks at
    /// once. What was sent before is still received.
    package func noticeEnd() {
        switch carrier {
        case .socket, .tls: break
        case .rings(let rings): rings.pointee.end()
        case .link(let link): link.pointee.inner.noticeEnd()
        }
    }

    /// Gives everything back. No other thread may use the channel.
    package func close() {
        switch carrier {
        case .socket: socket.close()
        case .tls(let tls):
            tls.end()
            tls.free()
            socket.close()
        case .rings(let rings):
            socket.close()
            SharedRings.unmap(rings)
        case .link(let link): EmulatedLink.close(link)
        }
    }
}

extension Channel {
    /// The first bytes of a slot in the memory that the worker lends (`BulkFrame`).
    ///
    /// - Throws: `EPROTO` when there is no such slot.
    package func lentSlot(
        _ slot: UInt32,
        _ size: Int
    ) throws(SocketError) -> UnsafeMutableRawBufferPointer {
        guard let lent, slot < BulkFrame.slots, size <= BulkFrame.most else {
            throw SocketError(EPROTO, .receive)
        }
        let start = Int(slot) * BulkFrame.most
        return UnsafeMutableRawBufferPointer(rebasing: lent.bytes[start..<start + size])
    }

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
