internal import CLinux
internal import CUDAABI
internal import Driver
internal import SoftDevice

/// A launch of a graph, with the parameters as they were when it was described.
struct KernelWork {
    /// The handle that the program gave, of a function or a kernel.
    let function: UInt64
    /// Whether that is a `CUkernel`.
    let isKernel: Bool
    let kernel: Kernel
    let context: Context
    private(set) var configuration: LaunchConfiguration
    let parameters: LaunchParameters
    private(set) var attributes = NodeAttributes()

    init(
        function: DeviceFunction,
        kernel: Kernel,
        context: Context,
        configuration: LaunchConfiguration,
        parameters: LaunchParameters,
        attributes: NodeAttributes = NodeAttributes()
    ) {
        self.function = function.handle
        isKernel = function.isOfLibrary
        self.attributes = attributes
        self.kernel = kernel
        self.context = context
        self.configuration = configuration
        self.parameters = parameters
        if configuration.cooperative { self.attributes.isCooperative = true }
    }

    /// Gives it other attributes; fails when the kernel cannot be launched so.
    mutating func set(_ attributes: NodeAttributes) throws(Failure) {
        var configuration = configuration
        configuration.cooperative = attributes.isCooperative
        if configuration.cooperative {
            let found = try context.driver.function(handle(function))
            try KernelFacts(found, in: context).check(configuration)
        }
        self.configuration = configuration
        self.attributes = attributes
    }

    func run() -> Int32 {
        if LaunchLog.isWanted { LaunchLog.note(kernel, configuration, parameters.bytes) }
        // A context whose launches are not executed does not execute these.
        guard context.launches == .run else { return Status.success }
        do throws(LaunchFault) {
            try context.machine.run(
                kernel,
                configuration,
                parameters: parameters.bytes,
                output: context.output
            )
            return Status.success
        } catch {
            Diagnostics.note("\(error)")
            return error.code
        }
    }

    /// Whether it may take another one's place in an executable graph.
    func canReplace(_ old: KernelWork) -> Bool {
        context === old.context && configuration.cooperative == old.configuration.cooperative
    }
}

/// The launch attributes of a kernel node.
struct NodeAttributes {
    /// Bytes of a value.
    static let size = 64
    private static let cooperative: Int32 = 2

    /// The values that were set, by `CUlaunchAttributeID`.
    private var values: [Int32: [UInt8]] = [:]

    init() {}

    /// Those of a launch, which have been checked.
    init(_ list: UnsafeBufferPointer<CUlaunchAttribute>) {
        for attribute in list {
            values[attribute.id] = withUnsafeBytes(of: attribute.value) { Array($0) }
        }
    }

    var isCooperative: Bool {
        get { values[Self.cooperative]?.prefix(4).contains { $0 != 0 } ?? false }
        set {
            var value = [UInt8](repeating: 0, count: Self.size)
            value[0] = newValue ? 1 : 0
            values[Self.cooperative] = value
        }
    }

    /// Reads the value of an attribute; zeros when it was not set.
    func read(_ id: Int32, into value: UnsafeMutableRawPointer) throws(Failure) {
        try Self.check(id)
        memset(value, 0, Self.size)
        if let known = values[id] { memcpy(value, known, Self.size) }
    }

    /// Sets an attribute.
    mutating func set(_ id: Int32, _ value: UnsafeRawPointer) throws(Failure) {
        try Self.check(id)
        values[id] = Array(UnsafeRawBufferPointer(start: value, count: Self.size))
    }

    /// 1 access policy, 2 cooperative, 8 priority, 9 and 10 memory domains, 14 shared memory
    /// carveout; clusters (4, 5, 11) are not there, the others are none of a node's.
    private static func check(_ id: Int32) throws(Failure) {
        switch id {
        case 1, 2, 8, 9, 10, 14: break
        case 4, 5, 11, 13: throw .notSupported
        default: throw .invalidValue
        }
    }
}
