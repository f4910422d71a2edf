internal import CProcess
internal import Glibc

/// Files that only their owner may read, replaced whole or not at all.
enum PrivateFiles {
    /// Makes the folder, and those above it, for its owner alone; an existing one that others may
    /// enter is closed to them.
    static func makeFolder(_ path: String) throws(SystemError) {
        var partial = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            partial += (partial.isEmpty || partial.hasSuffix("/") ? "" : "/") + part
            if mkdir(partial, 0o700) != 0, errno != EEXIST {
                throw SystemError("make the folder \(partial)")
            }
        }
        var owner: uid_t = 0
        var mode: mode_t = 0
        guard ferry_owner_and_mode(path, &owner, &mode) == 0 else {
            throw SystemError("look at \(path)")
        }
        guard mode & S_IFMT == S_IFDIR else {
            throw SystemError("use \(path) as a folder", code: ENOTDIR)
        }
        guard owner == geteuid() else {
            throw SystemError("use the folder \(path) of another user", code: EPERM)
        }
        if mode & 0o077 != 0, chmod(path, 0o700) != 0 {
            throw SystemError("close the folder \(path) to others")
        }
    }

    /// The whole file; nil when there is none.
    static func read(_ path: String, limit: Int = 1 << 20) throws(SystemError) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        if file < 0 {
            if errno == ENOENT { return nil }
            throw SystemError("read \(path)")
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(file, &part, part.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemError("read \(path)")
            }
            if count == 0 { return bytes }
            bytes += part[..<count]
            guard bytes.count <= limit else { throw SystemError("read \(path)", code: EFBIG) }
        }
    }

    /// Writes the file with mode 0600 beside its place, syncs it, and moves it there.
    static func write(_ bytes: [UInt8], to path: String) throws(SystemError) {
        let temporary = "\(path).\(getpid()).new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw SystemError("write \(temporary)") }
        do throws(SystemError) {
            defer { close(file) }
            guard fchmod(file, 0o600) == 0 else { throw SystemError("protect \(temporary)") }
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
                if count < 0 {
                    if errno == EINTR { continue }
                    throw SystemError("write \(temporary)")
                }
                rest = rest.dropFirst(count)
            }
            guard fsync(file) == 0 else { throw SystemError("sync \(temporary)") }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let failure = SystemError("move \(temporary) to \(path)")
            unlink(temporary)
            throw failure
        }
        try syncFolder(of: path)
    }

    /// Makes the renaming itself survive a loss of power.
    private static func syncFolder(of path: String) throws(SystemError) {
        let cut = path.lastIndex(of: "/")
        let folder = cut.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open \(folder)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw SystemError("sync \(folder)") }
    }
}
