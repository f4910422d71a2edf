internal import CProcess
internal import Glibc

/// The data port's second door: a Unix socket for programs on this host, and for containers that
/// share its folder.
///
/// Who may connect is decided as on the data port, by proof of a lease's secret; so the socket is
/// open to every user that can enter the folder, which is made for all to pass and none to list.
package final class LocalListener: Sendable {
    /// The name of the socket in its folder.
    package static let name = "data.sock"
    /// Longest path that an address can hold.
    package static let longestPath = 107

    /// Where clients find it.
    package let path: String
    let descriptor: Descriptor
    private let inode: UInt64

    /// Makes folder and socket. A socket that an ended server has left is replaced.
    ///
    /// - Throws: `SystemError`; EADDRINUSE when another server listens there.
    package init(folder: String) throws(SystemError) {
        let path = folder + "/" + Self.name
        guard path.hasPrefix("/") else {
            throw SystemError("listen on \(path), which is no absolute path,", code: EINVAL)
        }
        guard path.utf8.count <= Self.longestPath else {
            throw SystemError(
                "listen on \(path), which is longer than \(Self.longestPath) bytes,",
                code: ENAMETOOLONG
            )
        }
        try Self.makeFolder(folder)
        switch ferry_probe_path(path) {
        case 0: throw SystemError("listen on \(path)", code: EADDRINUSE)
        case ECONNREFUSED: unlink(path)
        default: break
        }
        let number = ferry_listen_path(path, 512)
        guard number >= 0 else { throw SystemError("listen on \(path)") }
        descriptor = Descriptor(number)
        guard chmod(path, 0o666) == 0 else { throw SystemError("open \(path) to clients") }
        self.path = path
        inode = ferry_inode(path)
    }

    /// Removes the socket's name, unless it is another server's by now.
    package func remove() {
        if ferry_inode(path) == inode { unlink(path) }
    }

    /// An existing folder stays as it is: who made it has decided who may enter it.
    private static func makeFolder(_ path: String) throws(SystemError) {
        if access(path, F_OK) == 0 { return }
        // The process's mask is for files of its own.
        guard mkdir(path, 0o711) == 0, chmod(path, 0o711) == 0 else {
            throw SystemError("make the folder \(path)")
        }
    }
}
