import CLinux

/// Threads that help with launches. A helper that has not begun when the work is done is not waited
/// for.
final class HelperPool: @unchecked Sendable {
    private struct Job {
        let group: HelperGroup
        let index: Int
    }

    private let lock = Lock()
    private let wake = Condition()
    private let ended = Condition()
    private var jobs: [Job] = []
    private var isShuttingDown = false
    private var running = 0
    private let threads: Int
    private var hasStarted = false

    init(threads: Int) { self.threads = threads }

    /// Asks `count` helpers to call `body` with 0, 1, …; returns at once.
    func start(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) -> HelperGroup {
        let group = HelperGroup(pool: self, body: body)
        lock.withLock {
            if !hasStarted { startThreads() }
            for k in 0..<min(count, threads) { jobs.append(Job(group: group, index: k)) }
        }
        for _ in 0..<min(count, threads) { wake.signal() }
        return group
    }

    /// Takes back what no helper has begun of a group, and waits for what has been begun.
    fileprivate func finish(_ group: HelperGroup) {
        lock.withLock {
            jobs.removeAll { $0.group === group }
            while group.active > 0 { group.done.wait(lock) }
        }
    }

    /// Ends the threads; call when no work is left.
    func shutDown() {
        lock.withLock {
            isShuttingDown = true
            wake.broadcast()
            while running > 0 { ended.wait(lock) }
        }
    }

    private func startThreads() {
        hasStarted = true
        // The program's signals are for its own threads.
        var all = sigset_t()
        var old = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &old)
        defer { pthread_sigmask(SIG_SETMASK, &old, nil) }
        for _ in 0..<threads {
            var attributes = pthread_attr_t()
            pthread_attr_init(&attributes)
            pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
            pthread_attr_setstacksize(&attributes, 1 << 20)
            var thread = pthread_t()
            let context = Unmanaged.passRetained(self).toOpaque()
            let result = pthread_create(&thread, &attributes, helperThread, context)
            if result == 0 {
                running += 1
            } else {
                Unmanaged<HelperPool>.fromOpaque(context).release()
            }
            pthread_attr_destroy(&attributes)
        }
    }

    fileprivate func loop() {
        while true {
            let job = lock.withLock { () -> Job? in
                while jobs.isEmpty, !isShuttingDown { wake.wait(lock) }
                guard !jobs.isEmpty else {
                    running -= 1
                    ended.broadcast()
                    return nil
                }
                let job = jobs.removeFirst()
                job.group.active += 1
                return job
            }
            guard let job else { return }
            job.group.body(job.index)
            lock.withLock {
                job.group.active -= 1
                if job.group.active == 0 { job.group.done.broadcast() }
            }
        }
    }
}

/// The helpers of one launch.
final class HelperGroup: @unchecked Sendable {
    private let pool: HelperPool
    fileprivate let body: @Sendable (Int) -> Void
    /// Helpers at work; guarded by the pool's lock.
    fileprivate var active = 0
    fileprivate let done = Condition()

    fileprivate init(pool: HelperPool, body: @escaping @Sendable (Int) -> Void) {
        self.pool = pool
        self.body = body
    }

    /// Waits until no helper works for this group any more.
    func finish() { pool.finish(self) }
}

private func helperThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    Unmanaged<HelperPool>.fromOpaque(context).takeRetainedValue().loop()
    return nil
}
