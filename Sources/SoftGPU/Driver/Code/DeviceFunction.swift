internal import CLinux
internal import Driver
internal import DriverFrontend

/// What a `CUfunction` or a `CUkernel` stands for: a kernel of a module, or a kernel of a library,
/// which means the one of the module in the context where it is used. Both kinds of handle are
/// accepted in place of each other.
final class DeviceFunction: @unchecked Sendable {
    enum Owner {
        case module(LoadedModule, Kernel)
        case library(LoadedLibrary)
    }

    let name: String
    let owner: Owner
    /// Its handle; set once, before anyone sees it.
    var handle: UInt64 = 0
    private let lock = ForkSafeLock()
    /// What `cuFuncSetAttribute` has set of a module's function.
    private var settings = Settings()
    /// What `cuKernelSetAttribute` has set of a library's kernel, by the ordinal of the GPU. It holds for
    /// the functions of all its modules there that have no setting of their own.
    private var kernelSettings: [Int: Settings] = [:]

    /// What a program can set; `nil` for the default.
    struct Settings {
        /// Dynamic shared memory that a launch may ask for.
        var maximumDynamicShared: Int?
        /// Preferred share of shared memory in percent, -1 for no preference.
        var carveout: Int32?
    }

    /// The name with its NUL, at an address that lasts as long as this object.
    var nameBytes: UnsafePointer<CChar>? { UnsafePointer(nameCopy) }
    private let nameCopy: UnsafeMutablePointer<CChar>?

    init(name: String, owner: Owner) {
        self.name = name
        self.owner = owner
        nameCopy = strdup(name)
    }

    deinit { free(nameCopy) }

    /// The kernel in a context.
    func kernel(in context: Context) throws(Failure) -> Kernel {
        switch owner {
        case .module(let module, let kernel):
            guard module.context === context else { throw .invalidHandle }
            return kernel
        case .library(let library):
            let module = try library.moduleOrFailure(in: context)
            guard let kernel = module.program.kernel(named: name) else { throw .notFound }
            return kernel
        }
    }

    /// Whether it is a `CUkernel`, which means something in every context.
    var isOfLibrary: Bool {
        if case .library = owner { return true }
        return false
    }

    /// The places of its parameters.
    var parameters: [Kernel.Parameter] {
        switch owner {
        case .module(_, let kernel): kernel.parameters
        case .library(let library): library.index.entry(name)?.parameters ?? []
        }
    }

    /// The function of the context's module that this one means.
    func function(in context: Context) throws(Failure) -> DeviceFunction {
        switch owner {
        case .module: return self
        case .library(let library):
            return try library.moduleOrFailure(in: context).function(name)
        }
    }

    /// What the program has set for launches in a context.
    func settings(in context: Context) -> Settings {
        switch owner {
        case .module(let module, _):
            var found = lock.withLock { settings }
            guard let kernel = try? module.library?.kernel(name) else { return found }
            let general = kernel.lock.withLock { kernel.kernelSettings[context.device.ordinal] }
            found.maximumDynamicShared = found.maximumDynamicShared ?? general?.maximumDynamicShared
            found.carveout = found.carveout ?? general?.carveout
            return found
        case .library:
            return (try? function(in: context))?.settings(in: context) ?? Settings()
        }
    }

    /// Sets something of a module's function, or of a library's kernel for a GPU.
    func set(on device: Device, _ change: (inout Settings) -> Void) {
        lock.withLock {
            switch owner {
            case .module: change(&settings)
            case .library: change(&kernelSettings[device.ordinal, default: Settings()])
            }
        }
        RememberedLaunches.forget()
    }
}
