internal import CLinux
internal import NVMLABI

/// Starts the library for one user.
@c @implementation
public func nvmlInit() -> Int32 {
    Library.start()
}

/// Starts the library for one user.
@c @implementation
public func nvmlInit_v2() -> Int32 {
    Library.start()
}

/// Starts the library for one user.
@c @implementation
public func nvmlInitWithFlags(_ flags: UInt32) -> Int32 {
    Library.start()
}

/// Ends the library for one user.
@c @implementation
public func nvmlShutdown() -> Int32 {
    Library.stop()
}

/// A sentence for a result.
@c @implementation
public func nvmlErrorString(_ result: Int32) -> UnsafePointer<CChar>! {
    let text: StaticString =
        switch result {
        case Result.success: "The operation was successful"
        case Result.uninitialized: "nvmlInit has not been called"
        case Result.invalidArgument: "An argument is invalid"
        case Result.notSupported: "The GPU does not support the operation"
        case Result.notFound: "What was asked for does not exist"
        case Result.insufficientSize: "An argument is too small"
        case Result.driverNotLoaded: "There is no driver that answers"
        case Result.gpuIsLost: "The GPU cannot be reached any more"
        case Result.versionMismatch: "A structure has a version that is not known"
        default: "Unknown error"
        }
    return UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

/// The version of the driver.
@c @implementation
public func nvmlSystemGetDriverVersion(
    _ version: UnsafeMutablePointer<CChar>!,
    _ length: UInt32
) -> Int32 {
    guard Library.count != nil else { return Result.uninitialized }
    return writeVersion(version, length) { ferry_nvml_driver_version($0) }
}

/// The version of the management library.
@c @implementation
public func nvmlSystemGetNVMLVersion(
    _ version: UnsafeMutablePointer<CChar>!,
    _ length: UInt32
) -> Int32 {
    writeVersion(version, length) { ferry_nvml_library_version($0) }
}

private func writeVersion(
    _ version: UnsafeMutablePointer<CChar>?,
    _ length: UInt32,
    _ ask: (UnsafeMutablePointer<CChar>) -> Int32
) -> Int32 {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 80) { text in
        guard let base = text.baseAddress else { return Result.invalidArgument }
        let result = ask(base)
        return result == Result.success ? write(base, version, length) : result
    }
}

/// What `cuDriverGetVersion` says.
@c @implementation
public func nvmlSystemGetCudaDriverVersion(_ version: UnsafeMutablePointer<Int32>!) -> Int32 {
    guard let version else { return Result.invalidArgument }
    version.pointee = ferry_nvml_cuda_version()
    return Result.success
}

/// What `cuDriverGetVersion` says.
@c @implementation
public func nvmlSystemGetCudaDriverVersion_v2(_ version: UnsafeMutablePointer<Int32>!) -> Int32 {
    nvmlSystemGetCudaDriverVersion(version)
}

/// The first word of a process' command line.
@c @implementation
public func nvmlSystemGetProcessName(
    _ pid: UInt32,
    _ name: UnsafeMutablePointer<CChar>!,
    _ length: UInt32
) -> Int32 {
    guard Library.count != nil else { return Result.uninitialized }
    guard let name, length > 0 else { return Result.invalidArgument }
    let file = open(pid)
    guard file >= 0 else { return Result.notFound }
    defer { close(file) }
    let count = read(file, name, Int(length) - 1)
    guard count >= 0 else { return Result.notFound }
    name[count] = 0
    return Result.success
}

/// The file with the command line of a process; -1 if there is none.
private func open(_ pid: UInt32) -> Int32 {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { path in
        guard let base = path.baseAddress, let pid = Int32(exactly: pid),
            ferry_format_command_path(base, path.count, pid) != 0
        else { return -1 }
        return ferry_open(base, O_RDONLY | O_CLOEXEC, 0)
    }
}
