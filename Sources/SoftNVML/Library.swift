internal import CLinux
internal import SoftDevice
internal import Synchronization

/// Results of the management library.
enum Result {
    static let success: Int32 = 0
    static let uninitialized: Int32 = 1
    static let invalidArgument: Int32 = 2
    static let notSupported: Int32 = 3
    static let notFound: Int32 = 6
    static let insufficientSize: Int32 = 7
    static let driverNotLoaded: Int32 = 9
    static let versionMismatch: Int32 = 25
}

/// The GPUs of this machine as the management library shows them: all of them, whatever
/// `CUDA_VISIBLE_DEVICES` says. Safe to use from any thread.
enum Library {
    /// Successful calls of `nvmlInit` that no `nvmlShutdown` has answered.
    private static let users = Atomic<Int>(0)

    /// The GPUs; `nil` if the configuration cannot be used.
    private static let gpus: [DeviceDescription]? = {
        guard var configuration = try? Configuration.ofProcess() else { return nil }
        configuration.visibleDevices = nil
        return DeviceDescription.visible(configuration)
    }()

    static func start() -> Int32 {
        guard gpus != nil else { return Result.driverNotLoaded }
        users.add(1, ordering: .acquiringAndReleasing)
        return Result.success
    }

    static func stop() -> Int32 {
        var current = users.load(ordering: .acquiring)
        while current > 0 {
            let outcome = users.compareExchange(
                expected: current,
                desired: current - 1,
                ordering: .acquiringAndReleasing
            )
            if outcome.exchanged { return Result.success }
            current = outcome.original
        }
        return Result.uninitialized
    }

    /// The GPUs, or the result of a call that comes too early.
    static func devices() -> [DeviceDescription]? {
        users.load(ordering: .acquiring) > 0 ? gpus : nil
    }

    // MARK: - Handles

    /// A handle is a number that looks like no pointer.
    private static let firstHandle: UInt = 0x4E56_4D4C_0000

    static func handle(_ index: Int) -> OpaquePointer? {
        OpaquePointer(bitPattern: firstHandle + UInt(index))
    }

    static func index(_ handle: OpaquePointer?) -> Int? {
        let value = UInt(bitPattern: handle)
        guard value >= firstHandle, value - firstHandle < 8 else { return nil }
        return Int(value - firstHandle)
    }
}

/// Answers a call about a GPU.
func withDevice(
    _ handle: OpaquePointer?,
    _ body: (DeviceDescription) -> Int32
) -> Int32 {
    guard let devices = Library.devices() else { return Result.uninitialized }
    guard let index = Library.index(handle), devices.indices.contains(index) else {
        return Result.invalidArgument
    }
    return body(devices[index])
}

/// Answers a call about a GPU with one value.
func give<T>(
    _ handle: OpaquePointer?,
    _ target: UnsafeMutablePointer<T>?,
    _ value: (DeviceDescription) -> T
) -> Int32 {
    withDevice(handle) { device in
        guard let target else { return Result.invalidArgument }
        target.pointee = value(device)
        return Result.success
    }
}

/// Answers a call about something that these GPUs have not.
func notSupported(_ handle: OpaquePointer?) -> Int32 {
    withDevice(handle) { _ in Result.notSupported }
}

/// Writes a text with its NUL, if there is room for all of it.
func write(_ text: String, _ target: UnsafeMutablePointer<CChar>?, _ length: UInt32) -> Int32 {
    guard let target else { return Result.invalidArgument }
    guard text.utf8.count < Int(length) else { return Result.insufficientSize }
    text.withCString { _ = strcpy(target, $0) }
    return Result.success
}
