internal import CLinux
internal import DriverFrontend
package import Wire

/// Descriptors of tensor maps that the server has made: what the driver makes of the same question in the
/// same context is the same. Libraries ask before each launch, and mostly about the same memory.
/// Of a bounded size; thread-safe.
package final class TensorMapCache: Sendable {
    private static let capacity = 512
    private static let stride = 8 + TensorMapLayout.size + TensorMapLayout.descriptorSize
    /// Entries of context, opcode, question and descriptor; nothing before the first question.
    private nonisolated(unsafe) var entries: UnsafeMutableRawPointer?
    private let lock = ForkSafeLock()

    /// No answers yet.
    package init() {}

    deinit { free(entries) }

    /// The descriptor that answers a question, if it is known.
    ///
    /// - Parameters:
    ///   - question: `TensorMapLayout.size` bytes.
    ///   - descriptor: Receives `TensorMapLayout.descriptorSize` bytes.
    /// - Returns: Whether it is known.
    package func answer(
        _ context: UInt32,
        _ opcode: Opcode,
        _ question: UnsafeRawPointer,
        _ descriptor: UnsafeMutableRawPointer
    ) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        guard let entries else { return false }
        let entry = entries + Self.place(context, question)
        guard entry.load(as: UInt32.self) == context + 1,
            entry.load(fromByteOffset: 4, as: UInt32.self) == UInt32(opcode.rawValue),
            memcmp(entry + 8, question, TensorMapLayout.size) == 0
        else { return false }
        memcpy(descriptor, entry + 8 + TensorMapLayout.size, TensorMapLayout.descriptorSize)
        return true
    }

    /// Notes an answer, in the place of an older one if need be.
    package func note(
        _ context: UInt32,
        _ opcode: Opcode,
        _ question: UnsafeRawPointer,
        _ descriptor: UnsafeRawPointer
    ) {
        lock.lock()
        defer { lock.unlock() }
        if entries == nil {
            guard let memory = calloc(Self.capacity, Self.stride) else { return }
            entries = memory
        }
        guard let entries else { return }
        let entry = entries + Self.place(context, question)
        entry.storeBytes(of: context + 1, as: UInt32.self)
        entry.storeBytes(of: UInt32(opcode.rawValue), toByteOffset: 4, as: UInt32.self)
        memcpy(entry + 8, question, TensorMapLayout.size)
        memcpy(entry + 8 + TensorMapLayout.size, descriptor, TensorMapLayout.descriptorSize)
    }

    /// Bytes from the first entry to the one of a question.
    private static func place(_ context: UInt32, _ question: UnsafeRawPointer) -> Int {
        var value = UInt64(context)
        for word in 0..<TensorMapLayout.size / 8 {
            value ^= question.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self)
            value = (value &* 0x9E37_79B9_7F4A_7C15) ^ value >> 29
        }
        return Int(truncatingIfNeeded: value % UInt64(capacity)) * stride
    }
}
