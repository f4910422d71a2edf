internal import Glibc

/// Where a server is.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// The port of the REST API when nobody names one.
    package static let defaultPort = 56001

    /// A host name or a numeric address, without brackets.
    package let host: String
    /// The port of the REST API.
    package let port: Int

    /// From `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`; a bare IPv6 address is one too.
    package init(_ text: String) throws(Failure) {
        let wrong = Failure("'\(text)' is not a server; write HOST or HOST:PORT", code: .usage)
        var host = Substring(text)
        var port: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw wrong }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { throw wrong }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if text.count(where: { $0 == ":" }) == 1, let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        let number = port.map { Int($0) ?? -1 } ?? Self.defaultPort
        guard !host.isEmpty, (1...65535).contains(number),
            host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") })
        else { throw wrong }
        self.host = String(host)
        self.port = number
    }

    package var description: String { "\(bracketedHost):\(port)" }

    /// As it stands in a URL.
    package var bracketedHost: String { host.contains(":") ? "[\(host)]" : host }

    /// Whether the host is a number already.
    package var isNumeric: Bool {
        var bytes = [UInt8](repeating: 0, count: 16)
        return inet_pton(AF_INET, host, &bytes) == 1 || inet_pton(AF_INET6, host, &bytes) == 1
    }

    /// The numeric addresses of the host, in the order in which they should be tried.
    package func addresses() throws(Failure) -> [String] {
        if isNumeric { return [host] }
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &first)
        guard code == 0 else {
            throw Failure(
                "the server '\(host)' cannot be found (\(String(cString: gai_strerror(code)))); "
                    + "check the name, or give another with --server"
            )
        }
        defer { freeaddrinfo(first) }
        var found: [String] = []
        var next = first
        while let entry = next?.pointee {
            var buffer = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let size = socklen_t(buffer.count)
            if let address = entry.ai_addr,
                getnameinfo(address, entry.ai_addrlen, &buffer, size, nil, 0, NI_NUMERICHOST) == 0
            {
                let text = buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
                found.append(String(decoding: text, as: UTF8.self))
            }
            next = entry.ai_next
        }
        return found
    }
}
