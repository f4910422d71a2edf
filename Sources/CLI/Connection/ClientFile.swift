internal import FoundationEssentials
internal import Glibc

/// What ferryd writes for its clients.
package struct ClientFile: Decodable, Hashable, Sendable {
    /// The format's version.
    package var version: Int
    /// `host:port` of the API.
    package var address: String
    /// The certificate authority to trust, as PEM.
    package var ca: String
    /// The bearer token.
    package var token: String

    /// Where a client file is looked for, in order; the first that exists counts.
    package static func candidates(named: String?, environment: Environment) -> [String] {
        if let named { return [named] }
        if let variable = environment["FERRY_CLIENT_FILE"], !variable.isEmpty { return [variable] }
        let home = environment["HOME"].map { [$0 + "/.config/ferry/client.json"] } ?? []
        return home + ["/etc/ferry/client.json"]
    }

    /// Reads the client file.
    ///
    /// - Throws: `Failure` that says which file is wrong and what to do.
    package static func load(
        named: String?,
        environment: Environment
    ) throws(Failure) -> (path: String, file: ClientFile) {
        let candidates = candidates(named: named, environment: environment)
        for path in candidates {
            guard let bytes = Files.read(path) else {
                if errno == ENOENT || errno == ENOTDIR { continue }
                throw Failure("the client file \(path) cannot be read: \(Files.reason())")
            }
            guard let file = try? JSONDecoder().decode(ClientFile.self, from: Data(bytes)) else {
                throw Failure("\(path) is not a client file; copy it from the server again")
            }
            guard file.version == 1 else {
                throw Failure(
                    "\(path) is for a newer ferry (version \(file.version)); upgrade ferry"
                )
            }
            return (path, file)
        }
        throw Failure(
            "there is no client file (\(candidates.joined(separator: ", "))); copy client.json from "
                + "the server's state folder there, or name it with --client-file"
        )
    }
}
