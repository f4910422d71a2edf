/// Text from outside on its way into a log.
enum LogText {
    /// Without control characters, which could forge lines or steer a terminal.
    static func clean(_ text: some StringProtocol) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) ? " " : scalar
                }
            )
        )
    }
}

/// Cuts a stream of bytes into lines of bounded length.
struct LineSplitter {
    /// Longer lines are cut into pieces of this many bytes.
    static let longest = 4096
    private var partial: [UInt8] = []

    /// The lines that these bytes complete.
    mutating func add(_ bytes: some Sequence<UInt8>) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == 0x0a {
                lines += finish()
            } else {
                partial.append(byte)
                if partial.count == Self.longest { lines += finish() }
            }
        }
        return lines
    }

    /// What is left when the stream ends, as a line; nothing when it is empty.
    mutating func finish() -> [String] {
        guard !partial.isEmpty else { return [] }
        defer { partial.removeAll(keepingCapacity: true) }
        return [LogText.clean(String(decoding: partial, as: UTF8.self))]
    }
}
