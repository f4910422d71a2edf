internal import CLinux
internal import CUDAABI
internal import Driver

/// The management library (NVML) of the server. Its GPUs are all of the machine, whatever
/// `CUDA_VISIBLE_DEVICES` says, so they are found by their UUID.
package struct ManagementLibrary {
    /// Bytes of a GPU's memory.
    package struct Memory: Equatable, Sendable {
        /// All of it.
        package var total: UInt64
        /// What the driver keeps for itself.
        package var reserved: UInt64
        /// What can be had.
        package var free: UInt64

        /// Memory of these sizes.
        package init(total: UInt64, reserved: UInt64, free: UInt64) {
            self.total = total
            self.reserved = reserved
            self.free = free
        }
    }

    private typealias Initialize = @convention(c) () -> Int32
    private typealias Version = @convention(c) (UnsafeMutablePointer<CChar>, UInt32) -> Int32
    private typealias Find =
        @convention(c) (UnsafePointer<CChar>, UnsafeMutablePointer<OpaquePointer?>) -> Int32
    private typealias Describe = @convention(c) (OpaquePointer, UnsafeMutableRawPointer) -> Int32

    private let handle: UnsafeMutableRawPointer

    /// Loads and starts the library that belongs to a driver: the one beside it, else the system's.
    ///
    /// - Parameter driver: A function of the driver.
    /// - Returns: `nil` when there is none that works.
    init?(besideDriverWith driver: (@convention(c) (UInt32) -> CUresult)?) {
        let name = "libnvidia-ml.so.1"
        var loaded: UnsafeMutableRawPointer?
        if let driver, let file = DriverLibrary.file(of: driver),
            let slash = file.lastIndex(of: "/")
        {
            loaded = dlopen(file[...slash] + name, RTLD_NOW | RTLD_LOCAL)
        }
        guard let handle = loaded ?? dlopen(name, RTLD_NOW | RTLD_LOCAL) else { return nil }
        self.handle = handle
        guard let start = function("nvmlInit_v2", as: Initialize.self), start() == 0 else {
            return nil
        }
    }

    /// The driver's version, if it is told.
    var driverVersion: String? { version("nvmlSystemGetDriverVersion") }

    /// The library's own version, if it is told.
    var libraryVersion: String? { version("nvmlSystemGetNVMLVersion") }

    /// The memory of a GPU, if it is told.
    func memory(_ uuid: DeviceUUID) -> Memory? {
        var device: OpaquePointer?
        guard let find = function("nvmlDeviceGetHandleByUUID", as: Find.self),
            find(uuid.text, &device) == 0, let device
        else { return nil }
        return newMemory(device) ?? oldMemory(device)
    }

    /// `nvmlMemory_v2_t`: version, total, reserved, free, used.
    private func newMemory(_ device: OpaquePointer) -> Memory? {
        guard let describe = function("nvmlDeviceGetMemoryInfo_v2", as: Describe.self) else {
            return nil
        }
        var values: (UInt64, UInt64, UInt64, UInt64, UInt64) = (40 | 2 << 24, 0, 0, 0, 0)
        guard describe(device, &values) == 0 else { return nil }
        return Memory(total: values.1, reserved: values.2, free: values.3)
    }

    /// `nvmlMemory_t`: total, free, used.
    private func oldMemory(_ device: OpaquePointer) -> Memory? {
        guard let describe = function("nvmlDeviceGetMemoryInfo", as: Describe.self) else {
            return nil
        }
        var values: (UInt64, UInt64, UInt64) = (0, 0, 0)
        guard describe(device, &values) == 0 else { return nil }
        return Memory(total: values.0, reserved: 0, free: values.1)
    }

    private func version(_ name: String) -> String? {
        guard let ask = function(name, as: Version.self) else { return nil }
        var text = [CChar](repeating: 0, count: 80)
        guard ask(&text, 80) == 0 else { return nil }
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func function<T>(_ name: String, as type: T.Type) -> T? {
        dlsym(handle, name).map { unsafeBitCast($0, to: type) }
    }
}
