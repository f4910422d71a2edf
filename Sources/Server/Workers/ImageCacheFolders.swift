internal import Crypto
internal import Glibc
internal import Pool

/// Where workers keep the images that clients have sent: a folder for each token, so that what one
/// tenant has sent is neither seen nor served to another. Its name says nothing of the token.
package struct ImageCacheFolders: Sendable {
    private let root: String
    /// Bytes that each folder may hold.
    package let bytesEach: Int
    private let names: Set<String>

    /// The folders below `root`, one for each owner.
    ///
    /// - Parameters:
    ///   - bytes: what they may hold together, shared out evenly.
    ///   - owners: the SHA-256 of each token.
    package init(root: String, bytes: Int, owners: [[UInt8]]) {
        self.root = root
        bytesEach = bytes / max(1, owners.count)
        names = Set(owners.map(Self.name))
    }

    /// The folder of an owner, which is made when there is none; nil for one that has none here.
    package func folder(of owner: [UInt8]) throws -> String? {
        let name = Self.name(owner)
        guard names.contains(name) else { return nil }
        let path = root + "/" + name
        try PrivateFiles.makeFolder(path)
        return path
    }

    /// Removes the folders of tokens that are no more.
    package func removeOthers() {
        for name in FolderEntries.names(root) where !names.contains(name) {
            FolderEntries.removeFolder("\(root)/\(name)")
        }
    }

    private static func name(_ owner: [UInt8]) -> String {
        let hash = SHA256.hash(data: Array("ferry images of ".utf8) + owner)
        return Hex.encode(hash.prefix(16))
    }
}
