internal import CLinux
internal import Driver
internal import DriverFrontend
internal import Wire

/// The default stream that each thread has of its own in each context (CU_STREAM_PER_THREAD).
///
/// On the server all calls come from one thread, so the client makes a real stream for each thread
/// that uses one. It is remembered in thread-local storage, for up to eight contexts a thread.
enum PerThreadStream {
    private static let slots = 8

    /// The calling thread's stream in the current context; `nil` when it cannot be made.
    static func current(_ state: UnsafeMutablePointer<SessionState>) -> UInt64? {
        let context = ContextStack.current
        guard let streams = ferry_thread_streams(), state.pointee.contexts.find(context) != nil
        else { return nil }
        var free: Int?
        for slot in 0..<slots {
            if let entry = state.pointee.streams.find(streams[slot]) {
                if entry.pointee.context == context { return streams[slot] }
            } else if free == nil {
                free = slot
            }
        }
        guard let free, let identifier = state.pointee.contexts.identifier(context),
            let handle = Streams.create(state, identifier, context, flags: 0, priority: 0)
        else { return nil }
        streams[free] = handle
        return handle
    }
}

/// Making and forgetting streams.
enum Streams {
    /// Makes a stream and tells the server.
    ///
    /// - Parameters:
    ///   - identifier: Its context on the wire.
    ///   - context: The context's handle.
    static func create(
        _ state: UnsafeMutablePointer<SessionState>,
        _ identifier: UInt32,
        _ context: UInt64,
        flags: UInt32,
        priority: Int32
    ) -> UInt64? {
        state.pointee.objectLock.lock()
        let entry = StreamEntry(
            context: context,
            flags: flags,
            priority: priority,
            identifier: nextIdentifier
        )
        nextIdentifier += 1
        let handle = state.pointee.streams.insert(entry)
        state.pointee.objectLock.unlock()
        guard let handle else { return nil }
        let size = Request_cuStreamCreateWithPriority.size
        let opcode = Opcode.cuStreamCreateWithPriority
        let status = Session.send(state, opcode, context: identifier, size: size) { body in
            Request_cuStreamCreateWithPriority.encode(
                to: body,
                stream: handle,
                flags: flags,
                priority: priority
            )
        }
        return status == 0 ? handle : nil
    }

    /// Numbers for `cuStreamGetId`; guarded by the object lock. 0–2 are the default streams.
    nonisolated(unsafe) private static var nextIdentifier: UInt64 = 3
}
