import PTX

/// A loaded module: one PTX text, or several linked by symbol.
///
/// Variables are in device memory from the start; a kernel is compiled when it is first launched
/// or asked for its attributes. Safe to use from any thread. Immutable but for `unload`.
public final class PTXModule: @unchecked Sendable {
    /// The kernels with a body, in order of the text.
    public let kernels: [Kernel]
    private let linked: LinkedModule
    private let byName: [String: Kernel]

    /// Loads one PTX text (a trailing NUL and what follows are ignored).
    public convenience init(source: [UInt8], memory: DeviceMemory) throws(CompileError) {
        try self.init(sources: [source], memory: memory)
    }

    /// Loads several PTX texts as one module: `.extern` symbols are found in the others.
    public convenience init(sources: [[UInt8]], memory: DeviceMemory) throws(CompileError) {
        var units: [Syntax.Module] = []
        for source in sources {
            do {
                units.append(try Syntax.Module(source))
            } catch {
                throw CompileError(.invalidPTX, line: error.line, error.message)
            }
        }
        try self.init(units: units, memory: memory)
    }

    /// Loads several parsed texts as one module.
    ///
    /// - Parameter placed: addresses of `.managed` variables that the caller has placed and
    ///   initialised, by name; the machine must be allowed to use them.
    /// - Parameter maximumRegisters: what a thread of any kernel may have at most.
    init(
        units: [Syntax.Module],
        memory: DeviceMemory,
        placed: [String: UInt64] = [:],
        maximumRegisters: Int? = nil
    ) throws(CompileError) {
        let units = units + (DeviceRuntimeText.needed(by: units).map { [$0] } ?? [])
        linked = try LinkedModule(units, memory: memory, placed: placed)
        var kernels: [Kernel] = []
        var byName: [String: Kernel] = [:]
        for (u, unit) in units.enumerated() {
            for (k, function) in unit.functions.enumerated()
            where function.isEntry && function.hasBody && byName[function.name] == nil {
                let kernel = Kernel(
                    linked: linked,
                    number: linked.number(u, k),
                    function: function,
                    unit: unit,
                    maximumRegisters: maximumRegisters
                )
                kernels.append(kernel)
                byName[function.name] = kernel
            }
        }
        self.kernels = kernels
        self.byName = byName
    }

    /// The kernel of a name.
    public func kernel(named name: String) -> Kernel? { byName[name] }

    /// Where a `.global` or `.const` variable is and how many bytes it has.
    public func global(named name: String) -> (address: UInt64, size: Int)? {
        linked.variable(named: name)
    }

    /// Where a `.texref` or `.surfref` variable is.
    func opaque(named name: String) -> (address: UInt64, isTexture: Bool)? {
        linked.opaque(named: name)
    }

    /// Frees the variables; no kernel of the module may run any more.
    public func unload() { linked.release() }
}
