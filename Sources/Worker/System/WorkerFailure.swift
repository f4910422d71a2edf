internal import Driver

/// Why a worker cannot serve.
package struct WorkerFailure: Error, Equatable, Sendable {
    /// Exit statuses of the program.
    package enum ExitStatus: Int32, Sendable {
        case clientClosed = 0
        case internalError = 1
        case usage = 2
        case driver = 3
        case protocolViolation = 4
    }

    /// How the program ends.
    package var exitStatus: ExitStatus
    /// The CUresult that the program's calls return.
    package var status: Int32
    /// For people.
    package var text: String

    /// A failure with these parts.
    package init(_ exitStatus: ExitStatus, status: Int32, _ text: String) {
        self.exitStatus = exitStatus
        self.status = status
        self.text = text
    }

    /// There is not even memory to begin with.
    static let noMemory = WorkerFailure(
        .internalError,
        status: Status.outOfMemory,
        "there is no memory for the connection"
    )
}
