internal import Driver

/// Code that belongs to no context: it is loaded into each context that uses it. Safe to use from
/// any thread.
final class LoadedLibrary: @unchecked Sendable {
    let driver: SoftDriver
    let source: CodeSource
    /// Its handle; set once, before anyone sees it.
    private(set) var handle: UInt64 = 0
    private let lock = Lock()
    private var modules: [UInt64: LoadedModule] = [:]
    private var kernels: [String: DeviceFunction] = [:]

    init(_ source: CodeSource, driver: SoftDriver) {
        self.source = source
        self.driver = driver
        handle = driver.libraries.insert(self)
    }

    /// The code in a context, loaded by the first call.
    func module(in context: Context) throws(CodeFailure) -> LoadedModule {
        try lock.withLock { () throws(CodeFailure) in
            if let module = modules[context.id] { return module }
            let module = try LoadedModule(source, context: context, library: self)
            modules[context.id] = module
            return module
        }
    }

    /// The kernel with this name; the same object each time.
    ///
    /// - Parameter context: Where to look whether there is such a kernel.
    func kernel(_ name: String, in context: Context) throws(Failure) -> DeviceFunction {
        if let kernel = lock.withLock({ kernels[name] }) { return kernel }
        let module = try moduleOrFailure(in: context)
        guard module.program.kernel(named: name) != nil else { throw .notFound }
        return lock.withLock {
            if let kernel = kernels[name] { return kernel }
            let kernel = DeviceFunction(name: name, owner: .library(self))
            kernel.handle = driver.functions.insert(kernel)
            kernels[name] = kernel
            return kernel
        }
    }

    /// All kernels, in the order of the code.
    func allKernels(in context: Context) throws(Failure) -> [DeviceFunction] {
        let names = try moduleOrFailure(in: context).program.kernels.map(\.name)
        var found: [DeviceFunction] = []
        for name in names { found.append(try kernel(name, in: context)) }
        return found
    }

    /// As `module(in:)`, with the reason of a failure left on the standard error.
    func moduleOrFailure(in context: Context) throws(Failure) -> LoadedModule {
        do {
            return try module(in: context)
        } catch {
            Diagnostics.note("loading code: \(error.text)")
            throw Failure(error.status)
        }
    }

    /// Takes the code out of all contexts, after their work is done.
    func unload() {
        driver.libraries.remove(handle)
        let (oldModules, oldKernels) = lock.withLock {
            defer {
                modules = [:]
                kernels = [:]
            }
            return (Array(modules.values), Array(kernels.values))
        }
        for kernel in oldKernels { driver.functions.remove(kernel.handle) }
        for module in oldModules where driver.modules.object(module.handle) === module {
            module.context.synchronize()
            module.unload()
        }
    }
}
