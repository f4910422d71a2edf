internal import CLinux
internal import Driver

/// How a call's copy meets the host: the rules of "API synchronization behavior" in the driver's
/// manual.
enum CopyMode {
    /// The call returns when the copy is done; device-to-device copies need not be.
    case synchronous
    /// The copy is in order with the stream; the call returns as soon as the host's memory allows.
    case asynchronous
}

extension Context {
    /// Larger copies from pageable memory wait for their turn instead of being set aside.
    private static let stagingLimit = 64 << 10

    /// Copies `bytes` bytes in a stream.
    func copy(
        _ bytes: Int,
        from source: CopyOperand,
        to target: CopyOperand,
        in stream: Stream,
        _ mode: CopyMode
    ) throws(Failure) {
        guard bytes > 0 else { return try check() }
        let (from, to) = (source.pointer, target.pointer)
        let usesPageable = source.kind == .pageable || target.kind == .pageable
        if mode == .asynchronous, source.kind == .pageable, target.kind != .pageable,
            bytes <= Self.stagingLimit
        {
            return try copyStaged(bytes, from: from, to: to, in: stream)
        }
        let touchesHost = usesPageable || source.kind == .pinned || target.kind == .pinned
        if usesPageable || (mode == .synchronous && touchesHost) {
            try perform(in: stream) {
                memmove(to, from, bytes)
                return Status.success
            }
            if mode == .synchronous { output.flush() }
            return
        }
        try submit(to: stream, isShort: bytes <= Self.stagingLimit) {
            memmove(to, from, bytes)
            return Status.success
        }
    }

    /// Copies from memory that the program may change as soon as the call returns.
    private func copyStaged(
        _ bytes: Int,
        from: UnsafeMutableRawPointer,
        to: UnsafeMutableRawPointer,
        in stream: Stream
    ) throws(Failure) {
        let staged = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 16)
        memcpy(staged, from, bytes)
        let holder = StagedBytes(staged)
        try submit(to: stream, isShort: true) {
            memcpy(to, holder.pointer, bytes)
            return Status.success
        }
    }
}

/// Bytes that are freed with the last piece of work that needs them, done or not.
private final class StagedBytes: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer

    init(_ pointer: UnsafeMutableRawPointer) { self.pointer = pointer }

    deinit { pointer.deallocate() }
}
