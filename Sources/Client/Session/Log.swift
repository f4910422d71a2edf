internal import CLinux
internal import Driver
internal import Wire

/// Messages for people, on standard error, only when FERRY_LOG is set (rule 10: nothing is
/// printed unless asked for).
enum Log {
    /// Whether FERRY_LOG is set; read once, because `getenv` may race with the program.
    nonisolated(unsafe) static var isEnabled = false

    /// Reads the environment. Called once, by `cuInit`.
    static func configure() {
        isEnabled = getenv("FERRY_LOG") != nil
    }

    /// One line.
    static func error(_ message: StaticString) {
        guard isEnabled else { return }
        write("ferry: ")
        write(message)
        write("\n")
    }

    /// One line that ends in text from elsewhere.
    static func error(_ message: StaticString, text: UnsafeRawPointer, _ length: Int) {
        guard isEnabled else { return }
        write("ferry: ")
        write(message)
        _ = CLinux.write(2, text, length)
        write("\n")
    }

    /// A call without a reply failed on the server.
    static func deferred(opcode: UInt16, status: Int32) {
        guard isEnabled else { return }
        write("ferry: ")
        write(Opcode(rawValue: opcode)?.name ?? "a call")
        write(" failed on the server: ")
        write(describeResult(status)?.name ?? "unknown status")
        write("\n")
    }

    /// One line about a call that is not supported.
    static func notSupported(_ name: StaticString) {
        guard isEnabled else { return }
        write("ferry: ")
        write(name)
        write(" is not supported\n")
    }

    private static func write(_ text: StaticString) {
        _ = CLinux.write(2, text.utf8Start, text.utf8CodeUnitCount)
    }
}
