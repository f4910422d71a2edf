internal import CProcess
internal import Glibc

/// A worker's process, which can be signalled and whose end is noticed, and never another process
/// that got its number.
///
/// Linux has pidfds for that since 5.3. Older kernels (that of RHEL 8 is 4.18) and sandboxes such as
/// gVisor have none; there the process is asked for from time to time.
struct WorkerProcess: Sendable {
    /// Its number.
    let pid: Int32
    /// When it began, in clock ticks since boot: with the number it names the process for good.
    let startTicks: UInt64
    /// Whether waitpid(2) will answer for it. Its number is nobody else's until that was called.
    let isChild: Bool
    /// Readable once the process has ended; nil where the kernel has no such descriptor.
    let pidfd: Descriptor?

    /// Milliseconds after which a process without a pidfd is asked for again.
    static let interval: Int32 = 100

    /// A living process; nil when there is none that began then.
    ///
    /// - Parameter usesPidfd: false for what an older kernel would do.
    init?(
        pid: Int32,
        startTicks: UInt64,
        isChild: Bool,
        usesPidfd: Bool
    ) throws(SystemError) {
        self.pid = pid
        self.startTicks = startTicks
        self.isChild = isChild
        let descriptor = usesPidfd ? ferry_pidfd_open(pid) : -1
        pidfd = descriptor < 0 ? nil : Descriptor(descriptor)
        if usesPidfd, descriptor < 0 {
            switch errno {
            case ESRCH: return nil
            // What kernels and sandboxes say that do not have the call, or do not allow it.
            case ENOSYS, EPERM, EACCES: break
            default: throw SystemError("watch the process \(pid)")
            }
        }
        // Read after the pidfd was opened: if it is the right one now, it is the right one for good.
        guard isChild || ProcessTable.startTicks(of: pid) == startTicks else { return nil }
    }

    /// Sends a signal. The process may have ended meanwhile; then its end is on its way.
    func send(_ signal: Int32) {
        if let pidfd {
            _ = ferry_pidfd_send_signal(pidfd.number, signal)
        } else if isChild || ProcessTable.startTicks(of: pid) == startTicks {
            _ = kill(pid, signal)
        }
    }

    /// Whether it has ended, for a process without a pidfd.
    var hasEnded: Bool {
        isChild ? ferry_has_ended(pid) != 0 : ProcessTable.startTicks(of: pid) != startTicks
    }

    /// How it ended; waits for it. Must be called once, after its end, for a child.
    func reap() -> ExitStatus {
        guard isChild else { return .unknown }
        var word: Int32 = 0
        while waitpid(pid, &word, 0) < 0 { if errno != EINTR { return .unknown } }
        return ExitStatus(waitStatus: word)
    }
}
