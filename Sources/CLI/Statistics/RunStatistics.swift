/// What `ferry run --stats` tells: all processes of a run together.
package struct RunStatistics: Hashable, Sendable, Encodable {
    /// Each process that used the GPU, in the order of their numbers.
    package var processes: [ProcessStatistics]
    /// Everything together.
    package var total: CallStatistics
    /// The entry points that were used, those that waited longest first.
    package var calls: [CallStatistics]

    /// Adds up the processes of a run.
    package init(_ processes: [ProcessStatistics]) {
        self.processes = processes.sorted { $0.process < $1.process }
        var total = CallStatistics(name: "total")
        var byName: [String: CallStatistics] = [:]
        for process in processes {
            total.add(process.total)
            for row in process.rows.values {
                byName[row.name, default: CallStatistics(name: row.name)].add(row)
            }
        }
        self.total = total
        calls = byName.values.sorted {
            ($0.waitedNs, $0.calls, $1.name) > ($1.waitedNs, $1.calls, $0.name)
        }
    }

    /// For people.
    package var table: String {
        guard !processes.isEmpty else { return "ferry: the program made no CUDA calls" }
        var table = TextTable([
            "CALL", "CALLS", "FAILED", "ROUND TRIPS", "SENT", "RECEIVED", "WAITED",
        ])
        for row in calls + [total] {
            table.add([
                row.name, "\(row.calls)", "\(row.failures)", "\(row.roundTrips)",
                Self.bytes(row.bytesSent), Self.bytes(row.bytesReceived),
                Self.duration(row.waitedNs),
            ])
        }
        return table.text
    }

    /// A number of bytes with the unit that keeps it short.
    static func bytes(_ count: UInt64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = Double(count)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(count) B" : "\(tenths(value)) \(units[unit])"
    }

    /// A duration with the unit that keeps it short.
    static func duration(_ nanoseconds: UInt64) -> String {
        switch nanoseconds {
        case 0: "0"
        case ..<1_000_000: "\(tenths(Double(nanoseconds) / 1e3)) µs"
        case ..<1_000_000_000: "\(tenths(Double(nanoseconds) / 1e6)) ms"
        default: "\(tenths(Double(nanoseconds) / 1e9)) s"
        }
    }

    private static func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
