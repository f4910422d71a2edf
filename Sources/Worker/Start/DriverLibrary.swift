internal import CLinux
internal import CUDAABI
internal import Driver

/// A driver library that was loaded into this process, for good.
package struct DriverLibrary: Sendable {
    /// Its entry points.
    package var table: DriverTable
    /// The file it came from.
    package var path: String

    /// Loads a library and initialises the driver.
    ///
    /// - Throws: `WorkerFailure` with exit status `driver`.
    package static func load(_ path: String) throws(WorkerFailure) -> DriverLibrary {
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            let reason = dlerror().map { String(cString: $0) } ?? "no reason given"
            throw failure(Status.deviceUnavailable, "cannot load the driver \(path): \(reason)")
        }
        let table = DriverTable { name in
            dlsym(handle, UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self))
        }
        if table.cuInit == nil {
            throw failure(Status.deviceUnavailable, "\(path) is no CUDA driver: it has no cuInit")
        }
        if let name = missing(in: table) {
            throw failure(
                Status.deviceUnavailable,
                "the driver \(path) is too old: it has no \(name) (CUDA 12.4 has all)"
            )
        }
        guard let initialize = table.cuInit else {
            throw failure(Status.deviceUnavailable, "the driver \(path) has no cuInit")
        }
        let status = initialize(0)
        guard status == Status.success else {
            let name = describeResult(status).map { "\($0.name)" } ?? "status \(status)"
            throw failure(status, "cuInit of \(path) failed: \(name)")
        }
        return DriverLibrary(table: table, path: file(of: initialize) ?? path)
    }

    private static func failure(_ status: Int32, _ text: String) -> WorkerFailure {
        WorkerFailure(.driver, status: status, text)
    }

    /// The first entry point without which nothing works.
    private static func missing(in table: DriverTable) -> StaticString? {
        if table.cuInit == nil { return "cuInit" }
        if table.cuCtxSetCurrent == nil { return "cuCtxSetCurrent" }
        if table.cuDevicePrimaryCtxRetain == nil { return "cuDevicePrimaryCtxRetain" }
        if table.cuLaunchKernel == nil { return "cuLaunchKernel" }
        if table.cuLibraryLoadData == nil { return "cuLibraryLoadData" }
        if table.cuLibraryEnumerateKernels == nil { return "cuLibraryEnumerateKernels" }
        if table.cuModuleEnumerateFunctions == nil { return "cuModuleEnumerateFunctions" }
        if table.cuFuncGetParamInfo == nil { return "cuFuncGetParamInfo" }
        if table.cuKernelGetParamInfo == nil { return "cuKernelGetParamInfo" }
        if table.cuPointerGetAttribute == nil { return "cuPointerGetAttribute" }
        return nil
    }

    /// The file that a function of the driver is in.
    static func file(of function: @convention(c) (UInt32) -> CUresult) -> String? {
        var facts = Dl_info()
        let address = unsafeBitCast(function, to: UnsafeRawPointer.self)
        guard dladdr(address, &facts) != 0, let name = facts.dli_fname,
            let real = realpath(name, nil)
        else { return nil }
        defer { CLinux.free(real) }
        return String(cString: real)
    }
}
