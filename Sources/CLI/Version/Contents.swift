internal import FoundationEssentials

/// What an installed Ferry consists of: `share/ferry/contents.json`, which the build makes.
package struct Contents: Codable, Hashable, Sendable {
    /// One file.
    package struct Part: Codable, Hashable, Sendable {
        /// Below the folder in which Ferry is.
        package var path: String
        /// What it is, for people.
        package var what: String
        /// Its size in bytes.
        package var bytes: Int64
        /// Of the file, hexadecimal.
        package var sha256: String
        /// The oldest glibc with which it works.
        package var glibc: String
    }

    /// From which commit it was built; with a `+` when something was changed.
    package var commit: String
    /// By which Swift.
    package var swift: String
    /// For which processor.
    package var architecture: String
    /// What is in it.
    package var files: [Part]

    /// Reads the list of the Ferry that lies in this folder; nil when it has none.
    package static func load(below folder: String) -> Contents? {
        guard let bytes = Files.read(folder + "/share/ferry/contents.json") else { return nil }
        return try? JSONDecoder().decode(Contents.self, from: Data(bytes))
    }

    /// The folder of the Ferry that this program belongs to.
    package static func ownFolder() -> String? {
        guard let own = Files.ownExecutable(), let slash = own.lastIndex(of: "/") else {
            return nil
        }
        let programs = own[..<slash]
        return programs.lastIndex(of: "/").map { String(programs[..<$0]) }
    }

    /// For people.
    package func table() -> String {
        var table = TextTable(["FILE", "MIB", "GLIBC", "SHA-256", "WHAT"])
        for part in files {
            let tenths = (Double(part.bytes) / 1_048_576 * 10).rounded() / 10
            table.add([
                part.path, "\(tenths)", part.glibc, String(part.sha256.prefix(12)), part.what,
            ])
        }
        return table.text
    }
}
