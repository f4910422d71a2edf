internal import CLinux
internal import Driver
internal import Synchronization
internal import Wire

/// Lines on the standard error that the worker was started with, which `ferryd` carries into its
/// log.
package enum WorkerLog {
    /// Where they go. Changes once, before there is a second thread.
    nonisolated(unsafe) static var descriptor: Int32 = 2
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
        _ = write(descriptor, bytes, bytes.count)
    }

    /// Writes that a call failed, and what the driver said about it.
    static func failure(_ opcode: Opcode, _ status: Int32, _ text: String = "") {
        let name = describeResult(status).map { "\($0.name)" } ?? "status \(status)"
        line("\(opcode.name) failed: \(name)\(text.isEmpty ? "" : ": ")\(text)")
    }
}
