import CLI
import Foundation
import Testing
import Wire

/// A file of counts, as a client library leaves it.
private func statisticsFile(
    rows: [(index: Int, name: String, values: [UInt64])],
    rowCount: UInt32 = UInt32(StatisticsLayout.maxRows),
    size: Int = StatisticsLayout.fileSize
) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: StatisticsLayout.fileSize)
    func put(_ text: String, at offset: Int) {
        bytes.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
    }
    func put(_ value: some FixedWidthInteger, at offset: Int) {
        withUnsafeBytes(of: value.littleEndian) {
            bytes.replaceSubrange(offset..<offset + $0.count, with: $0)
        }
    }
    put("\(StatisticsLayout.magic)", at: 0)
    put(UInt32(77), at: StatisticsLayout.process)
    put(rowCount, at: StatisticsLayout.rowCount)
    put("train", at: StatisticsLayout.program)
    for (index, name, values) in rows {
        put(name, at: StatisticsLayout.row(index))
        for (place, value) in values.enumerated() {
            put(value, at: StatisticsLayout.row(index) + StatisticsLayout.calls + 8 * place)
        }
    }
    return Array(bytes.prefix(size))
}

@Suite struct StatisticsFileTests {
    @Test func `rows that were used`() throws {
        let bytes = statisticsFile(rows: [
            (3, "cuLaunchKernel", [10, 1, 0, 1280, 0, 0]),
            (9, "cuCtxSynchronize", [2, 0, 2, 32, 48, 900]),
            (10, "cuCtxGetDevice", [0, 0, 0, 0, 0, 0]),
            (StatisticsLayout.otherRow, "(no call)", [0, 0, 0, 16, 0, 0]),
        ])
        let process = try #require(StatisticsFile.read(bytes))
        #expect(process.process == 77)
        #expect(process.program == "train")
        #expect(process.rows.keys.sorted() == [3, 9, StatisticsLayout.otherRow])
        #expect(process.rows[9]?.roundTrips == 2)
        #expect(process.total.calls == 12)
        #expect(process.total.bytesSent == 1328)
        #expect(process.total.waitedNs == 900)
    }

    @Test func `what is no such file`() {
        let whole = statisticsFile(rows: [])
        #expect(StatisticsFile.read([]) == nil)
        #expect(StatisticsFile.read(Array(whole.prefix(StatisticsLayout.headerSize - 1))) == nil)
        #expect(StatisticsFile.read([0x78] + whole.dropFirst()) == nil)
    }

    @Test func `a file that promises more than it has`() throws {
        let cut = statisticsFile(
            rows: [(0, "cuInit", [1, 0, 0, 0, 0, 0]), (1, "cuCtxCreate", [1, 0, 0, 0, 0, 0])],
            rowCount: .max,
            size: StatisticsLayout.row(1) + 5
        )
        #expect(try #require(StatisticsFile.read(cut)).rows.keys.sorted() == [0])
    }

    @Test func `names that a terminal would act on`() throws {
        let name = String(repeating: "\u{1B}", count: StatisticsLayout.nameSize)
        let bytes = statisticsFile(rows: [(0, name, [1, 0, 0, 0, 0, 0])])
        let process = try #require(StatisticsFile.read(bytes))
        let row = try #require(process.rows[0])
        #expect(row.name == String(repeating: "?", count: StatisticsLayout.nameSize))
    }

    @Test func `sums that do not fit`() throws {
        let bytes = statisticsFile(rows: [
            (0, "a", [.max, 0, 0, 0, 0, 0]), (1, "b", [2, 0, 0, 0, 0, 0]),
        ])
        #expect(try #require(StatisticsFile.read(bytes)).total.calls == 1)
    }
}

@Suite struct RunStatisticsTests {
    @Test func `several processes`() throws {
        let one = try #require(
            StatisticsFile.read(
                statisticsFile(rows: [
                    (3, "cuLaunchKernel", [10, 0, 0, 2_097_152, 0, 0]),
                    (9, "cuCtxSynchronize", [2, 0, 2, 32, 48, 1_500_000]),
                ])
            )
        )
        let statistics = RunStatistics([one, one])
        #expect(statistics.total.calls == 24)
        #expect(statistics.calls.map(\.name) == ["cuCtxSynchronize", "cuLaunchKernel"])
        let lines = statistics.table.split(separator: "\n").map {
            $0.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
        }
        #expect(lines[1] == "cuCtxSynchronize 4 0 4 64 B 96 B 3.0 ms")
        #expect(lines[2] == "cuLaunchKernel 20 0 0 4.0 MiB 0 B 0")
        #expect(lines[3].hasPrefix("total 24 0 4 "))
    }

    @Test func `no process`() {
        #expect(RunStatistics([]).table.contains("no CUDA calls"))
    }
}

@Suite struct ChromeTraceTests {
    private static func trace(
        events: [(duration: UInt64, call: Int16, result: UInt16)],
        calls: UInt64
    ) -> [UInt8] {
        let size = TraceLayout.event(events.count)
        var bytes = [UInt8](repeating: 0, count: size)
        bytes.replaceSubrange(0..<8, with: "\(TraceLayout.magic)".utf8)
        bytes.withUnsafeMutableBytes { raw in
            raw.storeBytes(of: calls, toByteOffset: TraceLayout.count, as: UInt64.self)
            for (index, event) in events.enumerated() {
                let offset = TraceLayout.event(index)
                raw.storeBytes(of: 5_000_007, toByteOffset: offset, as: UInt64.self)
                raw.storeBytes(
                    of: event.duration,
                    toByteOffset: offset + TraceLayout.duration,
                    as: UInt64.self
                )
                raw.storeBytes(
                    of: event.call,
                    toByteOffset: offset + TraceLayout.call,
                    as: Int16.self
                )
                raw.storeBytes(
                    of: event.result,
                    toByteOffset: offset + TraceLayout.result,
                    as: UInt16.self
                )
            }
        }
        return bytes
    }

    private static func convert(_ bytes: [UInt8]) throws -> (text: String, written: Int?) {
        let counts = statisticsFile(rows: [(3, "cu\"Launch", [1, 0, 0, 0, 0, 0])])
        let process = try #require(StatisticsFile.read(counts))
        var text = ""
        let outcome = bytes.withUnsafeBytes {
            ChromeTrace.convert($0, of: process, isFirst: true) { text += $0 }
        }
        return (text, outcome?.written)
    }

    @Test func `events become JSON`() throws {
        let bytes = Self.trace(events: [(1234, 4, 0), (0, 4, 0), (1, -5, 700)], calls: 9)
        let (text, written) = try Self.convert(bytes)
        #expect(written == 2)
        let parsed = try JSONSerialization.jsonObject(with: Data("[\(text)]".utf8))
        let events = try #require(parsed as? [[String: Any]])
        #expect(events.count == 3)
        #expect(events[1]["name"] as? String == "cu\"Launch")
        #expect(events[1]["ts"] as? Double == 5000.007)
        #expect(events[1]["dur"] as? Double == 1.234)
        #expect(events[2]["name"] as? String == "?")
        let arguments = events.map { $0["args"] as? [String: Any] ?? [:] }
        #expect(arguments[1]["result"] == nil)
        #expect(arguments[2]["result"] as? String == "CUDA_ERROR_ILLEGAL_ADDRESS")
    }

    @Test func `what is no trace`() throws {
        #expect(try Self.convert([1, 2, 3]).written == nil)
        #expect(try Self.convert([UInt8](repeating: 0, count: 96)).written == nil)
    }
}
