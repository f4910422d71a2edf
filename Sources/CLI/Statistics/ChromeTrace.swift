internal import Driver
internal import Wire

/// Turns the trace of a process into events of the Chrome trace format, which Perfetto and
/// chrome://tracing show.
package enum ChromeTrace {
    /// Hands out the text for one process, piece by piece.
    ///
    /// - Parameters:
    ///   - bytes: the file that the client library has left.
    ///   - process: its counts, which hold the names.
    ///   - isFirst: whether no event was written before.
    ///   - write: takes a piece of JSON.
    /// - Returns: how many calls there were, and how many of them the file has; nil when this is no
    ///   trace.
    package static func convert(
        _ bytes: UnsafeRawBufferPointer,
        of process: ProcessStatistics,
        isFirst: Bool,
        write: (String) throws -> Void
    ) rethrows -> (calls: UInt64, written: Int)? {
        guard bytes.count >= TraceLayout.headerSize,
            bytes[0..<8].elementsEqual("\(TraceLayout.magic)".utf8)
        else { return nil }
        let calls = number(bytes, TraceLayout.count, as: UInt64.self)
        let present = (bytes.count - TraceLayout.headerSize) / TraceLayout.eventSize
        try write((isFirst ? "" : ",\n") + title(process))
        var written = 0
        var piece = ""
        for index in 0..<Int(min(calls, UInt64(present))) {
            guard let event = event(bytes, TraceLayout.event(index), process) else { continue }
            piece += event
            written += 1
            if piece.utf8.count > 1 << 16 {
                try write(piece)
                piece = ""
            }
        }
        try write(piece)
        return (calls, written)
    }

    private static func title(_ process: ProcessStatistics) -> String {
        #"{"name":"process_name","ph":"M","pid":\#(process.process),"args":{"name":""#
            + escaped(process.program) + #""}}"#
    }

    /// A call, with what of it was waiting, and what it returned when it failed.
    private static func event(
        _ bytes: UnsafeRawBufferPointer,
        _ offset: Int,
        _ process: ProcessStatistics
    ) -> String? {
        let duration = number(bytes, offset + TraceLayout.duration, as: UInt64.self)
        guard duration > 0 else { return nil }
        let start = number(bytes, offset + TraceLayout.start, as: UInt64.self)
        let waited = number(bytes, offset + TraceLayout.waited, as: UInt64.self)
        let thread = number(bytes, offset + TraceLayout.thread, as: UInt32.self)
        let row = Int(number(bytes, offset + TraceLayout.call, as: Int16.self)) - 1
        let result = Int32(number(bytes, offset + TraceLayout.result, as: UInt16.self))
        let name = escaped(process.rows[row]?.name ?? "?")
        return ",\n" + #"{"name":"\#(name)","ph":"X","pid":\#(process.process),"tid":\#(thread),"#
            + #""ts":\#(microseconds(start)),"dur":\#(microseconds(duration)),"#
            + #""args":{"waited_us":\#(microseconds(waited))\#(failure(result))}}"#
    }

    private static func failure(_ result: Int32) -> String {
        guard result != Status.success else { return "" }
        return #","result":"\#(describeResult(result).map { "\($0.name)" } ?? "\(result)")""#
    }

    private static func microseconds(_ nanoseconds: UInt64) -> String {
        let rest = String(nanoseconds % 1000)
        return "\(nanoseconds / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    }

    private static func number<Value: FixedWidthInteger>(
        _ bytes: UnsafeRawBufferPointer,
        _ offset: Int,
        as type: Value.Type
    ) -> Value {
        Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}
