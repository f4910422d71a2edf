internal import CLinux
internal import Synchronization

/// Lines on standard error, which `ferryd` carries into its log.
package enum WorkerLog {
    /// Lines at most: a client that makes every call fail must not fill the server's disk.
    private static let most = 2000
    private static let count = Atomic<Int>(0)

    /// Writes one line. Characters that could confuse a terminal or a log become `?`.
    package static func line(_ text: String) {
        let number = count.add(1, ordering: .relaxed).newValue
        if number > most { return }
        var bytes = Array("ferry-worker: ".utf8)
        for byte in text.utf8.prefix(4096) { bytes.append(byte < 32 || byte == 127 ? 63 : byte) }
        if number == most { bytes += Array(" (no more lines are written)".utf8) }
        bytes.append(10)
        _ = write(2, bytes, bytes.count)
    }
}
