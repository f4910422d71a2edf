internal import CLinux
internal import NVMLABI
internal import SoftDevice

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
        case Result.driverNotLoaded: "The software GPU cannot be used"
        case Result.versionMismatch: "A structure has a version that is not known"
        default: "Unknown error"
        }
    return UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

/// The version of the driver, in the form that NVIDIA's drivers of CUDA 13.0 have.
@c @implementation
public func nvmlSystemGetDriverVersion(
    _ version: UnsafeMutablePointer<CChar>!,
    _ length: UInt32
) -> Int32 {
    guard Library.devices() != nil else { return Result.uninitialized }
    return write("580.0.0", version, length)
}

/// The version of this library.
@c @implementation
public func nvmlSystemGetNVMLVersion(
    _ version: UnsafeMutablePointer<CChar>!,
    _ length: UInt32
) -> Int32 {
    write("13.580.0.0", version, length)
}

/// What `cuDriverGetVersion` says.
@c @implementation
public func nvmlSystemGetCudaDriverVersion(_ version: UnsafeMutablePointer<Int32>!) -> Int32 {
    guard let version else { return Result.invalidArgument }
    version.pointee = DeviceDescription.driverVersion
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
    guard Library.devices() != nil else { return Result.uninitialized }
    guard let name, length > 0 else { return Result.invalidArgument }
    let file = ferry_open("/proc/\(pid)/cmdline", O_RDONLY | O_CLOEXEC, 0)
    guard file >= 0 else { return Result.notFound }
    defer { close(file) }
    let count = read(file, name, Int(length) - 1)
    guard count >= 0 else { return Result.notFound }
    name[count] = 0
    return Result.success
}
