internal import Wire

/// The room in staging memory that a client waits for.
struct StagingRoom: Sendable {
    var pool: StagingPool
    var group: Int
    /// Bytes that the group may have left in use.
    var mostInGroup: UInt64
    /// Bytes that all may have left in use.
    var mostShared: UInt64

    /// Bytes in use: by the group, and by all.
    var inUse: (group: Int, shared: Int) { pool.use.of(group) }

    /// Takes back what has ended. The pool's context is current.
    ///
    /// - Returns: Whether there is room now.
    func look() -> Bool {
        pool.reap()
        let now = inUse
        return now.group <= Int(clamping: mostInGroup) || now.shared <= Int(clamping: mostShared)
    }
}
