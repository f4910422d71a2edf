internal import CProcTable
internal import CUDAABI
internal import Client

// Here and not with the other calls, because the table holds the addresses of the exports.
extension ClientCalls {
    /// `cuGetProcAddress_v2`
    static func cuGetProcAddress_v2(
        _ symbol: UnsafePointer<CChar>?,
        _ function: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ version: Int32,
        _ flags: UInt64,
        _ query: UnsafeMutablePointer<Int32>?
    ) -> CUresult {
        guard let rows = ferry_proc_table() else { return 999 }
        let table = (rows, ferry_proc_count)
        return procAddress(symbol, function, version, flags, query, in: table)
    }

    /// `cuGetProcAddress`
    static func cuGetProcAddress(
        _ symbol: UnsafePointer<CChar>?,
        _ function: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ version: Int32,
        _ flags: UInt64
    ) -> CUresult {
        cuGetProcAddress_v2(symbol, function, version, flags, nil)
    }
}
