internal import CLinux
internal import Driver

/// A file with code.
enum CodeFile {
    /// The bytes of a file of at most 1 GiB.
    static func read(_ path: UnsafePointer<CChar>) throws(Failure) -> [UInt8] {
        let descriptor = ferry_open(path, O_RDONLY | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw Failure(Status.fileNotFound) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = CLinux.read(descriptor, &buffer, buffer.count)
            if count == 0 { return bytes }
            if count < 0 {
                if ferry_errno() == EINTR { continue }
                throw Failure(Status.operatingSystem)
            }
            bytes.append(contentsOf: buffer[..<count])
            guard bytes.count <= 1 << 30 else { throw Failure(Status.invalidImage) }
        }
    }
}
