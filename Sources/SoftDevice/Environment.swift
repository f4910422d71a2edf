internal import CLinux

extension Configuration {
    /// The configuration of this process.
    package static func ofProcess() throws(Invalid) -> Configuration {
        try Configuration(environment: variable, file: contents)
    }

    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        return String(cString: value)
    }

    /// Text of a file of at most 64 KiB; `nil` when it cannot be read or is larger.
    private static func contents(_ path: String) -> String? {
        let descriptor = ferry_open(path, O_RDONLY | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let limit = 65_536
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count <= limit {
            let count = read(descriptor, &buffer, buffer.count)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            if count < 0 {
                if ferry_errno() == EINTR { continue }
                return nil
            }
            bytes.append(contentsOf: buffer[..<count])
        }
        return nil
    }
}
