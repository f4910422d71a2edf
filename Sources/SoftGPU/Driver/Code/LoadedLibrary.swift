internal import Driver

/// Code that belongs to no context: it is loaded into each context that uses it. Safe to use from
/// any thread.
final class LoadedLibrary: @unchecked Sendable {
    let driver: SoftDriver
    /// The kernels that there are; known without a context.
    let index: CodeIndex
    /// Its managed variables, the same in all contexts.
    let managed: ManagedVariables
    /// Its handle; set once, before anyone sees it.
    private(set) var handle: UInt64 = 0
    private let lock = Lock()
    private var modules: [UInt64: LoadedModule] = [:]
    private var kernels: [String: DeviceFunction] = [:]

    /// A library of this code, which must be free of errors outside function bodies.
    init(_ source: CodeSource, driver: SoftDriver) throws(CodeFailure) {
        self.driver = driver
        index = try CodeIndex(source)
        managed = try ManagedVariables(index.units, hostMemory: driver.hostMemory)
        handle = driver.libraries.insert(self)
    }

    /// The code in a context, loaded by the first call.
    func module(in context: Context) throws(CodeFailure) -> LoadedModule {
        try lock.withLock { () throws(CodeFailure) in
            if let module = modules[context.id] { return module }
            let module = try LoadedModule(index, context: context, library: self)
            modules[context.id] = module
            return module
        }
    }

    /// As `module(in:)`, for calls that have no log.
    func moduleOrFailure(in context: Context) throws(Failure) -> LoadedModule {
        do {
            return try module(in: context)
        } catch {
            Diagnostics.note("loading code: \(error.text)")
            throw Failure(error.status)
        }
    }

    /// The kernel with this name; the same object each time.
    func kernel(_ name: String) throws(Failure) -> DeviceFunction {
        guard index.entry(name) != nil else { throw .notFound }
        return lock.withLock {
            if let kernel = kernels[name] { return kernel }
            let kernel = DeviceFunction(name: name, owner: .library(self))
            kernel.handle = driver.functions.insert(kernel)
            kernels[name] = kernel
            return kernel
        }
    }

    /// All kernels, in the order of the code.
    func allKernels() -> [DeviceFunction] {
        index.entries.compactMap { try? kernel($0.name) }
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
        managed.free()
    }

    /// Forgets what it has in a context that ends.
    func forget(_ context: Context) {
        lock.withLock { modules[context.id] = nil }
    }
}
