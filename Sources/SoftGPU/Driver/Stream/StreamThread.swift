internal import CLinux

/// Threads of the software GPU: detached, with all signals of the program blocked, so that its
/// handlers run on its own threads.
enum StreamThread {
    /// Starts a thread; false when the system refuses.
    static func start(name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, 8 << 20)
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        // Faults of the thread itself must reach whoever handles them.
        for signal in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP] { sigdelset(&all, signal) }
        pthread_sigmask(SIG_BLOCK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let box = Unmanaged.passRetained(Box(name: name, body: body))
        var thread = pthread_t()
        let result = pthread_create(&thread, &attributes, run, box.toOpaque())
        if result != 0 { box.release() }
        return result == 0
    }

    /// A number that no other live thread has.
    static var current: UInt64 { ferry_pthread_self() }

    fileprivate final class Box {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}

private func run(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let box = Unmanaged<StreamThread.Box>.fromOpaque(argument).takeRetainedValue()
    _ = pthread_setname_np(pthread_self(), box.name)
    box.body()
    return nil
}
