internal import CLinux
internal import DriverFrontend
internal import Synchronization
internal import Wire

/// Sends what was written once the program has been quiet for a moment.
///
/// The only thread that the client library starts for its commands, and only when a call was made
/// that has no reply. While the program makes calls it looks after the stream by itself, every 60 µs
/// or so, and nobody has to tell it; when nothing was written for a while it sleeps until it is
/// woken. It also takes in what nobody waits for (`Collecting`).
enum Flusher {
    typealias State = UnsafeMutablePointer<SessionState>

    /// When this many bytes wait, they leave before that time is over.
    fileprivate static let enough = 16 << 10

    /// Values of the session's word, which the thread sleeps on.
    fileprivate enum Word {
        static let asleep: UInt32 = 0
        /// It was woken, and has not come to a processor yet.
        static let woken: UInt32 = 1
        /// It looks after the stream by itself.
        static let awake: UInt32 = 2
    }
    /// Looks at a stream in which nothing new was, before it sleeps.
    fileprivate static let patience = 20

    /// Sees to it that what was written leaves soon. Called after the stream lock was given back,
    /// which also orders the two stores and loads between this thread and the flusher.
    @inline(__always)
    static func request(_ state: State) {
        let word = state.pointee.flusher.load(ordering: .relaxed)
        if _fastPath(word == Word.awake) { return }
        // Many calls may come before it runs.
        if word == Word.woken, state.pointee.outgoing.waiting < enough { return }
        wake(state)
    }

    @inline(never)
    private static func wake(_ state: State) {
        let (isMine, word) = state.pointee.flusher.compareExchange(
            expected: Word.asleep,
            desired: Word.woken,
            ordering: .acquiringAndReleasing
        )
        guard isMine else {
            // The system may let it wait for some milliseconds on the very processor that this thread runs
            // on, while another one is idle.
            if word == Word.woken { CommandStream.send(state) }
            return
        }
        if state.pointee.hasFlusher.load(ordering: .acquiring) { return signal(state) }
        if start(state) {
            state.pointee.hasFlusher.store(true, ordering: .releasing)
        } else {
            // Without a thread nothing may be left waiting.
            state.pointee.flusher.store(Word.asleep, ordering: .releasing)
            CommandStream.send(state)
        }
    }

    private static func signal(_ state: State) {
        withUnsafePointer(to: state.pointee.flusher) { word in
            _ = ferry_futex(UnsafeMutableRawPointer(mutating: word), 129, 1, nil)
        }
    }

    /// Lets the thread end after the connection was lost.
    static func stop(_ state: State) {
        state.pointee.flusher.store(Word.woken, ordering: .releasing)
        signal(state)
    }

    private static func start(_ state: State) -> Bool {
        LibraryThread.start({ flusherMain($0) }, UnsafeMutableRawPointer(state))
    }
}

/// The flusher's thread: for the life of the process.
private func flusherMain(_ argument: UnsafeMutableRawPointer?) {
    guard let argument else { return }
    let state = argument.assumingMemoryBound(to: SessionState.self)
    // Sleeps would otherwise last 50 µs longer than asked for.
    ferry_sleep_exactly()
    let hasManyProcessors = ferry_processors() >= 4
    while state.pointee.lostStatus == 0 {
        sleepUntilWoken(state)
        state.pointee.flusher.store(Flusher.Word.awake, ordering: .relaxed)
        var idle = 0
        var quiet = QuietTime(now: ferry_now_ns(), roundTrips: roundTrips(state))
        while idle < Flusher.patience, state.pointee.lostStatus == 0 {
            if idle > 0 { Collecting.look(state) }
            if hasManyProcessors {
                watch(state)
            } else {
                let now = ferry_now_ns()
                pause(quiet.next(now: now, roundTrips: roundTrips(state), isIdle: idle > 0))
            }
            idle = state.pointee.outgoing.hasNews ? 0 : idle + 1
            if idle == 0 { CommandStream.send(state) }
        }
        state.pointee.flusher.store(Flusher.Word.asleep, ordering: .sequentiallyConsistent)
        // A call that came before this store has not woken anybody.
        if state.pointee.outgoing.hasNews { Flusher.request(state) }
    }
}

/// Sleeps until there is something to send; looks meanwhile for bytes of copies, if there are any to come.
private func sleepUntilWoken(_ state: UnsafeMutablePointer<SessionState>) {
    while state.pointee.flusher.load(ordering: .acquiring) == Flusher.Word.asleep {
        Collecting.look(state)
        var pause = timespec(tv_sec: 0, tv_nsec: Collecting.pause)
        let isDue = Collecting.isDue(state)
        withUnsafePointer(to: state.pointee.flusher) { word in
            let word = UnsafeMutableRawPointer(mutating: word)
            if isDue {
                _ = withUnsafePointer(to: &pause) { ferry_futex(word, 128, 0, $0) }
            } else {
                _ = ferry_futex(word, 128, 0, nil)
            }
        }
    }
}

private func roundTrips(_ state: UnsafeMutablePointer<SessionState>) -> UInt64 {
    state.pointee.counters.roundTrips.load(ordering: .relaxed)
}

private func pause(_ nanoseconds: UInt64) {
    var time = timespec(tv_sec: 0, tv_nsec: Int(nanoseconds))
    nanosleep(&time, nil)
}

/// Waits for the quiet time, or until much was written in a row. Only while the program writes: in a
/// quiet moment it sleeps like `pause`.
private func watch(_ state: UnsafeMutablePointer<SessionState>) {
    guard state.pointee.outgoing.waiting > 0 else { return pause(QuietTime.shortest) }
    let end = ferry_now_ns() &+ QuietTime.shortest
    while state.pointee.outgoing.waiting < Flusher.enough, ferry_now_ns() < end {
        ferry_pause_cpu()
    }
}
