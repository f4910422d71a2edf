internal import CLinux
internal import DriverFrontend
internal import Synchronization

/// Sends what waits in the command buffer once the program has been quiet for a moment.
///
/// The only thread that the client library ever starts, and only when a call was made that has no
/// reply. It sleeps until it is asked, waits some 60 µs, and sends if nobody else has.
enum Flusher {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Nanoseconds between the first record in an empty buffer and its leaving; the best value in
    /// facts/performance.md §3.5 is 50–100 µs.
    fileprivate static let quietTime = 50_000

    /// Asks for a flush soon. Called with the stream lock held.
    @inline(__always)
    static func request(_ state: State) {
        if state.pointee.flushRequested.load(ordering: .relaxed) != 0 { return }
        wake(state)
    }

    @inline(never)
    private static func wake(_ state: State) {
        state.pointee.flushRequested.store(1, ordering: .releasing)
        if state.pointee.hasFlusher { return signal(state) }
        state.pointee.hasFlusher = start(state)
        if !state.pointee.hasFlusher {
            // Without a thread nothing may be left waiting.
            state.pointee.flushRequested.store(0, ordering: .releasing)
            CommandStream.flush(state)
        }
    }

    private static func signal(_ state: State) {
        withUnsafePointer(to: state.pointee.flushRequested) { word in
            _ = ferry_futex(UnsafeMutableRawPointer(mutating: word), 129, 1, nil)
        }
    }

    /// Lets the thread end after the connection was lost.
    static func stop(_ state: State) {
        state.pointee.flushRequested.store(1, ordering: .releasing)
        signal(state)
    }

    private static func start(_ state: State) -> Bool {
        // Signals of the program are for its own threads.
        var all = sigset_t()
        var old = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &old)
        defer { pthread_sigmask(SIG_SETMASK, &old, nil) }
        return ferry_start_thread({ flusherMain($0) }, UnsafeMutableRawPointer(state)) == 0
    }
}

/// The flusher's thread: for the life of the process.
private func flusherMain(_ argument: UnsafeMutableRawPointer?) {
    guard let argument else { return }
    let state = argument.assumingMemoryBound(to: SessionState.self)
    while state.pointee.lostStatus == 0 {
        while state.pointee.flushRequested.load(ordering: .acquiring) == 0 {
            withUnsafePointer(to: state.pointee.flushRequested) { word in
                _ = ferry_futex(UnsafeMutableRawPointer(mutating: word), 128, 0, nil)
            }
        }
        var pause = timespec(tv_sec: 0, tv_nsec: Flusher.quietTime)
        nanosleep(&pause, nil)
        state.pointee.streamLock.lock()
        state.pointee.flushRequested.store(0, ordering: .releasing)
        CommandStream.flush(state)
        state.pointee.streamLock.unlock()
    }
}
