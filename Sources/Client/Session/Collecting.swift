internal import Synchronization
internal import Wire

/// Bytes of asynchronous copies, taken in while no thread of the program waits for a reply.
///
/// Without it they would lie at the server until the next call that waits, the program would wait longer
/// there, and one that only looks into its memory would wait for ever. The flusher's thread does it, when it has nothing
/// to send; a thread that waits for a reply always comes first.
enum Collecting {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Nanoseconds between two looks, while nothing has come.
    static let pause = 1_000_000

    /// Whether bytes are to come.
    static func isDue(_ state: State) -> Bool {
        state.pointee.pendingCopies.load(ordering: .acquiring) > 0 && state.pointee.lostStatus == 0
    }

    /// Takes in what is there. Never waits.
    static func look(_ state: State) {
        guard isDue(state), Replies.becomeReader(state) else { return }
        Replies.takeIn(state)
    }
}
