internal import CProcess
internal import Glibc

/// A program to start, with nothing of the server's own but what is named here.
struct SpawnPlan {
    /// The program's file.
    var executable: String
    /// Its arguments, without its own name.
    var arguments: [String]
    /// Its whole environment, `NAME=value`.
    var environment: [String]
    /// What its descriptors 0, 1, 2, … are here, at most 8; every other one is closed.
    var descriptors: [Int32]

    /// Starts it in a session of its own, with no signal blocked and all at their defaults but
    /// SIGPIPE, which stays ignored: a worker must outlive the reader of its log.
    ///
    /// - Returns: its process number; the caller must wait for it.
    /// - Throws: what failed, `ENOENT` and the like of the executable included.
    func start() throws(SystemError) -> pid_t {
        let vector = [executable] + arguments
        var pid: pid_t = 0
        let code = withCStrings(vector) { argv in
            withCStrings(environment) { envp in
                ferry_spawn(&pid, executable, argv, envp, descriptors, Int32(descriptors.count))
            }
        }
        guard code == 0 else { throw SystemError("start \(executable)", code: code) }
        return pid
    }
}

/// Calls `body` with a null-terminated vector of C strings that live as long as the call.
private func withCStrings<Result>(
    _ strings: [String],
    _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
    pointers.append(nil)
    defer { pointers.forEach { free($0) } }
    return pointers.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("an empty vector") }
        return body(base)
    }
}

/// How a process ended.
package enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
    /// It ended by itself with this status.
    case exited(Int32)
    /// A signal ended it.
    case signalled(Int32)
    /// It was not our child, so nobody told us.
    case unknown

    /// From what waitpid(2) says.
    init(waitStatus: Int32) {
        let signal = waitStatus & 0x7f
        self = signal == 0 ? .exited(waitStatus >> 8 & 0xff) : .signalled(signal)
    }

    package var description: String {
        switch self {
        case .exited(let code): "exit status \(code)"
        case .signalled(let signal): "signal \(signal)"
        case .unknown: "unknown status"
        }
    }
}
