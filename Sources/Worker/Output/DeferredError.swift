internal import Synchronization
internal import Wire

/// The first error of a call that had no reply, kept until a reply carries it (rule 2 of the data
/// plane: no error is ever lost). Thread-safe.
struct DeferredError: ~Copyable {
    private let word = Atomic<UInt32>(0)

    /// Remembers an error, if none is remembered yet, and logs it.
    func keep(_ status: Int32, of opcode: Opcode) {
        let value = UInt32(UInt16(truncatingIfNeeded: status)) << 16 | UInt32(opcode.rawValue)
        let (isFirst, _) = word.compareExchange(expected: 0, desired: value, ordering: .relaxed)
        guard isFirst else { return }
        WorkerLog.failure(opcode, status)
    }

    /// The error and the call that it comes from; zeros if there is none. Forgets it.
    func take() -> (status: UInt16, opcode: UInt16) {
        if word.load(ordering: .relaxed) == 0 { return (0, 0) }
        let value = word.exchange(0, ordering: .relaxed)
        return (UInt16(value >> 16), UInt16(truncatingIfNeeded: value))
    }
}
