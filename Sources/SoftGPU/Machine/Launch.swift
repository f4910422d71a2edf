/// The extents of a grid or a block.
public struct Dimensions: Sendable, Equatable {
    /// The extents, at least 1.
    public var x, y, z: UInt32
    /// Extents.
    public init(_ x: UInt32, _ y: UInt32 = 1, _ z: UInt32 = 1) {
        self.x = x
        self.y = y
        self.z = z
    }
    /// The product.
    public var count: Int { Int(x) * Int(y) * Int(z) }
}

/// How a kernel is launched.
public struct LaunchConfiguration: Sendable {
    /// Blocks of the grid.
    public var grid: Dimensions
    /// Threads of a block.
    public var block: Dimensions
    /// Bytes of `.extern .shared`.
    public var dynamicSharedBytes: Int
    /// Whether blocks may wait for one another: all are resident at once.
    public var cooperative: Bool

    /// A configuration.
    public init(
        grid: Dimensions,
        block: Dimensions,
        dynamicSharedBytes: Int = 0,
        cooperative: Bool = false
    ) {
        self.grid = grid
        self.block = block
        self.dynamicSharedBytes = dynamicSharedBytes
        self.cooperative = cooperative
    }
}

/// Why a launch did not end well. The driver makes it the sticky error of the context.
public struct LaunchFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// A `CUresult`: 700 illegal address, 716 misaligned address, 710 assert, 719 launch failed
    /// (trap), 718 invalid pc, 702 timeout (deadlock), 714 stack overflow, 1 invalid value, 2 out
    /// of memory, 200 invalid image (the kernel cannot be compiled), 201 cancelled.
    public let code: Int32
    /// What happened: kernel, block, thread, address, nearest allocation.
    public let message: String

    /// A fault.
    public init(code: Int32, message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}

/// Where the text that kernels print goes, in the order of execution.
///
/// Called from the machine's threads, one text at a time per printing thread; must be safe to call
/// from any thread and should only append to a buffer.
public protocol DeviceOutput: AnyObject, Sendable {
    /// Appends what one `printf` of one thread printed.
    func write(_ text: [UInt8])
    /// Appends the message of a failed `assert`, which goes to the standard error.
    func writeError(_ text: [UInt8])
}
