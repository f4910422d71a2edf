/// Why a PTX text was refused.
///
/// `description` is what goes into the JIT log: "line 12: unexpected token ';' in operand of 'add.s32'".
public struct PTXError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The 1-based line of the PTX text.
    public let line: Int
    /// What is wrong, naming the instruction or token.
    public let message: String

    /// An error at a line.
    public init(line: Int, message: String) {
        self.line = line
        self.message = message
    }

    /// The line and the message, as the JIT log shows them.
    public var description: String { "line \(line): \(message)" }
}
