internal import CLinux
internal import Wire

/// The body of a reply of unknown length: logs, then kernels.
struct ReplyBuilder: ~Copyable {
    private var buffer = Buffer()
    private var endOfLogs = 0

    init() {}

    /// The body, from `ReplyLayout.status` on; the status itself is written later.
    var bytes: UnsafeRawBufferPointer { buffer.bytes }

    /// Writes two logs from `start` on, and their lengths at `offset`.
    mutating func logs(
        at offset: Int,
        from start: Int,
        information: UnsafeRawBufferPointer,
        error: UnsafeRawBufferPointer
    ) {
        _ = buffer.extend(start)
        store(UInt32(information.count), at: offset)
        store(UInt32(error.count), at: offset + 4)
        for text in [information, error] {
            let room = buffer.extend(WireFormat.padded(text.count))
            if let base = text.baseAddress { memcpy(room, base, text.count) }
        }
        endOfLogs = buffer.count
    }

    /// Adds `size` zeroed bytes and says where they start; valid until the next call.
    mutating func extend(_ size: Int) -> UnsafeMutableRawPointer { buffer.extend(size) }

    func store<T: BitwiseCopyable>(_ value: T, at offset: Int) {
        buffer.base.storeBytes(of: value, toByteOffset: offset, as: T.self)
    }

    /// Takes everything behind the logs back.
    mutating func dropKernels() {
        buffer.truncate(endOfLogs)
        store(UInt32(0), at: LoadReplyLayout.kernelCount)
    }

    /// Copies all but the status and the deferred error.
    func copyValues(to body: UnsafeMutableRawPointer) {
        guard buffer.count > ReplyLayout.values else { return }
        let count = buffer.count - ReplyLayout.values
        memcpy(body + ReplyLayout.values, buffer.base + ReplyLayout.values, count)
    }
}
