internal import Wire

/// Reads a file of counts that a client library has left (docs/formats/statistics.md).
///
/// The program could have written anything there, so nothing in it is trusted.
package enum StatisticsFile {
    /// - Returns: what was counted, or nil when this is no such file.
    package static func read(_ bytes: [UInt8]) -> ProcessStatistics? {
        bytes.withUnsafeBytes { read($0) }
    }

    private static func read(_ bytes: UnsafeRawBufferPointer) -> ProcessStatistics? {
        guard bytes.count >= StatisticsLayout.headerSize,
            text(bytes, 0, 8) == "\(StatisticsLayout.magic)"
        else { return nil }
        let promised = number(bytes, StatisticsLayout.rowCount, as: UInt32.self)
        let present = (bytes.count - StatisticsLayout.headerSize) / StatisticsLayout.rowSize
        var total = CallStatistics(name: "total")
        var rows: [Int: CallStatistics] = [:]
        for index in 0..<min(Int(promised), present) {
            let offset = StatisticsLayout.row(index)
            guard let row = row(bytes, offset) else { continue }
            rows[index] = row
            total.add(row)
        }
        return ProcessStatistics(
            process: number(bytes, StatisticsLayout.process, as: UInt32.self),
            program: text(bytes, StatisticsLayout.program, 32),
            total: total,
            rows: rows
        )
    }

    private static func row(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> CallStatistics? {
        let name = text(bytes, offset, StatisticsLayout.nameSize)
        guard !name.isEmpty else { return nil }
        var row = CallStatistics(name: name)
        row.calls = number(bytes, offset + StatisticsLayout.calls)
        row.failures = number(bytes, offset + StatisticsLayout.failures)
        row.roundTrips = number(bytes, offset + StatisticsLayout.roundTrips)
        row.bytesSent = number(bytes, offset + StatisticsLayout.bytesSent)
        row.bytesReceived = number(bytes, offset + StatisticsLayout.bytesReceived)
        row.waitedNs = number(bytes, offset + StatisticsLayout.waited)
        let isUsed = row.calls > 0 || row.bytesSent > 0 || row.roundTrips > 0
        return isUsed ? row : nil
    }

    private static func number<Value: FixedWidthInteger>(
        _ bytes: UnsafeRawBufferPointer,
        _ offset: Int,
        as type: Value.Type = UInt64.self
    ) -> Value {
        Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    /// Text up to the first zero; anything that a terminal or JSON would stumble over is replaced.
    private static func text(_ bytes: UnsafeRawBufferPointer, _ offset: Int, _ size: Int) -> String
    {
        let part = bytes[offset..<offset + size].prefix { $0 != 0 }
        return String(decoding: part.map { $0 < 0x20 || $0 >= 0x7f ? 0x3f : $0 }, as: UTF8.self)
    }
}
