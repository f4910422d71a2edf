internal import CProcess
internal import Glibc
package import Pool

/// Where workers keep the names of what processes of a lease share: a folder for each lease, from its first
/// worker to its end.
package struct SharedFolders: Sendable {
    private let root: String

    /// The folders below `root`.
    package init(root: String) { self.root = root }

    /// Removes the folders of all leases but these: workers outlive their server, and so do leases.
    package func removeOthers(_ living: [LeaseID]) {
        let kept = Set(living.map { "\($0)" })
        for name in FolderEntries.names(root) where !kept.contains(name) {
            FolderEntries.removeFolder("\(root)/\(name)")
        }
    }

    /// The folder of a lease, which is made when there is none.
    package func folder(of lease: LeaseID) throws -> String {
        let path = "\(root)/\(lease)"
        try PrivateFiles.makeFolder(path)
        return path
    }

    /// The lease has ended.
    package func remove(_ lease: LeaseID) { FolderEntries.removeFolder("\(root)/\(lease)") }
}

/// What is in a folder.
enum FolderEntries {
    /// Removes a folder that has nothing but files in it, as far as that can be done.
    static func removeFolder(_ path: String) {
        for file in names(path) { unlink("\(path)/\(file)") }
        rmdir(path)
    }

    /// Names without `.` and `..`; none when the folder cannot be read.
    static func names(_ path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
