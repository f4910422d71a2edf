internal import CLinux

/// Lines for a person on the standard error, as the driver API has no words for most failures.
enum Diagnostics {
    /// Writes a line that nobody may miss: a configuration that cannot be used.
    static func always(_ text: String) {
        let line = "ferry software gpu: \(text)\n"
        line.withCString { bytes in
            _ = write(2, bytes, strlen(bytes))
        }
    }

    /// Writes a line if the environment has `FERRY_SOFT_GPU_LOG=1`: why a call or a kernel failed.
    static func note(_ text: @autoclosure () -> String) {
        if isWanted { always(text()) }
    }

    private static let isWanted: Bool = {
        guard let value = getenv("FERRY_SOFT_GPU_LOG") else { return false }
        return value.pointee != 0 && value.pointee != CChar(UInt8(ascii: "0"))
    }()
}
