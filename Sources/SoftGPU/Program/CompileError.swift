/// Why PTX cannot be run here: a syntax error, an unresolved symbol, or an instruction that this
/// machine does not execute.
public struct CompileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it is; decides the `CUresult`.
    public enum Reason: Sendable {
        /// `CUDA_ERROR_INVALID_PTX`
        case invalidPTX
        /// `CUDA_ERROR_INVALID_PTX`, with a hint that a newer machine would take it.
        case unsupported
        /// `CUDA_ERROR_NOT_FOUND` when linking.
        case unresolvedSymbol
        /// `CUDA_ERROR_OUT_OF_MEMORY`
        case outOfMemory
    }

    /// What kind of failure it is.
    public let reason: Reason
    /// The 1-based line of the PTX text, 0 when none.
    public let line: Int
    /// What is wrong, naming the instruction or symbol.
    public let message: String

    /// An error at a line.
    public init(_ reason: Reason, line: Int, _ message: String) {
        self.reason = reason
        self.line = line
        self.message = message
    }

    /// As the JIT log shows it.
    public var description: String { line > 0 ? "line \(line): \(message)" : message }
}
