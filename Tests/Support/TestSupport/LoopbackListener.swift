internal import CLinux

/// A TCP port of the loopback device that a test owns; closed at the end.
package final class LoopbackListener: @unchecked Sendable {
    /// Why there is no such port.
    package struct Failure: Error {
        /// The system's error number.
        package var number: Int32
    }

    /// The listening socket.
    package let descriptor: Int32
    /// Port in host byte order.
    package private(set) var port: UInt16 = 0

    /// A port that is taken.
    ///
    /// - Parameters:
    ///   - isV6: ::1 and not 127.0.0.1.
    ///   - backlog: Connections that wait to be accepted; `nil` leaves the port deaf.
    package init(isV6: Bool = false, backlog: Int32? = 16) throws {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        descriptor = socket(isV6 ? AF_INET6 : AF_INET, type, 0)
        guard descriptor >= 0 else { throw Failure(number: ferry_errno()) }
        var storage = sockaddr_storage()
        storage.ss_family = sa_family_t(isV6 ? AF_INET6 : AF_INET)
        withUnsafeMutableBytes(of: &storage) { bytes in
            if isV6 {
                bytes.storeBytes(of: 1, toByteOffset: 23, as: UInt8.self)
            } else {
                let loopback = UInt32(0x7F00_0001).bigEndian
                bytes.storeBytes(of: loopback, toByteOffset: 4, as: UInt32.self)
            }
        }
        try claim(&storage, socklen_t(isV6 ? 28 : 16), backlog)
    }

    private func claim(
        _ storage: inout sockaddr_storage,
        _ size: socklen_t,
        _ backlog: Int32?
    ) throws {
        var length = size
        let isBound = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, __CONST_SOCKADDR_ARG(__sockaddr__: address), length) == 0
                    && getsockname(descriptor, __SOCKADDR_ARG(__sockaddr__: address), &length) == 0
            }
        }
        guard isBound else { throw Failure(number: ferry_errno()) }
        if let backlog, listen(descriptor, backlog) != 0 { throw Failure(number: ferry_errno()) }
        port = withUnsafeBytes(of: &storage) {
            UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self))
        }
    }

    deinit { _ = close(descriptor) }

    /// The next connection's descriptor, which the caller owns; `nil` when none comes in time.
    package func accept(seconds: Double = 10) -> Int32? {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, Int32(seconds * 1000)) > 0 else { return nil }
        let accepted = CLinux.accept(descriptor, __SOCKADDR_ARG(__sockaddr__: nil), nil)
        return accepted < 0 ? nil : accepted
    }
}
