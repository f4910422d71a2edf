package import Transport
package import Wire

/// Which ways to the server are tried, one after the other.
package enum Route: Equatable, Sendable {
    /// Over the server's Unix socket.
    case local(LinkSetup.Wish.Memory)
    /// Over TCP; encrypted, if the lease says so.
    case tcp

    /// The ways for a choice. A choice that names a transport never ends with another one.
    ///
    /// - Parameters:
    ///   - hasSocket: Whether the lease names a Unix socket.
    ///   - security: How the server protects connections over TCP.
    /// - Returns: The ways, the best first; none when the choice cannot be had.
    package static func all(
        _ choice: TransportChoice,
        hasSocket: Bool,
        security: Security
    ) -> [Route] {
        switch choice {
        case .auto: hasSocket ? [.local(.ifPossible), .tcp] : [.tcp]
        case .shm: hasSocket ? [.local(.must)] : []
        case .unix: hasSocket ? [.local(.no)] : []
        case .tcp: security == .clear ? [.tcp] : []
        case .tls: security == .tls ? [.tcp] : []
        }
    }

    /// What is to be agreed on behind the greeting.
    package func wish(_ link: LinkShape) -> LinkSetup.Wish {
        switch self {
        case .local(let memory): LinkSetup.Wish(memory: memory, link: link)
        case .tcp: LinkSetup.Wish(link: link)
        }
    }
}
