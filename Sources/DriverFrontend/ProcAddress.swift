internal import CLinux
package import CUDAABI
internal import Driver

/// A library's exports by the names that `cuGetProcAddress` knows, sorted by name, then variant,
/// then version. Constant data.
package struct ProcTable: @unchecked Sendable {
    let rows: UnsafePointer<ferry_proc>
    let count: Int

    /// The generated table of a library, or a test's.
    package init(_ rows: UnsafePointer<ferry_proc>, count: Int32) {
        self.rows = rows
        self.count = Int(count)
    }
}

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

    /// `cuGetProcAddress_v2`, whole.
    ///
    /// - Returns: A status.
    package static func answer(
        _ symbol: UnsafePointer<CChar>?,
        _ function: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ version: Int32,
        _ flags: UInt64,
        _ query: UnsafeMutablePointer<Int32>?,
        in table: ProcTable,
        driverVersion: Int32
    ) -> Int32 {
        guard let symbol, let function, flags <= 2 else { return Status.invalidValue }
        let answer = find(
            symbol,
            in: table,
            version: version,
            wantsPerThread: flags == 2,
            driverVersion: driverVersion
        )
        function.pointee = answer.function
        query?.pointee = answer.query
        return answer.status
    }

    /// Finds the variant of `name` with the greatest introduction version that is neither above
    /// `version` nor above `driverVersion` (facts/cuda-driver.md §2.2).
    ///
    /// - Parameters:
    ///   - name: Base name, NUL-terminated.
    ///   - table: The library's exports.
    ///   - version: CUDA version that the caller was written for, e.g. 12000.
    ///   - wantsPerThread: Flag 2: the per-thread default stream's variant where there is one.
    package static func find(
        _ name: UnsafePointer<CChar>,
        in table: ProcTable,
        version: Int32,
        wantsPerThread: Bool,
        driverVersion: Int32
    ) -> Answer {
        let rows = table.rows
        let count = table.count
        var index = lowerBound(name, table)
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

    private static func lowerBound(_ name: UnsafePointer<CChar>, _ table: ProcTable) -> Int {
        var low = 0
        var high = table.count
        while low < high {
            let middle = (low + high) / 2
            if strcmp(table.rows[middle].base, name) < 0 { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
