internal import Glibc

/// Where the counts and the trace of a run go when its program has ended.
struct StatisticsOutput: Sendable {
    /// Whether a table is printed on standard error.
    var isPrinted: Bool
    /// File for the counts as JSON.
    var file: OutputFile?
    /// File for the trace.
    var trace: OutputFile?

    /// Opens what the options name, so that a mistake shows before the program starts.
    init(options: StatisticsOptions) throws(Failure) {
        isPrinted = options.stats
        file = try Self.open(options.statsFile)
        trace = try Self.open(options.trace)
    }

    private static func open(_ path: String?) throws(Failure) -> OutputFile? {
        guard let path else { return nil }
        return try OutputFile(path)
    }

    /// Whether the client library has to count.
    var isWanted: Bool { isPrinted || file != nil || trace != nil }

    /// What a lease file says about it.
    func lines(folder: String) -> String {
        guard isWanted else { return "" }
        return "statistics \(folder)\n" + (trace != nil ? "trace\n" : "")
    }

    /// Reads what the processes of the run have left in its folder, and tells it.
    func tell(folder: String, log: RunLog) {
        guard isWanted else { return }
        let processes = Files.names(in: folder).filter { $0.hasSuffix(".stats") }
            .compactMap { Files.read("\(folder)/\($0)").flatMap(StatisticsFile.read) }
        let statistics = RunStatistics(processes)
        if isPrinted { Console.complain(statistics.table) }
        do throws(Failure) {
            if let file {
                let text = try? ListFormat.json.render(statistics) { "" }
                try file.write((text ?? "{}") + "\n")
            }
            if let trace { try write(statistics.processes, folder, to: trace, log) }
        } catch {
            log.warn(error.message)
        }
    }

    private func write(
        _ processes: [ProcessStatistics],
        _ folder: String,
        to trace: OutputFile,
        _ log: RunLog
    ) throws(Failure) {
        try trace.write(#"{"displayTimeUnit":"ns","traceEvents":["# + "\n")
        var isFirst = true
        var lost: UInt64 = 0
        for process in processes {
            guard let map = FileMap("\(folder)/\(process.process).trace") else { continue }
            let outcome: (calls: UInt64, written: Int)?
            do {
                outcome = try ChromeTrace.convert(map.bytes, of: process, isFirst: isFirst) {
                    try trace.write($0)
                }
            } catch {
                throw error as? Failure ?? Failure("the trace cannot be written")
            }
            guard let outcome else { continue }
            isFirst = false
            lost &+= outcome.calls &- UInt64(outcome.written)
        }
        try trace.write("\n]}\n")
        if lost > 0 {
            log.warn(
                "the trace lacks \(lost) calls: it holds 4 Mi calls a process, if the disk does"
            )
        }
    }
}
