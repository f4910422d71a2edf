internal import Driver
internal import DriverFrontend
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

/// The records of a copy to the GPU, one after the other; if it is synchronous, another thread's
/// calls must not wait with it (docs/adr/0015).
struct UploadTurn {
    let isSynchronous: Bool
    /// As it is on the wire.
    private let stream: UInt64
    private var waits = false
    private var told = Status.success
    private var isSettled = false
    private var last: UInt32 = 0

    /// A copy that has not begun.
    @inline(__always)
    init(isSynchronous: Bool, _ stream: UInt64) {
        self.isSynchronous = isSynchronous
        self.stream = stream
    }

    /// The next record is about to be written: takes the stream lock, when the worker has room for it.
    ///
    /// - Parameter bytes: Of data in the record.
    /// - Returns: Whether it must be that of an asynchronous copy.
    @inline(__always)
    mutating func begin(_ state: Settling.State, _ context: UInt32, _ bytes: Int) -> Bool {
        state.pointee.streamLock.lock()
        var isLater = isLater(state, context)
        let taken = Staging.taken(by: bytes)
        // Synchronous copies go straight from the receiver's buffer.
        while isLater, _slowPath(!state.pointee.credit.take(stream, taken)) {
            let isAnswered = Session.awaitStaging(state, context: context, stream: stream, &told)
            isLater = self.isLater(state, context)
            if !isAnswered { break }
        }
        return isLater
    }

    private mutating func isLater(_ state: Settling.State, _ context: UInt32) -> Bool {
        guard isSynchronous, ContextStack.areThreadsSeveral else { return !isSynchronous }
        isSettled = Settling.isKnown(state, context)
        // The copy takes its turn in the default stream, and this thread waits for it.
        if !isSettled { waits = true }
        return waits
    }

    /// The record is written; the stream lock is still held.
    @inline(__always)
    mutating func commit(_ state: Settling.State, _ context: UInt32) {
        guard isSynchronous else { return }
        last = state.pointee.sequence
        if isSettled { Settling.note(state, context, last) }
    }

    /// All records are written.
    ///
    /// - Returns: The copy's status.
    @inline(__always)
    func end(_ state: Settling.State, _ context: UInt32) -> Int32 {
        var status = Status.success
        if waits {
            status = wait(state, context)
        } else {
            Flusher.request(state)
            status = state.pointee.lostStatus
        }
        return told != Status.success ? told : status
    }

    private func wait(_ state: Settling.State, _ context: UInt32) -> Int32 {
        let status = Session.synchronize(state, context: context, stream: 0)
        // The copy came behind everything that a copy waits for, so there is nothing left, unless
        // somebody's record came between it and the wait: then this is not the last one's number.
        if status == Status.success { Settling.note(state, context, last &+ 1) }
        return status
    }
}
