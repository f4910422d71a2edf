internal import CLinux

/// The folder of an `ImageCache`: its files, and the bound on what they take.
///
/// Files carry the time of their last use as their access time. When there is no room, those that
/// were not used for longest go, under a lock that workers take from one another without waiting:
/// while one makes room, the others need not.
final class CacheFolder {
    private let descriptor: Int32
    private let bound: Int
    /// Bytes on disk when they were last counted, and what was added since; -1 before that.
    private var used = -1
    private var added = 0

    /// Files at most: as many as a snapshot can name.
    static let mostFiles = 4096
    /// What a file takes on disk is counted in these units.
    private static let unit = 4096
    /// Files that a worker left half written are removed after so many seconds.
    private static let patience = 600

    init?(_ path: String, bytes: Int) {
        descriptor = ferry_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        bound = bytes
        if descriptor < 0 { return nil }
    }

    deinit { close(descriptor) }

    /// Whether an image of this size has a place here at all, beside others.
    func canHold(_ size: Int) -> Bool { size <= bound / 2 }

    /// Opens a file to read; negative when it is not there.
    func open(_ name: CacheFileName) -> Int32 {
        // Whatever has come to lie there in place of a file must not make this wait or lead away.
        let flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        return name.withText { ferry_openat(descriptor, $0, flags, 0) }
    }

    func contains(_ name: CacheFileName) -> Bool {
        name.withText { faccessat(descriptor, $0, F_OK, 0) == 0 }
    }

    func remove(_ name: CacheFileName) {
        _ = name.withText { unlinkat(descriptor, $0, 0) }
    }

    /// Writes a file under a name of its own and moves it to its place.
    ///
    /// - Returns: 0 or an error number.
    func write(_ bytes: UnsafeRawBufferPointer, to name: CacheFileName) -> Int32 {
        let draft = Draft()
        let error = draft.withText { text -> Int32 in
            let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
            let file = ferry_openat(descriptor, text, flags, 0o600)
            guard file >= 0 else { return ferry_errno() }
            var error = Self.writeAll(bytes, to: file)
            if close(file) != 0, error == 0 { error = ferry_errno() }
            let moved = name.withText { renameat(descriptor, text, descriptor, $0) }
            if error == 0, moved != 0 { error = ferry_errno() }
            if error != 0 { unlinkat(descriptor, text, 0) }
            return error
        }
        if error == 0 { added += Self.rounded(bytes.count) }
        return error
    }

    private static func writeAll(_ bytes: UnsafeRawBufferPointer, to file: Int32) -> Int32 {
        guard let base = bytes.baseAddress else { return 0 }
        var done = 0
        while done < bytes.count {
            let count = CLinux.write(file, base + done, bytes.count - done)
            if count < 0 {
                let error = ferry_errno()
                if error == EINTR { continue }
                return error
            }
            done += count
        }
        return 0
    }

    private static func rounded(_ size: Int) -> Int { (size + unit - 1) / unit * unit }

    // MARK: - The bound

    /// Removes what was not used for longest until an image of `size` bytes fits.
    func makeRoom(for size: Int) {
        // Others add files, too, so the count is not good for long.
        let isKnown = used >= 0 && added <= bound / 64 && added / Self.unit <= Self.mostFiles / 64
        if isKnown, used + added + Self.rounded(size) <= bound { return }
        withLock { removeOldest(upTo: bound - Self.rounded(size)) }
    }

    private func removeOldest(upTo limit: Int) {
        var files = listed()
        var total = files.reduce(0) { $0 + $1.size }
        if total > limit || files.count >= Self.mostFiles {
            // A little more than needed, so that the next image need not look again.
            let goal = limit - bound / 16
            files.sort { $0.lastUse > $1.lastUse }
            while let file = files.last, total > goal || files.count > Self.mostFiles * 15 / 16 {
                remove(file.name)
                total -= file.size
                files.removeLast()
            }
        }
        used = total
        added = 0
    }

    private struct File {
        var name: CacheFileName
        var size: Int
        /// Nanoseconds.
        var lastUse: Int
    }

    /// All files; removes drafts that nobody writes any more.
    private func listed() -> [File] {
        var files: [File] = []
        let now = time(nil)
        forEachEntry { text in
            var facts = stat()
            guard fstatat(descriptor, text, &facts, AT_SYMLINK_NOFOLLOW) == 0 else { return true }
            if let name = CacheFileName(text) {
                let lastUse = facts.st_atim.tv_sec * 1_000_000_000 + facts.st_atim.tv_nsec
                let size = Self.rounded(Int(facts.st_size))
                files.append(File(name: name, size: size, lastUse: lastUse))
            } else if Draft.isOne(text), now - facts.st_mtim.tv_sec > Self.patience {
                unlinkat(descriptor, text, 0)
            }
            return true
        }
        return files
    }

    /// Calls `body` with the name of each file until it returns false.
    func forEachName(_ body: (CacheFileName) -> Bool) {
        forEachEntry { text in CacheFileName(text).map(body) ?? true }
    }

    private func forEachEntry(_ body: (UnsafePointer<CChar>) -> Bool) {
        let copy = ferry_openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard copy >= 0 else { return }
        guard let stream = fdopendir(copy) else {
            close(copy)
            return
        }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            guard body(ferry_entry_name(entry)) else { return }
        }
    }

    private func withLock(_ body: () -> Void) {
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW
        let lock = ferry_openat(descriptor, ".lock", flags, 0o600)
        guard lock >= 0 else { return }
        // Closing gives the lock back.
        defer { close(lock) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { return }
        body()
    }
}

/// The name of a file that is still being written: `.new-` and 16 random hexadecimal digits.
private struct Draft {
    private let text: [CChar]

    init() {
        let number = UInt64.random(in: 0...UInt64.max)
        text = Array(".new-\(String(number, radix: 16))".utf8CString)
    }

    static func isOne(_ text: UnsafePointer<CChar>) -> Bool { strncmp(text, ".new-", 5) == 0 }

    func withText<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
        text.withUnsafeBufferPointer { characters in
            guard let start = characters.baseAddress else {
                preconditionFailure("a C string has an address")
            }
            return body(start)
        }
    }
}
