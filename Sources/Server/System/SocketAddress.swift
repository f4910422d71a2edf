internal import Glibc

/// What this code needs of socket addresses.
enum SocketAddress {
    /// The numeric form of an address, without its port.
    static func numericHost(_ address: UnsafePointer<sockaddr>, length: socklen_t) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = getnameinfo(
            address,
            length,
            &buffer,
            socklen_t(buffer.count),
            nil,
            0,
            NI_NUMERICHOST
        )
        guard code == 0 else { return nil }
        return String(
            decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)),
            as: UTF8.self
        )
    }

    /// Calls `body` with each address that `host` and `port` name for listening, until one result is
    /// not nil.
    static func firstListening<Result>(
        host: String,
        port: Int,
        _ body: (addrinfo) throws(SystemError) -> Result?
    ) throws(SystemError) -> Result {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var first: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &first) == 0 else {
            throw SystemError("resolve \(host)", code: EADDRNOTAVAIL)
        }
        defer { freeaddrinfo(first) }
        var next = first
        while let entry = next {
            if let result = try body(entry.pointee) { return result }
            next = entry.pointee.ai_next
        }
        throw SystemError("resolve \(host)", code: EADDRNOTAVAIL)
    }
}
