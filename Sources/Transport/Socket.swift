internal import CLinux

/// Why an operation on a socket failed.
package struct SocketError: Error, Equatable, Sendable {
    /// The system's error number, or 0 when the peer closed the connection.
    package var number: Int32
    /// The operation that failed.
    package var operation: Operation

    /// Operations on sockets.
    package enum Operation: Sendable {
        case resolve, create, connect, encrypt, send, receive, wait
    }

    /// An error of this number in this operation.
    package init(_ number: Int32, _ operation: Operation) {
        self.number = number
        self.operation = operation
    }
}

/// What one non-blocking transfer did.
package enum TransferResult: Equatable, Sendable {
    /// This many bytes went over, at least one.
    case bytes(Int)
    /// Nothing can be transferred right now.
    case wouldBlock
    /// The peer closed its side.
    case closed
    /// The connection is broken; the system's error number.
    case failed(Int32)
}

/// A connected stream socket that the holder owns.
///
/// The only place of the data plane where the socket calls are made. Interrupted calls are
/// repeated; SIGPIPE is never raised. Safe to use from one sending and one receiving thread at the
/// same time.
package struct Socket: Sendable {
    /// The file descriptor.
    package let descriptor: Int32

    /// Takes a connected socket over.
    package init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Connects over TCP, without delay of small segments.
    ///
    /// - Parameters:
    ///   - address: Numeric IPv4 or IPv6 address, NUL-terminated.
    ///   - port: Port in host byte order.
    ///   - timeout: Milliseconds.
    /// - Throws: `SocketError`; ETIMEDOUT when there was no answer in time.
    package static func connect(
        address: UnsafePointer<CChar>,
        port: UInt16,
        timeout: Int32
    ) throws(SocketError) -> Socket {
        var storage = sockaddr_storage()
        let length = try resolve(address, port, &storage)
        let descriptor = CLinux.socket(
            Int32(storage.ss_family),
            Int32(bitPattern: UInt32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)),
            0
        )
        guard descriptor >= 0 else { throw SocketError(ferry_errno(), .create) }
        let socket = Socket(descriptor: descriptor)
        do throws(SocketError) {
            socket.setBlocking(false)
            try socket.finishConnecting(&storage, length, timeout)
        } catch {
            socket.close()
            throw error
        }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        return socket
    }

    /// Connects to a Unix socket.
    ///
    /// - Parameter path: NUL-terminated, at most 107 bytes.
    /// - Throws: `SocketError`; ENAMETOOLONG when the path is longer. A listener whose queue is full
    ///   is an error at once.
    package static func connect(path: UnsafePointer<CChar>) throws(SocketError) -> Socket {
        let type = Int32(bitPattern: UInt32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue))
        let descriptor = CLinux.socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw SocketError(ferry_errno(), .create) }
        let socket = Socket(descriptor: descriptor)
        socket.setBlocking(false)
        guard ferry_connect_path(descriptor, path) == 0 else {
            let number = ferry_errno()
            socket.close()
            throw SocketError(number, .connect)
        }
        return socket
    }

    /// Whether both ends are on one host: it is a Unix socket.
    package var isLocal: Bool { ferry_is_local(descriptor) != 0 }

    private static func resolve(
        _ address: UnsafePointer<CChar>,
        _ port: UInt16,
        _ storage: inout sockaddr_storage
    ) throws(SocketError) -> socklen_t {
        var v4 = sockaddr_in()
        if inet_pton(AF_INET, address, &v4.sin_addr) == 1 {
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: v4, as: sockaddr_in.self) }
            return socklen_t(MemoryLayout<sockaddr_in>.size)
        }
        var v6 = sockaddr_in6()
        guard inet_pton(AF_INET6, address, &v6.sin6_addr) == 1 else {
            throw SocketError(EINVAL, .resolve)
        }
        v6.sin6_family = sa_family_t(AF_INET6)
        v6.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: v6, as: sockaddr_in6.self) }
        return socklen_t(MemoryLayout<sockaddr_in6>.size)
    }

    private func finishConnecting(
        _ storage: inout sockaddr_storage,
        _ length: socklen_t,
        _ timeout: Int32
    ) throws(SocketError) {
        let status = withUnsafePointer(to: &storage) { pointer in
            ferry_connect(descriptor, pointer, length)
        }
        if status == 0 { return }
        guard ferry_errno() == EINPROGRESS else { throw SocketError(ferry_errno(), .connect) }
        guard try wait(for: POLLOUT, timeout: timeout) != 0 else {
            throw SocketError(ETIMEDOUT, .connect)
        }
        var problem: Int32 = 0
        var size = socklen_t(4)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &size)
        guard problem == 0 else { throw SocketError(problem, .connect) }
    }

    /// Two sockets that are connected to each other: the twin for tests.
    package static func pair() throws(SocketError) -> (Socket, Socket) {
        var descriptors: (Int32, Int32) = (-1, -1)
        let status = withUnsafeMutableBytes(of: &descriptors) { bytes -> Int32 in
            guard let base = bytes.baseAddress else { return -1 }
            let type = Int32(bitPattern: UInt32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue))
            return socketpair(AF_UNIX, type, 0, base.assumingMemoryBound(to: Int32.self))
        }
        guard status == 0 else { throw SocketError(ferry_errno(), .create) }
        return (Socket(descriptor: descriptors.0), Socket(descriptor: descriptors.1))
    }

    /// Chooses whether transfers wait inside the system call.
    package func setBlocking(_ blocks: Bool) {
        let flags = ferry_get_flags(descriptor)
        _ = ferry_set_flags(descriptor, blocks ? flags & ~O_NONBLOCK : flags | O_NONBLOCK)
    }

    /// Sends what can be sent without waiting.
    @inline(__always)
    package func send(_ bytes: UnsafeRawPointer, _ count: Int) -> TransferResult {
        while true {
            let flags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
            let sent = CLinux.send(descriptor, bytes, count, flags)
            if sent > 0 { return .bytes(sent) }
            let number = ferry_errno()
            if number == EINTR { continue }
            return number == EAGAIN ? .wouldBlock : .failed(number)
        }
    }

    /// Receives what is there.
    @inline(__always)
    package func receive(_ bytes: UnsafeMutableRawPointer, _ count: Int) -> TransferResult {
        while true {
            let received = recv(descriptor, bytes, count, Int32(MSG_DONTWAIT))
            if received > 0 { return .bytes(received) }
            if received == 0 { return .closed }
            let number = ferry_errno()
            if number == EINTR { continue }
            return number == EAGAIN ? .wouldBlock : .failed(number)
        }
    }

    /// Waits until one of `events` (POLLIN, POLLOUT) is possible.
    ///
    /// - Parameter timeout: Milliseconds; -1 waits for ever.
    /// - Returns: The events that came, 0 after the timeout.
    package func wait(for events: Int32, timeout: Int32) throws(SocketError) -> Int32 {
        var entry = pollfd(fd: descriptor, events: Int16(truncatingIfNeeded: events), revents: 0)
        while true {
            let count = poll(&entry, 1, timeout)
            if count > 0 { return Int32(entry.revents) }
            if count == 0 { return 0 }
            if ferry_errno() != EINTR { throw SocketError(ferry_errno(), .wait) }
        }
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

    /// Ends both directions; a thread that waits on the socket wakes up.
    package func shutDown() {
        _ = shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// Gives the descriptor back.
    package func close() {
        _ = CLinux.close(descriptor)
    }
}
