internal import FoundationEssentials

/// What a client needs to reach this server: one JSON file, mode 0600.
package struct ClientFile: Codable, Hashable, Sendable {
    /// The format's version.
    package var version = 1
    /// `host:port` of the API; IPv6 addresses in brackets.
    package var address: String
    /// The certificate authority that clients trust, as PEM, and no other.
    package var ca: String
    /// The bearer token.
    package var token: String

    /// A file for the server at this address.
    package init(address: String, ca: String, token: String) {
        self.address = address
        self.ca = ca
        self.token = token
    }

    /// `host:port` with brackets where an IPv6 address needs them.
    package static func address(host: String, port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// The file at `path`; nil when there is none or it is not one.
    package static func read(_ path: String) throws -> ClientFile? {
        guard let bytes = try PrivateFiles.read(path) else { return nil }
        return try? JSONDecoder().decode(ClientFile.self, from: Data(bytes))
    }

    /// Writes the file at `path`, unless it stands there already.
    package func write(_ path: String) throws {
        if try Self.read(path) == self { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let bytes = try encoder.encode(self)
        try PrivateFiles.write([UInt8](bytes) + [0x0a], to: path)
    }
}
