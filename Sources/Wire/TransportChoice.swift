/// How data connections may travel, as people and the lease file write it.
package enum TransportChoice: UInt8, CaseIterable, Sendable {
    /// The fastest that works.
    case auto
    /// TCP, encrypted.
    case tls
    /// TCP, not encrypted.
    case tcp
    /// A Unix socket.
    case unix
    /// Memory that client and worker share.
    case shm

    /// The word for it.
    package var name: StaticString {
        switch self {
        case .auto: "auto"
        case .tls: "tls"
        case .tcp: "tcp"
        case .unix: "unix"
        case .shm: "shm"
        }
    }
}
