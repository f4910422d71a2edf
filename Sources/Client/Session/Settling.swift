internal import Driver
internal import Synchronization
internal import Wire

/// What is known of whether a context's default stream has work left. A synchronous copy to the GPU
/// waits for that work, and where the worker would wait, other threads' calls would wait with it.
enum Settling {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Whether a context's default stream has nothing left to do. Called with the stream lock held.
    @inline(__always)
    static func isKnown(_ state: State, _ context: UInt32) -> Bool {
        let now = word(context, state.pointee.sequence)
        return state.pointee.settled.load(ordering: .relaxed) == now
    }

    /// The default stream of a context had no work left when this record was executed.
    @inline(__always)
    static func note(_ state: State, _ context: UInt32, _ sequence: UInt32) {
        state.pointee.settled.store(word(context, sequence), ordering: .relaxed)
    }

    /// Whether a call that succeeds has waited for everything that a copy would wait for: the default
    /// stream and those that it waits for itself, which `cuStreamSynchronize` need not.
    @inline(__always)
    static func isDone(by opcode: Opcode) -> Bool {
        switch opcode {
        case .cuCtxSynchronize, .cuCtxSynchronize_v2, .cuMemcpyDtoH_v2: true
        default: false
        }
    }

    @inline(__always)
    private static func word(_ context: UInt32, _ sequence: UInt32) -> UInt64 {
        UInt64(context) << 32 | UInt64(sequence)
    }
}
