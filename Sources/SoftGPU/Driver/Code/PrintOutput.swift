internal import CLinux

/// Text that kernels have printed and the program has not yet seen.
///
/// It appears on the standard output, and messages of failed assertions on the standard error,
/// when the program synchronises, as with the real driver. When more than a buffer's worth has
/// gathered it appears earlier; none is lost. Safe to use from any thread.
final class PrintOutput: DeviceOutput, @unchecked Sendable {
    private let lock = Lock()
    private var bytes: [UInt8] = []
    private var errors: [UInt8] = []
    private static let limit = 1 << 20

    func write(_ text: [UInt8]) {
        lock.withLock {
            bytes.append(contentsOf: text)
            if bytes.count >= Self.limit { show() }
        }
    }

    func writeError(_ text: [UInt8]) {
        lock.withLock {
            errors.append(contentsOf: text)
            if errors.count >= Self.limit { show() }
        }
    }

    /// Writes everything to where it belongs.
    func flush() {
        lock.withLock { show() }
    }

    private func show() {
        if !bytes.isEmpty {
            _ = bytes.withUnsafeBytes { ferry_write_stdout($0.baseAddress, $0.count) }
            bytes.removeAll(keepingCapacity: bytes.capacity <= 65_536)
        }
        if !errors.isEmpty {
            _ = errors.withUnsafeBytes { CLinux.write(2, $0.baseAddress, $0.count) }
            errors.removeAll(keepingCapacity: false)
        }
    }
}
