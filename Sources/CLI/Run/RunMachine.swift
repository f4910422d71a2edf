/// What a run does about signals and the end of its program. A pure value; the numbers are Linux's.
package struct RunMachine: Hashable, Sendable {
    /// What happened.
    package enum Event: Hashable, Sendable {
        /// A signal came; `sender` is the process that sent it, nil for the kernel.
        case signal(Int32, sender: Int32?)
        /// The program was started.
        case started(Int32)
        /// It ended with this exit status (128 + n for a signal).
        case ended(Int32)
    }

    /// What to do about it.
    package enum Action: Hashable, Sendable {
        /// Send the program this signal.
        case forward(Int32)
        /// Look whether the program has ended.
        case reap
        /// Stop, as this signal would stop anybody; keep the lease alive meanwhile.
        case suspend(Int32)
        /// Go on after a stop.
        case resume
        /// Do not wait much longer for the lease.
        case hurry
        /// End at once with this status.
        case exit(Int32)
        /// Give everything back and end with this status.
        case finish(Int32)
    }

    private enum Phase: Hashable {
        case preparing
        case running(Int32)
        case over
    }

    /// Linux's numbers, so that this file needs no C library.
    package enum Number {
        package static let hangUp: Int32 = 1
        package static let interrupt: Int32 = 2
        package static let quit: Int32 = 3
        package static let terminate: Int32 = 15
        package static let child: Int32 = 17
        package static let `continue`: Int32 = 18
        package static let terminalStop: Int32 = 20
        package static let terminalInput: Int32 = 21
        package static let terminalOutput: Int32 = 22
    }

    private var phase = Phase.preparing
    /// The first signal that asked to end before the program was started.
    package private(set) var asked: Int32?
    /// Other signals for the program that came before it was started, or before its number was known: each
    /// once, as the system keeps them.
    private var early: [Int32] = []

    /// A run whose program is not yet started.
    package init() {}

    /// The status with which to end instead of starting the program, when that was asked.
    package var aborted: Int32? { asked.map { 128 + $0 } }

    /// Takes note of an event and says what to do, in order.
    package mutating func handle(_ event: Event) -> [Action] {
        switch (event, phase) {
        case (.started(let pid), .preparing):
            phase = .running(pid)
            // It may have come between the last look and the start.
            return (early + (asked.map { [$0] } ?? [])).map { .forward($0) }
        case (.ended(let status), .running):
            phase = .over
            return [.finish(status)]
        case (.signal(let number, let sender), .preparing):
            return prepare(number, sender: sender)
        case (.signal(let number, let sender), .running(let pid)):
            return run(number, sender: sender, program: pid)
        default: return []
        }
    }

    private mutating func prepare(_ number: Int32, sender: Int32?) -> [Action] {
        switch number {
        case Number.interrupt, Number.terminate, Number.hangUp, Number.quit:
            if asked != nil { return [.exit(128 + number)] }
            asked = number
            return [.hurry]
        case Number.terminalStop, Number.terminalInput, Number.terminalOutput:
            return [.suspend(number), .resume]
        case Number.child, Number.continue: return []
        default:
            if sender != nil, !early.contains(number) { early.append(number) }
            return []
        }
    }

    /// The terminal signals the whole foreground group, and with it the program; only what another
    /// process sent to us alone must be passed on.
    private func run(_ number: Int32, sender: Int32?, program: Int32) -> [Action] {
        let isForUs = sender != nil && sender != program
        switch number {
        case Number.child: return [.reap]
        case Number.continue: return [.forward(number)]
        case Number.terminalStop, Number.terminalInput, Number.terminalOutput:
            let pass: [Action] = isForUs ? [.forward(number)] : []
            return pass + [.suspend(number), .resume, .forward(Number.continue)]
        default: return isForUs ? [.forward(number)] : []
        }
    }
}
