internal import CLinux
internal import CProcTable
internal import Driver

/// What `cuGetProcAddress` answers.
package enum ProcAddress {
    /// Result of a look-up: `query` is the driver's CUdriverProcAddressQueryResult.
    package struct Answer {
        /// The entry point, or `nil`.
        package var function: UnsafeMutableRawPointer?
        /// 0 found, 1 no such name, 2 the name exists but only in a later version.
        package var query: Int32

        /// The status that belongs to it.
        package var status: Int32 { function == nil ? Status.notFound : Status.success }
    }

    /// Finds the variant of `name` with the greatest introduction version that is neither above
    /// `version` nor above `driverVersion` (facts/cuda-driver.md §2.2).
    ///
    /// - Parameters:
    ///   - name: Base name, NUL-terminated.
    ///   - version: CUDA version that the caller was written for, e.g. 12000.
    ///   - wantsPerThread: Flag 2: the per-thread default stream's variant where there is one.
    package static func find(
        _ name: UnsafePointer<CChar>,
        version: Int32,
        wantsPerThread: Bool,
        driverVersion: Int32
    ) -> Answer {
        guard let rows = ferry_proc_table() else { return Answer(function: nil, query: 1) }
        let count = Int(ferry_proc_count)
        var index = lowerBound(name, rows, count)
        guard index < count, strcmp(rows[index].base, name) == 0 else {
            return Answer(function: nil, query: 1)
        }
        var legacy: UnsafeMutableRawPointer?
        var perThread: UnsafeMutableRawPointer?
        while index < count, strcmp(rows[index].base, name) == 0 {
            let row = rows[index]
            index += 1
            // Rows of one name ascend by version, so the last one that fits wins.
            guard row.version <= version, row.version <= driverVersion else { continue }
            if row.is_per_thread == 0 { legacy = row.function } else { perThread = row.function }
        }
        let found = wantsPerThread ? perThread ?? legacy : legacy
        return Answer(function: found, query: found == nil ? 2 : 0)
    }

    private static func lowerBound(
        _ name: UnsafePointer<CChar>,
        _ rows: UnsafePointer<ferry_proc>,
        _ count: Int
    ) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if strcmp(rows[middle].base, name) < 0 { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
