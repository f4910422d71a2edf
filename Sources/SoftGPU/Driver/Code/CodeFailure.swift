internal import Driver

/// Why code cannot be loaded: a status for the call, and a text for the log that the program may
/// have asked for.
package struct CodeFailure: Error {
    /// The `CUresult`.
    package let status: Int32
    /// For people.
    package let text: String

    init(_ status: Int32, _ text: String) {
        self.status = status
        self.text = text
    }

    init(_ error: CompileError) {
        status =
            switch error.reason {
            case .invalidPTX, .unsupported: Status.invalidPTX
            case .unresolvedSymbol: Status.notFound
            case .outOfMemory: Status.outOfMemory
            }
        text = error.description
    }

    init(_ error: ImageError) {
        self.init(Status.invalidImage, "\(error.text)")
    }
}
