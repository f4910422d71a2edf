internal import Driver
internal import Lanes

/// Code in a context: its kernels and variables. Safe to use from any thread.
final class LoadedModule: @unchecked Sendable {
    let context: Context
    /// The library that it belongs to; modules loaded by themselves have none.
    let library: LoadedLibrary?
    let program: PTXModule
    /// Its handle; set once, before anyone sees it.
    private(set) var handle: UInt64 = 0
    private let lock = Lock()
    private var functions: [String: DeviceFunction] = [:]
    private var references: [String: TextureReference] = [:]

    /// Loads code into a context.
    init(_ code: CodeIndex, context: Context, library: LoadedLibrary?) throws(CodeFailure) {
        self.context = context
        self.library = library
        do {
            program = try PTXModule(
                units: code.units,
                memory: context.memory,
                placed: library?.managed.places.mapValues(\.address) ?? [:],
                maximumRegisters: code.maximumRegisters
            )
            if code.isPlainText { try Self.checkBodies(program, code) }
        } catch {
            throw CodeFailure(error)
        }
        handle = context.driver.modules.insert(self)
        context.addModule(self)
    }

    /// Compiles everything, so that errors are said by the call that loads. What is merely not
    /// supported, such as an instruction of later chips, is said when the kernel is used, if there are
    /// others that can be.
    private static func checkBodies(
        _ program: PTXModule,
        _ code: CodeIndex
    ) throws(CompileError) {
        // A plain text is one unit.
        guard let unit = code.units.first,
            !ModuleCache.shared.hasCompiled(unit, code.maximumRegisters)
        else { return }
        var canRun = program.kernels.isEmpty
        var unsupported: CompileError?
        for kernel in program.kernels {
            do throws(CompileError) {
                try kernel.prepare()
                canRun = true
            } catch  where error.reason != .unsupported {
                program.unload()
                throw error
            } catch {
                unsupported = unsupported ?? error
            }
        }
        if let unsupported, !canRun {
            program.unload()
            throw unsupported
        }
        ModuleCache.shared.noteCompiled(unit, code.maximumRegisters)
    }

    /// The function with this name; the same object each time.
    func function(_ name: String) throws(Failure) -> DeviceFunction {
        guard let kernel = program.kernel(named: name) else { throw .notFound }
        return lock.withLock {
            if let function = functions[name] { return function }
            let function = DeviceFunction(name: name, owner: .module(self, kernel))
            function.handle = context.driver.functions.insert(function)
            functions[name] = function
            return function
        }
    }

    /// All functions, in the order of the code.
    func allFunctions() -> [DeviceFunction] {
        program.kernels.compactMap { try? function($0.name) }
    }

    /// A variable's address and bytes.
    func global(_ name: String) throws(Failure) -> (address: UInt64, size: Int) {
        guard let found = program.global(named: name) else { throw .notFound }
        return (found.address, found.size)
    }

    /// The reference to a `.texref` or `.surfref` variable; the same object each time.
    func reference(_ name: String, _ tag: UInt64) throws(Failure) -> TextureReference {
        guard let found = program.opaque(named: name),
            found.isTexture == (tag == TextureTag.texture)
        else { throw .notFound }
        return lock.withLock {
            if let known = references[name] { return known }
            let reference = TextureReference(context: context, address: found.address, tag: tag)
            references[name] = reference
            return reference
        }
    }

    /// Makes all handles invalid and frees the variables. Nothing of it may be running.
    func unload() {
        context.driver.modules.remove(handle)
        context.removeModule(self)
        library?.forget(context)
        let (old, oldReferences) = lock.withLock {
            defer {
                functions = [:]
                references = [:]
            }
            return (Array(functions.values), Array(references.values))
        }
        for reference in oldReferences { reference.destroy() }
        for function in old { context.driver.functions.remove(function.handle) }
        program.unload()
    }
}
