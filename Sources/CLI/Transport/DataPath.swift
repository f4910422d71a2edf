internal import Glibc
package import Wire

/// How the processes of a run are to reach the server's data port: what the lease file says of it.
package struct DataPath: Hashable, Sendable {
    /// The way that was asked for.
    package var choice: TransportChoice
    /// The Unix socket, if it can be used from here.
    package var socket: String?
    /// The network to play.
    package var link: LinkArgument?

    /// The way for a run.
    ///
    /// - Parameters:
    ///   - choice: What was asked for.
    ///   - offered: The Unix socket that the server names, or the user.
    ///   - security: How the server protects connections over TCP: `tls` or `clear`.
    ///   - address: Numeric address of the server.
    ///   - isUsable: Whether somebody listens at a path; tests have their own answer.
    /// - Throws: When what was asked for cannot be had, as far as that shows now.
    package init(
        choice: TransportChoice,
        offered: String?,
        security: String,
        address: String,
        link: LinkArgument?,
        isUsable: (String) -> Bool = DataPath.isUsable
    ) throws(Failure) {
        self.choice = choice
        self.link = link
        // A line of the lease file holds it.
        let isWritable = offered.map { $0.utf8.count < 256 && !$0.contains("\n") } ?? false
        socket = isWritable ? offered.flatMap { isUsable($0) ? $0 : nil } : nil
        switch choice {
        case .tls where security != "tls":
            throw Failure("--transport tls is not possible: the server was told not to encrypt")
        case .tcp where security == "tls":
            throw Failure(
                "--transport tcp is not possible: the server encrypts what goes over TCP; use tls"
            )
        case .unix, .shm:
            guard socket == nil else { break }
            let reason =
                offered.map { "nobody listens at \($0) here" } ?? "the server has no Unix socket"
            throw Failure("--transport \(choice.name) is not possible: \(reason)")
        case .auto, .tcp, .tls: break
        }
        guard link == nil || socket != nil || Self.isLoopback(address) else {
            throw Failure(
                "--emulate-link needs a server on this host: both ends read one clock"
            )
        }
    }

    /// The lines of the lease file; none when there is nothing special.
    package var lines: String {
        var lines = ""
        if let socket { lines += "unix \(socket)\n" }
        if choice != .auto { lines += "transport \(choice.name)\n" }
        if let shape = link?.shape { lines += "link \(shape.delay) \(shape.megabits)\n" }
        return lines
    }

    /// Whether somebody listens at a path.
    package static func isUsable(_ path: String) -> Bool {
        let bytes = Array(path.utf8)
        var address = sockaddr_un()
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let number = Glibc.socket(AF_UNIX, type, 0)
        guard number >= 0 else { return false }
        defer { close(number) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(number, $0, length) == 0
            }
        }
    }

    private static func isLoopback(_ address: String) -> Bool {
        address.hasPrefix("127.") || address == "::1"
    }
}
