internal import CWorker

/// What a worker does when it is asked to end.
enum Ending {
    /// Milliseconds for what should not be lost: less than the daemon waits before it ends the worker
    /// itself (`WorkerSupervisor`).
    static let patience = 1500

    /// From now on SIGTERM lets images that were just loaded be stored before it ends the process: a
    /// program is often over right after its last load, and its next start would send that image again.
    static func prepare(_ keeper: ImageKeeper?) {
        guard let keeper, ferry_catch_termination() == 1 else { return }
        let isWatched = Thread.start {
            ferry_await_termination()
            keeper.finish(within: patience)
            ferry_terminate()
        }
        if !isWatched { ferry_leave_termination() }
    }
}
