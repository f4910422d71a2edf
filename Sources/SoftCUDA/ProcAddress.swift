internal import CProcTable
internal import CUDAABI
internal import DriverFrontend
internal import SoftGPU

// Here and not with the other calls, because the table holds the addresses of the exports.
extension SoftCalls {
    /// `cuGetProcAddress_v2`: works before `cuInit`, because the runtime asks it first.
    static func cuGetProcAddress_v2(
        _ symbol: UnsafePointer<CChar>?,
        _ function: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ version: Int32,
        _ flags: UInt64,
        _ query: UnsafeMutablePointer<Int32>?
    ) -> CUresult {
        var driverVersion: Int32 = 0
        _ = cuDriverGetVersion(&driverVersion)
        return ProcAddress.answer(
            symbol,
            function,
            version,
            flags,
            query,
            in: ProcTable(ferry_proc_table(), count: ferry_proc_count),
            driverVersion: driverVersion
        )
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
