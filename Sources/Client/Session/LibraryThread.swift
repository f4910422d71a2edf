internal import CLinux

/// Threads of the client library in the program's process; each for the life of the process.
enum LibraryThread {
    /// Starts a thread that takes none of the program's signals.
    ///
    /// - Returns: Whether the system had a thread to give.
    static func start(
        _ main: @convention(c) (UnsafeMutableRawPointer?) -> Void,
        _ argument: UnsafeMutableRawPointer
    ) -> Bool {
        // Signals of the program are for its own threads.
        var all = sigset_t()
        var old = sigset_t()
        sigfillset(&all)
        // But for those of its own instructions: some run functions of the program (docs/adr/0022).
        for signal in [SIGSEGV, SIGBUS, SIGSYS, SIGILL, SIGFPE] { sigdelset(&all, signal) }
        pthread_sigmask(SIG_SETMASK, &all, &old)
        defer { pthread_sigmask(SIG_SETMASK, &old, nil) }
        return ferry_start_thread(main, argument) == 0
    }
}
