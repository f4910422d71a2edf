internal import CLinux

/// How long a thread that waits for bytes looks again before it sleeps: the one place for it.
///
/// Looking again is worth it because waking a thread costs more than a short answer takes (45–60 µs
/// on some virtual machines), and is bounded because on few processors the one that is waited for
/// needs the processor. A look at shared memory costs nothing, one at a socket a system call.
package struct SpinPolicy: Sendable {
    /// Who waits.
    package enum Side: Sendable {
        /// A thread of a program, for a reply.
        case client
        /// A worker, for the next call.
        case worker
    }

    /// Nanoseconds of looking after which the processor is offered to others each time: whoever is
    /// waited for may have no other. Answers over shared memory from another processor come sooner.
    private let alone: UInt64

    /// Nanoseconds to look before sleeping.
    package let budget: UInt64
    /// The clock is read at every so many looks, a power of two: it costs as much as a look at memory.
    private let stride: UInt32
    private var looks: UInt32 = 0
    private var started: UInt64 = 0

    /// Looks for so long, in nanoseconds; 0 sleeps at once.
    package init(budget: UInt64) {
        self.budget = budget
        stride = 1
        alone = 0
    }

    /// The policy for a channel.
    package init(_ channel: Channel, _ side: Side) {
        self.init(
            channel.transport,
            side,
            processors: Self.processors,
            isEmulated: channel.isEmulated
        )
    }

    /// The policy as a function of what it depends on.
    package init(
        _ transport: Channel.Transport,
        _ side: Side,
        processors: Int,
        isEmulated: Bool = false
    ) {
        stride = transport == .shm && !isEmulated ? 16 : 1
        alone = transport == .shm || isEmulated ? 1_000 : 0
        if processors < 2 {
            budget = 0
        } else if isEmulated {
            // Being woken up late would be measured as a part of the link.
            budget = 1_000_000
        } else if side == .worker, processors < 4 {
            // The thread of the worker that the client waits for wants the processor, and the
            // client looks too.
            budget = 5_000
        } else if transport == .shm {
            budget = 50_000
        } else {
            budget = processors < 4 ? 20_000 : 40_000
        }
    }

    /// Whether to look again at once; otherwise it is time to sleep.
    @inline(__always)
    package mutating func spin() -> Bool {
        if budget == 0 { return false }
        looks &+= 1
        if looks & (stride &- 1) != 0 {
            ferry_pause_cpu()
            return true
        }
        let now = ferry_now_ns()
        if started == 0 { started = now }
        if now &- started > budget {
            started = 0
            return false
        }
        if now &- started < alone { ferry_pause_cpu() } else { sched_yield() }
        return true
    }

    /// Something has come.
    @inline(__always)
    package mutating func reset() { started = 0 }

    private static let processors = Int(ferry_processors())
}
