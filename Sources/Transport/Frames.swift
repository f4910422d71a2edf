package import Wire

extension Channel {
    /// Sends a frame without data. Safe beside other threads only if they do not send.
    package func sendAll(_ frame: BulkFrame) throws(SocketError) {
        var bytes: InlineArray<32, UInt8> = .init(repeating: 0)
        try withUnsafeMutableBytes(of: &bytes) { (bytes) throws(SocketError) in
            guard let base = bytes.baseAddress else { return }
            frame.write(to: base)
            try sendAll(UnsafeRawBufferPointer(bytes))
        }
    }
}
