internal import Driver
internal import DriverFrontend

/// A stream or an event, which belongs to a context.
enum ContextOwner {
    /// A stream's handle; the default streams are those of the current context and belong to none.
    case stream(UInt64)
    /// An event's handle.
    case event(UInt64)

    private func context(_ state: UnsafeMutablePointer<SessionState>) -> UInt64? {
        switch self {
        case .stream(let handle):
            guard handle > 2 else { return nil }
            return state.pointee.streams.find(handle)?.pointee.context
        case .event(let handle):
            return state.pointee.events.find(handle)?.pointee.context
        }
    }

    /// Makes a call of a thread that has no current context in the owner's.
    ///
    /// - Returns: What the call returns; an invalid context when the owner has none, either.
    @inline(never)
    func borrowed(_ call: () -> Int32) -> Int32 {
        guard ContextStack.current == 0, let state = Session.live, let context = context(state)
        else { return Status.invalidContext }
        let status = ContextStack.push(context)
        guard status == Status.success else { return status }
        defer { _ = ContextStack.pop() }
        return call()
    }
}
