internal import Glibc

/// An error of ferry's own, told in one line that says what to do.
package struct Failure: Error, Hashable, Sendable {
    /// Statuses with which `ferry` ends when it is not the program's.
    package enum Code: Int32, Sendable {
        /// Wrong usage.
        case usage = 64
        /// The GPUs are taken; trying later can help.
        case nothingFree = 75
        /// Anything else that is ferry's own.
        case ferry = 125
        /// The program cannot be executed.
        case notExecutable = 126
        /// There is no such program.
        case notFound = 127
    }

    /// One line, without a full stop.
    package let message: String
    /// The exit status.
    package let code: Code

    /// A failure with this line.
    package init(_ message: String, code: Code = .ferry) {
        self.message = message
        self.code = code
    }

    /// Tells it on standard error.
    package func report() { Console.complain("ferry: \(message)") }
}

/// The terminal, or what stands for it.
package enum Console {
    /// Writes a line to standard error in one piece.
    package static func complain(_ line: String) { write(line, to: STDERR_FILENO) }

    /// Writes a line to standard output in one piece.
    package static func say(_ line: String) { write(line, to: STDOUT_FILENO) }

    private static func write(_ line: String, to descriptor: Int32) {
        var rest = Array((line + "\n").utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
