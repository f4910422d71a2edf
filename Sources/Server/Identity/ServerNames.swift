internal import Glibc
internal import SwiftASN1
package import X509

/// Every name and address by which clients reach this server.
package struct ServerNames: Hashable, Sendable {
    /// Numeric addresses and host names, each once, in order.
    package let names: [String]

    /// These names, without repetitions; an IPv6 zone (`%eth0`) is dropped.
    package init(_ names: [String]) {
        var seen: Set<String> = []
        self.names = names.map { String($0.prefix { $0 != "%" }) }
            .filter { !$0.isEmpty && seen.insert($0).inserted }
    }

    /// The names of this machine, and `more`; with all its addresses when `host` is a wildcard.
    package static func ofThisMachine(host: String, more: [String]) -> ServerNames {
        var names = ["localhost", "127.0.0.1", "::1", hostName()]
        if isWildcard(host) { names += interfaceAddresses() } else { names.append(host) }
        return ServerNames(names + more)
    }

    /// Whether binding to `host` means every address.
    package static func isWildcard(_ host: String) -> Bool {
        ["0.0.0.0", "::", "*", ""].contains(host)
    }

    /// What this machine calls itself.
    package static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        return String(
            decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)),
            as: UTF8.self
        )
    }

    /// As certificates have them; what is neither an address nor ASCII is left out.
    package var generalNames: [GeneralName] {
        names.compactMap { name in
            if let address = Self.numeric(name) {
                return .ipAddress(ASN1OctetString(contentBytes: address[...]))
            }
            guard name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
            return .dnsName(name)
        }
    }

    /// The 4 or 16 bytes of a numeric address.
    private static func numeric(_ name: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, name, &bytes) == 1 { return Array(bytes.prefix(4)) }
        return inet_pton(AF_INET6, name, &bytes) == 1 ? bytes : nil
    }

    private static func interfaceAddresses() -> [String] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        return sequence(first: first) { $0?.pointee.ifa_next }.prefix { $0 != nil }.compactMap {
            guard let address = $0?.pointee.ifa_addr else { return nil }
            let length: Int
            switch Int32(address.pointee.sa_family) {
            case AF_INET: length = MemoryLayout<sockaddr_in>.size
            case AF_INET6: length = MemoryLayout<sockaddr_in6>.size
            default: return nil
            }
            return SocketAddress.numericHost(address, length: socklen_t(length))
        }
    }
}
