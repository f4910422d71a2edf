internal import CUDAABI
internal import Driver
internal import Wire

// Questions about what needs no context, with at most one number as the answer.

extension ClientCalls {
    /// The current context's identifier; 0 without one.
    static func currentOrNone(_ state: UnsafeMutablePointer<SessionState>) -> UInt32 {
        Session.usableContext(state) ?? 0
    }

    /// Asks for one number.
    static func ask(
        _ state: UnsafeMutablePointer<SessionState>,
        _ opcode: Opcode,
        _ size: Int,
        _ answer: inout UInt64,
        _ encode: (UnsafeMutableRawPointer) -> Void
    ) -> CUresult {
        let lost = state.pointee.lostStatus
        guard lost == 0 else { return lost }
        return Session.wait(
            state,
            opcode,
            context: currentOrNone(state),
            size: size,
            replySize: ReplyLayout.values + 8,
            encode
        ) {
            answer = $0.loadUnaligned(fromByteOffset: ReplyLayout.values, as: UInt64.self)
        }
    }

    /// Asks for nothing but whether it was done.
    static func ask(
        _ state: UnsafeMutablePointer<SessionState>,
        _ opcode: Opcode,
        _ size: Int,
        _ encode: (UnsafeMutableRawPointer) -> Void
    ) -> CUresult {
        let lost = state.pointee.lostStatus
        guard lost == 0 else { return lost }
        return Session.wait(state, opcode, context: currentOrNone(state), size: size, encode)
    }
}
