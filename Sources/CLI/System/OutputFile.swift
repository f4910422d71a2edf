internal import Glibc

/// A file that is made at the start of a run and written at its end.
struct OutputFile: Sendable {
    let path: String
    private let descriptor: Int32

    /// Makes or empties the file.
    init(_ path: String) throws(Failure) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw Failure("'\(path)' cannot be written: \(Files.reason())", code: .usage)
        }
        self.path = path
    }

    /// Appends text.
    func write(_ text: String) throws(Failure) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw Failure("'\(path)' cannot be written: \(Files.reason())")
            }
            rest = rest.dropFirst(count)
        }
    }
}

/// A file that is mapped for reading, for as long as this lives.
final class FileMap {
    let bytes: UnsafeRawBufferPointer

    /// Maps a file; nil when there is none, or nothing in it.
    init?(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        guard size > 0,
            let map = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0),
            map != UnsafeMutableRawPointer(bitPattern: -1)
        else { return nil }
        bytes = UnsafeRawBufferPointer(start: map, count: size)
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }
}
