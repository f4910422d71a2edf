internal import Client
internal import NVML
public import NVMLABI

// What the functions of libnvidia-ml.so.1 ask: this library is that one, too (docs/adr/0019).

/// Opens the session, as `cuInit` does.
@c @implementation
public func ferry_nvml_start() -> Int32 { Management.start() }

/// All borrowed GPUs.
@c @implementation
public func ferry_nvml_count() -> Int32 { Management.count }

/// What the server said of a GPU when the session began.
@c @implementation
public func ferry_nvml_describe(
    _ index: UInt32,
    _ facts: UnsafeMutablePointer<ferry_nvml_facts>!
) -> Int32 {
    Management.describe(index, facts)
}

/// What the server says of a GPU's memory now.
@c @implementation
public func ferry_nvml_use(
    _ index: UInt32,
    _ use: UnsafeMutablePointer<ferry_nvml_memory_use>!
) -> Int32 {
    Management.use(index, use)
}

/// What the server's driver says of two GPUs.
@c @implementation
public func ferry_nvml_peer(
    _ index: UInt32,
    _ peer: UInt32,
    _ capability: Int32,
    _ status: UnsafeMutablePointer<Int32>!
) -> Int32 {
    Management.peer(index, peer, capability, status)
}

/// What `cuDriverGetVersion` says.
@c @implementation
public func ferry_nvml_cuda_version() -> Int32 { Management.cudaVersion }

/// The version of the server's driver.
@c @implementation
public func ferry_nvml_driver_version(_ text: UnsafeMutablePointer<CChar>!) -> Int32 {
    Management.driverVersion(text)
}

/// The version of the server's management library.
@c @implementation
public func ferry_nvml_library_version(_ text: UnsafeMutablePointer<CChar>!) -> Int32 {
    Management.libraryVersion(text)
}
