internal import CLinux

/// How long a thread that waits for bytes looks again before it sleeps: the one place for it.
///
/// Looking again is worth it because waking a thread costs more than a short answer takes (45–60 µs
/// on some virtual machines). How long is learnt, the way the halt polling of KVM does it
/// (Documentation/virt/kvm/halt-polling.rst): twice as long after a sleep that a longer look would
/// have saved, half as long after one that was long. So a program whose calls come one after the
/// other is answered by a thread that is awake, and one that comes by now and then costs no
/// processor. A look at shared memory costs nothing, one at a socket a system call.
package struct SpinPolicy: Sendable {
    /// Nanoseconds of looking after which the processor is offered to others each time: whoever is
    /// waited for may have no other. Answers over shared memory from another processor come sooner.
    private let alone: UInt64

    /// Nanoseconds to look at most: about what it costs to sleep, so that looking in vain never costs
    /// more than twice the better choice.
    package let most: UInt64
    /// Nanoseconds to look before sleeping, as learnt so far.
    package private(set) var budget: UInt64
    private let isFixed: Bool
    /// The clock is read at every so many looks, a power of two: it costs as much as a look at memory.
    private let stride: UInt32
    private var looks: UInt32 = 0
    private var started: UInt64 = 0
    private var isAsleep = false

    /// What the first look after many long waits is raised to.
    private static let least: UInt64 = 10_000

    /// Looks for so long, in nanoseconds, whatever comes; 0 sleeps at once.
    package init(budget: UInt64) {
        self.budget = budget
        most = budget
        isFixed = true
        stride = 1
        alone = 0
    }

    /// The policy for a channel.
    package init(_ channel: Channel) {
        self.init(
            channel.transport,
            processors: Self.processors,
            isEmulated: channel.isEmulated
        )
    }

    /// The policy as a function of what it depends on.
    package init(
        _ transport: Channel.Transport,
        processors: Int,
        isEmulated: Bool = false
    ) {
        // With one processor nothing comes before it was offered: each look offers it.
        let isAlone = processors < 2
        stride = transport == .shm && !isEmulated && !isAlone ? 16 : 1
        alone = (transport == .shm || isEmulated) && !isAlone ? 1_000 : 0
        if isEmulated && !isAlone {
            // Being woken up late would be measured as a part of the link.
            most = 1_000_000
        } else {
            // With one, what is waited for in vain is time that the other end does not have.
            most = isAlone ? 20_000 : processors < 4 ? 50_000 : 100_000
        }
        isFixed = isEmulated
        budget = most
    }

    /// Whether to look again at once; otherwise it is time to sleep, until something comes.
    @inline(__always)
    package mutating func spin() -> Bool {
        if most == 0 || isAsleep { return false }
        looks &+= 1
        if looks & (stride &- 1) != 0 {
            ferry_pause_cpu()
            return true
        }
        let now = ferry_now_ns()
        if started == 0 { started = now }
        if now &- started >= budget {
            isAsleep = true
            return false
        }
        if now &- started < alone { ferry_pause_cpu() } else { sched_yield() }
        return true
    }

    /// Something has come.
    @inline(__always)
    package mutating func reset() {
        if isAsleep { wakeUp() }
        started = 0
    }

    private mutating func wakeUp() {
        isAsleep = false
        if started != 0 { learn(waited: ferry_now_ns() &- started) }
    }

    /// Adapts how long to look after a sleep.
    ///
    /// - Parameter waited: Nanoseconds from the first look until something came.
    package mutating func learn(waited: UInt64) {
        if isFixed { return }
        if waited <= 2 &* most {
            // Being woken was a good part of it.
            budget = min(most, max(2 &* budget, Self.least))
        } else {
            budget /= 2
        }
    }

    private static let processors = Int(ferry_processors())
}
