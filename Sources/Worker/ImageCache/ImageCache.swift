internal import CLinux
package import Wire

/// Images that clients have sent, kept on disk across sessions (rule 9 of the data plane).
///
/// A folder of files, each named by the SHA-256 of its bytes. Any number of workers may use a folder
/// at the same time: a file appears whole by a rename and is never changed, and one that is removed
/// stays readable for those who have it open. What a file holds is believed only after its hash was
/// computed again, so a damaged or forged file is a file that is not there. Used by one thread.
package final class ImageCache {
    private let folder: CacheFolder
    /// Set when something could not be written; then nothing more is.
    private var isReadOnly = false

    /// The cache in an existing folder.
    ///
    /// - Parameter bytes: What the files may take on disk together.
    /// - Returns: `nil` when the folder cannot be used; the log says why.
    package init?(folder path: String, bytes: Int) {
        guard let folder = CacheFolder(path, bytes: bytes) else {
            WorkerLog.line("images are not kept: the folder for them: error \(ferry_errno())")
            return nil
        }
        self.folder = folder
    }

    /// What a snapshot says of the images that are there, without having looked into them.
    package var prefixes: [UInt32] {
        var list: [UInt32] = []
        folder.forEachName { name in
            guard list.count < SnapshotLayout.maxImages else { return false }
            list.append(name.prefix)
            return true
        }
        return list
    }

    /// The image of this name, if it is there and undamaged.
    package func find(_ name: ImageName) -> MappedImage? {
        let file = CacheFileName(name.hash)
        let descriptor = folder.open(file)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard let image = MappedImage(descriptor, size: name.size),
            SHA256.areEqual(SHA256.digest(of: image.bytes), name.hash)
        else {
            // Also when the client named another size: what is kept is never worth an argument.
            WorkerLog.line("an image that was kept is damaged, and is asked for again")
            folder.remove(file)
            return nil
        }
        _ = ferry_touch(descriptor)
        return image
    }

    /// Keeps an image. What goes wrong has a line in the log and no other consequence.
    package func store(_ bytes: UnsafeRawBufferPointer) {
        guard !isReadOnly, bytes.count >= ImageName.smallestImage, folder.canHold(bytes.count)
        else { return }
        let file = CacheFileName(SHA256.digest(of: bytes))
        guard !folder.contains(file) else { return }
        folder.makeRoom(for: bytes.count)
        let error = folder.write(bytes, to: file)
        guard error != 0 else { return }
        isReadOnly = true
        WorkerLog.line("an image could not be kept: error \(error); this session keeps no more")
    }
}
