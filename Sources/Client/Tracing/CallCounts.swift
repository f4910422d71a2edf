internal import CLinux
internal import Driver
internal import Wire

/// What `ferry run --stats` and `--trace` are told: counts of every call, kept in files that `ferry`
/// reads when the program has ended (docs/formats/statistics.md).
///
/// The files are mapped, so that nothing has to be done when the process ends, however it ends.
/// Off, a call pays for one load and one branch.
package enum Tracing {
    /// The counts; `nil` while nothing is counted. Set once, before the first call that is counted.
    nonisolated(unsafe) static var counts: UnsafeMutableRawPointer?

    /// Makes an exported call, and counts it if that was asked for.
    ///
    /// - Parameters:
    ///   - index: Number of the entry point in the description, from 0.
    ///   - name: Its name.
    @inline(__always)
    package static func call(
        _ index: Int32,
        _ name: StaticString,
        _ body: () -> Int32
    ) -> Int32 {
        if _fastPath(counts == nil) { return body() }
        return counted(index, name, body)
    }

    @inline(never)
    private static func counted(
        _ index: Int32,
        _ name: StaticString,
        _ body: () -> Int32
    ) -> Int32 {
        guard let counts, ferry_forked() == 0, Int(index) < StatisticsLayout.maxRows,
            let thread = ferry_thread(), thread.pointee.call == 0
        else { return body() }
        let row = counts + StatisticsLayout.row(Int(index))
        // Several threads may write the same bytes at once.
        if row.load(as: UInt8.self) == 0 {
            memcpy(row, name.utf8Start, min(name.utf8CodeUnitCount, StatisticsLayout.nameSize - 1))
        }
        thread.pointee.call = index + 1
        thread.pointee.waited = 0
        let start = TraceFile.isOn ? ferry_now_ns() : 0
        let status = body()
        thread.pointee.call = 0
        ferry_count(row + StatisticsLayout.calls, 1)
        if status != Status.success { ferry_count(row + StatisticsLayout.failures, 1) }
        if TraceFile.isOn {
            let waited = thread.pointee.waited
            TraceFile.add(call: index, result: status, start: start, waited: waited)
        }
        return status
    }

    /// Adds to a count of the call that this thread is in.
    @inline(__always)
    static func add(_ count: Int, _ value: Int) {
        if _fastPath(counts == nil) { return }
        addCounted(count, value)
    }

    @inline(never)
    private static func addCounted(_ count: Int, _ value: Int) {
        guard let counts, ferry_forked() == 0, let thread = ferry_thread() else { return }
        // What no call asked for, such as a thread's end, has a row of its own.
        let index =
            thread.pointee.call > 0 ? Int(thread.pointee.call - 1) : StatisticsLayout.otherRow
        ferry_count(counts + StatisticsLayout.row(index) + count, UInt64(max(0, value)))
    }

    /// Runs `wait`, and notes how long it took.
    @inline(__always)
    static func waiting(_ wait: () -> Void) {
        if _fastPath(counts == nil) { return wait() }
        let start = ferry_now_ns()
        wait()
        let elapsed = ferry_now_ns() &- start
        add(StatisticsLayout.roundTrips, 1)
        add(StatisticsLayout.waited, Int(elapsed))
        ferry_thread()?.pointee.waited &+= elapsed
    }

    /// Begins to count, if the lease says where to.
    static func begin(_ folder: InlineArray<256, CChar>, isTraced: Bool) {
        guard folder[0] != 0, counts == nil else { return }
        let size = StatisticsLayout.fileSize
        let file = MappedFile.make(folder, suffix: "stats", size: size)
        guard let file, file.reserve(from: 0, bytes: size) else {
            return Log.error("the file for statistics cannot be made")
        }
        let page = file.address
        StatisticsLayout.magic.withUTF8Buffer { magic in
            if let base = magic.baseAddress { memcpy(page, base, magic.count) }
        }
        page.storeBytes(
            of: UInt32(bitPattern: getpid()),
            toByteOffset: StatisticsLayout.process,
            as: UInt32.self
        )
        page.storeBytes(
            of: UInt32(StatisticsLayout.maxRows),
            toByteOffset: StatisticsLayout.rowCount,
            as: UInt32.self
        )
        _ = ferry_program_name(page + StatisticsLayout.program)
        let other: StaticString = "(no call)"
        memcpy(
            page + StatisticsLayout.row(StatisticsLayout.otherRow),
            other.utf8Start,
            other.utf8CodeUnitCount
        )
        if isTraced { TraceFile.begin(folder) }
        counts = page
    }
}
