internal import CProcess
internal import Glibc

/// A system call that failed: what was tried, and errno's words for why not.
package struct SystemError: Error, CustomStringConvertible {
    /// What was tried, with the thing it was tried on.
    package let attempt: String
    /// errno.
    package let code: Int32

    /// A failure; the code is errno's when none is given.
    package init(_ attempt: String, code: Int32? = nil) {
        self.code = code ?? errno
        self.attempt = attempt
    }

    package var description: String { "\(attempt): \(String(cString: strerror(code)))" }
}

/// A file descriptor that is closed when its holder goes.
final class Descriptor: Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { close(number) }

    /// A pipe with both ends close-on-exec.
    static func pipe() throws(SystemError) -> (read: Descriptor, write: Descriptor) {
        var ends: [Int32] = [-1, -1]
        guard ferry_pipe(&ends) == 0 else { throw SystemError("make a pipe") }
        return (Descriptor(ends[0]), Descriptor(ends[1]))
    }

    /// Two connected ends that keep messages apart. A message that finds no room is not sent.
    static func messages() throws(SystemError) -> (ours: Descriptor, theirs: Descriptor) {
        var ends: [Int32] = [-1, -1]
        guard ferry_message_pair(&ends) == 0 else { throw SystemError("make a pair of sockets") }
        return (Descriptor(ends[0]), Descriptor(ends[1]))
    }

    /// An event counter to wake a poll with, non-blocking.
    static func event() throws(SystemError) -> Descriptor {
        let number = ferry_eventfd()
        guard number >= 0 else { throw SystemError("make an event counter") }
        return Descriptor(number)
    }

    /// Makes a poll on this event return.
    func signal() {
        var one: UInt64 = 1
        _ = Glibc.write(number, &one, 8)
    }

    /// Takes back all signals so far.
    func drainEvent() {
        var count: UInt64 = 0
        _ = Glibc.read(number, &count, 8)
    }

    /// Reads and writes return at once from now on, or wait.
    func setBlocking(_ blocking: Bool) throws(SystemError) {
        let flags = fcntl(number, F_GETFL)
        let wanted = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK
        guard flags >= 0, fcntl(number, F_SETFL, wanted) >= 0 else {
            throw SystemError("fcntl O_NONBLOCK")
        }
    }
}
