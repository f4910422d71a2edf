internal import CLinux
internal import NVMLABI
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
    static let gpuIsLost: Int32 = 15
    static let versionMismatch: Int32 = 25
}

/// Who uses the management library, and its handles. Safe to use from any thread.
enum Library {
    /// Successful calls of `nvmlInit` that no `nvmlShutdown` has answered.
    private static let users = Atomic<Int>(0)

    static func start() -> Int32 {
        let result = ferry_nvml_start()
        if result == Result.success { users.add(1, ordering: .acquiringAndReleasing) }
        return result
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

    /// How many GPUs there are; `nil` for a call that comes too early, or in the child of a process whose
    /// GPUs they are.
    static var count: UInt32? {
        guard users.load(ordering: .acquiring) > 0 else { return nil }
        return UInt32(exactly: ferry_nvml_count())
    }

    // MARK: - Handles

    /// A handle is a number that looks like no pointer.
    private static let firstHandle: UInt = 0x4E56_4D4C_0000

    static func handle(_ index: UInt32) -> OpaquePointer? {
        OpaquePointer(bitPattern: firstHandle + UInt(index))
    }

    /// The number of the GPU with a handle; it need not be there.
    static func index(_ handle: OpaquePointer?) -> UInt32? {
        let value = UInt(bitPattern: handle)
        guard value >= firstHandle, value - firstHandle < 1 << 16 else { return nil }
        return UInt32(value - firstHandle)
    }
}

/// Answers a call about a GPU.
func withIndex(_ handle: OpaquePointer?, _ body: (UInt32) -> Int32) -> Int32 {
    guard let count = Library.count else { return Result.uninitialized }
    guard let index = Library.index(handle), index < count else { return Result.invalidArgument }
    return body(index)
}

/// Answers a call about a GPU from what is known of it.
func withDevice(
    _ handle: OpaquePointer?,
    _ body: (borrowing ferry_nvml_facts) -> Int32
) -> Int32 {
    withIndex(handle) { index in
        var facts = ferry_nvml_facts()
        let result = ferry_nvml_describe(index, &facts)
        return result == Result.success ? body(facts) : result
    }
}

/// Answers a call about a GPU with one value.
func give<T>(
    _ handle: OpaquePointer?,
    _ target: UnsafeMutablePointer<T>?,
    _ value: (borrowing ferry_nvml_facts) -> T
) -> Int32 {
    withDevice(handle) { facts in
        guard let target else { return Result.invalidArgument }
        target.pointee = value(facts)
        return Result.success
    }
}

/// Answers a call about a GPU with a number, if it is known.
func giveKnown<T: FixedWidthInteger>(
    _ handle: OpaquePointer?,
    _ target: UnsafeMutablePointer<T>?,
    _ value: (borrowing ferry_nvml_facts) -> Int32
) -> Int32 {
    withDevice(handle) { facts in
        guard let target else { return Result.invalidArgument }
        let known = value(facts)
        guard known >= 0 else { return Result.notSupported }
        target.pointee = T(known)
        return Result.success
    }
}

/// Answers a call about something that is not known of any GPU.
func notSupported(_ handle: OpaquePointer?) -> Int32 {
    withIndex(handle) { _ in Result.notSupported }
}

/// Writes a text with its NUL, if there is room for all of it.
func write(
    _ text: UnsafePointer<CChar>,
    _ target: UnsafeMutablePointer<CChar>?,
    _ length: UInt32
) -> Int32 {
    guard let target else { return Result.invalidArgument }
    guard strlen(text) < UInt(length) else { return Result.insufficientSize }
    strcpy(target, text)
    return Result.success
}
