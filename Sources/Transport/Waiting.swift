internal import CLinux

extension Channel {
    /// Receives exactly as many bytes as fit, looking again as long as the policy says before it
    /// sleeps.
    ///
    /// - Parameter timeout: Milliseconds that may pass asleep between two arrivals; -1 waits for ever.
    package func receiveAll(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ policy: inout SpinPolicy,
        timeout: Int32
    ) throws(SocketError) {
        guard let base = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            switch receive(base + done, bytes.count - done) {
            case .bytes(let count):
                done += count
                policy.reset()
            case .wouldBlock:
                if policy.spin() { continue }
                guard try wait(for: POLLIN, timeout: timeout) != 0 else {
                    throw SocketError(ETIMEDOUT, .receive)
                }
            case .closed: throw SocketError(0, .receive)
            case .failed(let number): throw SocketError(number, .receive)
            }
        }
    }
}
