internal import Glibc

/// The file that tells the client library which lease it has: mode 0600 in a folder of its own.
package struct LeaseFile: Sendable {
    /// The folder of this run alone, in which the client library leaves its counts.
    package let folder: String
    /// The file.
    package var path: String { folder + "/lease" }

    /// What the client library reads.
    package static func text(
        lease: String,
        secret: String,
        address: String,
        dataPort: Int,
        gpus: Int,
        security: String,
        path: String = "",
        statistics: String = ""
    ) -> String {
        """
        ferry-lease 1
        lease \(lease)
        secret \(secret)
        server \(address) \(dataPort) \(gpus) \(security)
        \(path)\(statistics)
        """
    }

    /// Writes the file into a new private folder below the first of `folders` that can be used.
    ///
    /// - Parameter text: what to write; gets the folder that was made.
    package init(folders: [String], text: (_ folder: String) -> String) throws(Failure) {
        var reason = "there is no folder for it"
        for parent in folders {
            var template = Array("\(parent)/ferry-XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else {
                reason = "\(parent): \(Files.reason())"
                continue
            }
            let made = template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
            let folder = String(decoding: made, as: UTF8.self)
            if let trouble = Self.write(text(folder), to: folder + "/lease") {
                rmdir(folder)
                reason = "\(parent): \(trouble)"
                continue
            }
            self.folder = folder
            return
        }
        throw Failure("the lease file cannot be written (\(reason)); set TMPDIR to a usable folder")
    }

    /// Where such a folder is made, the best place first.
    package static func folders(_ environment: Environment) -> [String] {
        ["XDG_RUNTIME_DIR", "TMPDIR"].compactMap { environment[$0] }.filter { $0.hasPrefix("/") }
            + ["/tmp"]
    }

    /// Removes the folder and what is in it.
    package func remove() {
        for name in Files.names(in: folder) { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }

    private static func write(_ text: String, to path: String) -> String? {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { return Files.reason() }
        defer { close(file) }
        let bytes = Array(text.utf8)
        guard Glibc.write(file, bytes, bytes.count) == bytes.count else {
            let reason = Files.reason()
            unlink(path)
            return reason
        }
        return nil
    }
}
