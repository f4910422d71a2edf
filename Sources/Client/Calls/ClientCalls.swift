internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend

/// The driver API as the program calls it: one function for each exported symbol that is not a
/// plain alias. The exports in CUDAShim are generated and call these; files are grouped by noun.
///
/// All functions may be called from any thread and return a CUresult.
package enum ClientCalls {
    /// What an entry point returns that Ferry does not carry; docs/coverage.md lists them.
    package static func notSupported(_ name: StaticString) -> CUresult {
        guard Session.state != nil, ferry_forked() == 0 else { return Status.notInitialized }
        Log.notSupported(name)
        return Status.notSupported
    }

    /// Stream 0 of the per-thread variants means the thread's own default stream.
    @inline(__always)
    package static func perThread(_ stream: CUstream?) -> CUstream? {
        stream ?? OpaquePointer(bitPattern: 2)
    }

    /// Runs `body` with the session, or returns why there is none. For calls that need no context.
    @inline(__always)
    static func withSession(
        _ body: (UnsafeMutablePointer<SessionState>) -> CUresult
    ) -> CUresult {
        guard let state = Session.state, ferry_forked() == 0 else { return Status.notInitialized }
        guard ferry_called_back() == 0 else { return Status.notPermitted }
        return body(state)
    }

    /// The same for calls that need a current context that works.
    ///
    /// - Parameters:
    ///   - owner: The stream or event that the call is about. These know their context, and a thread that has none
    ///     current works in theirs: CatBoost's threads ask for events so.
    ///   - givesWork: `false` for calls that neither let the GPU use memory nor wait for it: what the program has in
    ///     managed memory stays with it.
    @inline(__always)
    static func withContext(
        of owner: ContextOwner? = nil,
        givesWork: Bool = true,
        _ body: (UnsafeMutablePointer<SessionState>, UInt32) -> CUresult
    ) -> CUresult {
        var failure: Int32 = 0
        var context: UInt32 = 0
        guard let state = Session.readyInContext(&failure, &context, givesWork: givesWork) else {
            guard let owner, failure == Status.invalidContext else { return failure }
            return owner.borrowed { withContext(givesWork: givesWork, body) }
        }
        return body(state, context)
    }

    /// The same for calls that captures concern and that are made often: while there is no capture, it costs
    /// them nothing.
    ///
    /// - Parameter otherwise: Runs while streams are captured; `nil` when the call is made as ever.
    @inline(__always)
    static func withContext(
        of stream: UInt64 = 0,
        unlessCaptured otherwise: (UnsafeMutablePointer<SessionState>, UInt32) -> CUresult?,
        _ body: (UnsafeMutablePointer<SessionState>, UInt32) -> CUresult
    ) -> CUresult {
        guard let state = Session.live,
            let context = state.pointee.contexts.unwatched(ContextStack.current)
        else { return withWatchedContext(stream, otherwise, body) }
        return body(state, context)
    }

    @inline(never)
    private static func withWatchedContext(
        _ stream: UInt64,
        _ otherwise: (UnsafeMutablePointer<SessionState>, UInt32) -> CUresult?,
        _ body: (UnsafeMutablePointer<SessionState>, UInt32) -> CUresult
    ) -> CUresult {
        withContext(of: .stream(stream)) { state, context in
            otherwise(state, context) ?? body(state, context)
        }
    }

    /// The same for calls about a device.
    static func withDevice(
        _ device: CUdevice,
        _ body: (UnsafeMutablePointer<SessionState>) -> CUresult
    ) -> CUresult {
        withSession { state in
            guard state.pointee.devices.contains(device) else { return Status.invalidDevice }
            return body(state)
        }
    }
}
