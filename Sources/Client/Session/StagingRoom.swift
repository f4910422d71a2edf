internal import Driver
internal import DriverFrontend
internal import Wire

// Room in the worker's staging memory, which the client sees to (docs/adr/0016).
extension Session {
    /// Waits until the worker has room for more copies of a stream. No other thread waits with this one.
    ///
    /// Called with the stream lock held, and returns with it held; meanwhile it is free.
    ///
    /// - Parameter stream: The handle as it is on the wire.
    /// - Parameter status: Becomes that of an earlier call, if one is told meanwhile.
    /// - Returns: Whether the worker has answered; if not, it will refuse the copies, too.
    @inline(never)
    static func awaitStaging(
        _ state: UnsafeMutablePointer<SessionState>,
        context: UInt32,
        stream: UInt64,
        _ status: inout Int32
    ) -> Bool {
        state.pointee.streamLock.unlock()
        defer { state.pointee.streamLock.lock() }
        var question = StagingCredit().question(stream)
        var answer: (group: UInt64, shared: UInt64)?
        let told = wait(
            state,
            .stagingRoom,
            context: context,
            size: StagingRoomLayout.size,
            replySize: StagingRoomLayout.replySize
        ) { body in
            question = state.pointee.credit.question(stream)
            body.storeBytes(of: stream, as: UInt64.self)
            // Half of it, so that there is one question for many copies.
            let (group, shared) = (UInt64(Staging.perGroup / 2), UInt64(Staging.shared / 2))
            body.storeBytes(of: group, toByteOffset: StagingRoomLayout.group, as: UInt64.self)
            body.storeBytes(of: shared, toByteOffset: StagingRoomLayout.shared, as: UInt64.self)
        } reply: { body in
            answer = (
                body.loadUnaligned(fromByteOffset: StagingRoomLayout.groupInUse, as: UInt64.self),
                body.loadUnaligned(fromByteOffset: StagingRoomLayout.sharedInUse, as: UInt64.self)
            )
        }
        if told != Status.success { status = told }
        guard let answer else { return false }
        let isPossible = state.pointee.streamLock.withLock {
            state.pointee.credit.answer(question, group: answer.group, shared: answer.shared)
        }
        if !isPossible {
            Log.error("the server's account of its memory is wrong")
            Replies.loseConnection(state)
        }
        return isPossible
    }

    /// Takes the stream lock for a record that takes staging memory, when there is room for it.
    ///
    /// - Parameters:
    ///   - bytes: What the record will take, `Staging.taken(by:)`.
    ///   - status: Becomes that of an earlier call, if one is told meanwhile.
    @inline(__always)
    static func lockWithRoom(
        _ state: UnsafeMutablePointer<SessionState>,
        context: UInt32,
        stream: UInt64,
        bytes: Int,
        _ status: inout Int32
    ) {
        state.pointee.streamLock.lock()
        while _slowPath(!state.pointee.credit.take(stream, bytes)) {
            guard awaitStaging(state, context: context, stream: stream, &status) else { return }
        }
    }
}
