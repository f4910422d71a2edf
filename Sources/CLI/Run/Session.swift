internal import CProcess
internal import Glibc
internal import Synchronization

/// The I/O around a `RunMachine`: a thread that waits for signals, and the program's process.
final class Session: Sendable {
    private struct State {
        var machine = RunMachine()
        var pid: pid_t?
        var keeper: pid_t?
        var keeperArguments: [String]?
        var waiter: CheckedContinuation<Int32, Never>?
        var status: Int32?
        var hurry: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// Begins to handle the signals, which every thread must have blocked (`claimSignals`).
    func begin() {
        var thread = pthread_t()
        let own = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread,
            nil,
            { pointer in
                guard let pointer else { return nil }
                Unmanaged<Session>.fromOpaque(pointer).takeRetainedValue().loop()
                return nil
            },
            own.toOpaque()
        )
        precondition(code == 0, "no thread for signals")
        pthread_detach(thread)
    }

    /// The status with which to end instead of starting the program, when a signal asked for that.
    var aborted: Int32? { state.withLock { $0.machine.aborted } }

    /// Calls `body` when a signal asks to end before the program runs.
    func whenHurried(_ body: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            state.hurry = body
            return state.machine.asked != nil
        }
        if isLate { body() }
    }

    /// Starts the program in this terminal.
    ///
    /// - Parameter keeper: arguments for a ferry that keeps the lease alive while we are stopped.
    func start(_ program: Program, environment: Environment, keeper: [String]) throws(Failure) {
        var pid: pid_t = 0
        var code = Self.spawn(program.executable, program.arguments, environment, &pid)
        if code == ENOEXEC {
            // A script without a first line that says whose it is; the shell's, by custom.
            let words = ["/bin/sh", program.executable] + program.arguments.dropFirst()
            code = Self.spawn("/bin/sh", words, environment, &pid)
        }
        guard code == 0 else {
            throw Failure(
                "'\(program.executable)' cannot be executed: \(Files.reason(code))",
                code: code == ENOENT ? .notFound : .notExecutable
            )
        }
        perform { [pid] state in
            state.pid = pid
            state.keeperArguments = keeper
            return state.machine.handle(.started(pid))
        }
        // It may have ended before anybody knew its number.
        reap()
    }

    /// The program's exit status, once it has one.
    func wait() async -> Int32 {
        await withCheckedContinuation { continuation in
            let status = state.withLock { state -> Int32? in
                if state.status == nil { state.waiter = continuation }
                return state.status
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    // MARK: - The thread

    private func loop() {
        while true {
            var sender: pid_t = 0
            let number = ferry_wait_signal(&sender)
            guard number > 0 else { return }
            let event = RunMachine.Event.signal(number, sender: sender == 0 ? nil : sender)
            perform { $0.machine.handle(event) }
        }
    }

    private func perform(_ body: @Sendable (inout State) -> [RunMachine.Action]) {
        for action in state.withLock({ body(&$0) }) { perform(action) }
    }

    private func perform(_ action: RunMachine.Action) {
        switch action {
        case .forward(let number):
            if let pid = state.withLock({ $0.pid }) { kill(pid, number) }
        case .reap: reap()
        case .suspend(let number): suspend(number)
        case .resume: dismissKeeper()
        case .hurry: state.withLock { $0.hurry }?()
        case .exit(let status): _exit(status)
        case .finish(let status):
            let waiter = state.withLock { state in
                state.status = status
                return state.waiter
            }
            waiter?.resume(returning: status)
        }
    }

    private func reap() {
        guard let pid = state.withLock({ $0.pid }) else { return }
        var word: Int32 = 0
        guard waitpid(pid, &word, WNOHANG) == pid else { return }
        let signal = word & 0x7f
        let status = signal == 0 ? word >> 8 & 0xff : 128 + signal
        perform { state in
            state.pid = nil
            return state.machine.handle(.ended(status))
        }
    }

    // MARK: - Being stopped

    /// Stops this process; while it is, a second one sends the heartbeats.
    private func suspend(_ number: Int32) {
        let arguments = state.withLock { $0.keeperArguments }
        if let arguments, let own = Files.ownExecutable() {
            var pid: pid_t = 0
            let null = open("/dev/null", O_RDWR | O_CLOEXEC)
            let descriptors = [null, null, null]
            let environment = Environment.ofThisProcess().entries
            let code = withCStrings([own] + arguments) { argv in
                withCStrings(environment) { envp in
                    ferry_spawn(&pid, own, argv, envp, descriptors, 3)
                }
            }
            close(null)
            if code == 0 { state.withLock { $0.keeper = pid } }
        }
        ferry_stop_as(number)
    }

    private func dismissKeeper() {
        let keeper = state.withLock { state in
            defer { state.keeper = nil }
            return state.keeper
        }
        guard let keeper else { return }
        kill(keeper, SIGKILL)
        var status: Int32 = 0
        waitpid(keeper, &status, 0)
    }

    private static func spawn(
        _ executable: String,
        _ arguments: [String],
        _ environment: Environment,
        _ pid: inout pid_t
    ) -> Int32 {
        withCStrings(arguments) { argv in
            withCStrings(environment.entries) { envp in
                ferry_spawn_program(&pid, executable, argv, envp)
            }
        }
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
