import CLanes
import CLinux
import Lanes
import PTX

/// One or more PTX texts as one module: symbols resolved, variables in device memory.
final class LinkedModule: @unchecked Sendable {
    /// What a call or an address refers to.
    enum Function {
        /// The module-wide number of a function with a body.
        case defined(Int)
        case builtin(Builtin)
    }

    let units: [Syntax.Module]
    let memory: DeviceMemory
    /// Functions of all units; a unit's first one has number `starts[unit]`.
    let functionCount: Int
    private let starts: [Int]
    private var addresses: [Int: (address: UInt64, size: Int)] = [:]
    private var allocations: [UInt64] = []
    private(set) var functionsInInitializers: Set<Int> = []
    private(set) var constantBytes = 0
    private var visibleFunctions: [String: Int] = [:]
    private var visibleVariables: [String: (unit: Int, index: Int)] = [:]

    init(
        _ units: [Syntax.Module],
        memory: DeviceMemory,
        placed: [String: UInt64]
    ) throws(CompileError) {
        self.units = units
        self.memory = memory
        var starts: [Int] = []
        var count = 0
        for unit in units {
            starts.append(count)
            count += unit.functions.count
        }
        self.starts = starts
        functionCount = count
        collectSymbols()
        do {
            try placeVariables(placed)
            try initializeVariables(placed)
        } catch {
            release()
            throw error
        }
    }

    deinit { release() }

    /// Gives the variables' memory back.
    func release() {
        for address in allocations { _ = memory.free(address) }
        allocations.removeAll()
    }

    private func collectSymbols() {
        for (u, unit) in units.enumerated() {
            for (k, function) in unit.functions.enumerated()
            where function.hasBody && function.linkage != .module {
                let known = visibleFunctions[function.name]
                if known == nil || function.linkage == .visible {
                    visibleFunctions[function.name] = starts[u] + k
                }
            }
            for (k, variable) in unit.variables.enumerated()
            where variable.linkage != .module && variable.linkage != .external {
                let known = visibleVariables[variable.name]
                if known == nil || variable.linkage == .visible {
                    visibleVariables[variable.name] = (u, k)
                }
            }
        }
    }

    /// The function with a module-wide number.
    func function(_ number: Int) -> (unit: Int, function: Syntax.Function) {
        let unit = (starts.firstIndex { $0 > number } ?? starts.count) - 1
        return (unit, units[unit].functions[number - starts[unit]])
    }

    /// The module-wide number of an entry.
    func number(_ unit: Int, _ index: Int) -> Int { starts[unit] + index }

    /// What a unit means by one of its functions.
    func resolve(
        function unit: Int,
        _ index: Int,
        line: Int
    ) throws(CompileError) -> Function {
        let id = Syntax.FunctionID(index)
        let target = units[unit].aliases[id]?.index ?? index
        let function = units[unit].functions[target]
        if function.hasBody, function.linkage != .weak { return .defined(starts[unit] + target) }
        if let number = visibleFunctions[function.name] { return .defined(number) }
        if function.hasBody { return .defined(starts[unit] + target) }
        if let builtin = Builtin(name: function.name) { return .builtin(builtin) }
        throw CompileError(
            .unresolvedSymbol,
            line: line,
            "function '\(function.name)' is not defined"
        )
    }

    /// Where a variable is defined: in this unit or, if it is `.extern` here, in another.
    func definition(ofVariable unit: Int, _ index: Int) -> (unit: Int, index: Int) {
        let variable = units[unit].variables[index]
        switch variable.linkage {
        case .external, .weak, .common: return visibleVariables[variable.name] ?? (unit, index)
        default: return (unit, index)
        }
    }

    /// The device address of a `.global` or `.const` variable.
    func address(_ unit: Int, _ index: Int, line: Int) throws(CompileError) -> UInt64 {
        let (u, k) = definition(ofVariable: unit, index)
        if let found = addresses[u << 32 | k] { return found.address }
        let variable = units[unit].variables[index]
        throw CompileError(
            .unresolvedSymbol,
            line: line,
            "variable '\(variable.name)' is not defined"
        )
    }

    /// The address and size of a variable by its name, as `cuModuleGetGlobal` finds it.
    func variable(named name: String) -> (address: UInt64, size: Int)? {
        if let (u, k) = visibleVariables[name] { return addresses[u << 32 | k] }
        for (u, unit) in units.enumerated() {
            if let id = unit.variable(named: name), let found = addresses[u << 32 | id.index] {
                return found
            }
        }
        return nil
    }

    /// The address of a `.texref` or `.surfref` variable by its name.
    func opaque(named name: String) -> (address: UInt64, isTexture: Bool)? {
        for unit in units {
            guard let id = unit.variable(named: name) else { continue }
            let type = unit.variables[id.index].type
            guard type == .texref || type == .surfref, let found = variable(named: name) else {
                return nil
            }
            return (found.address, type == .texref)
        }
        return nil
    }

    private func placeVariables(_ placed: [String: UInt64]) throws(CompileError) {
        for (u, unit) in units.enumerated() {
            for (k, variable) in unit.variables.enumerated() {
                guard variable.space == .global || variable.space == .constant,
                    variable.linkage != .external
                else { continue }
                guard definition(ofVariable: u, k) == (u, k) else { continue }
                if variable.isManaged, let address = placed[variable.name] {
                    addresses[u << 32 | k] = (address, variable.size)
                    continue
                }
                let bytes = max(variable.size, 1)
                guard
                    let address = memory.allocate(bytes, alignment: max(variable.alignment, 1)),
                    let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address))
                else {
                    throw CompileError(
                        .outOfMemory,
                        line: variable.line,
                        "no device memory for variable '\(variable.name)'"
                    )
                }
                allocations.append(address)
                addresses[u << 32 | k] = (address, variable.size)
                memset(pointer, 0, bytes)
                if variable.space == .constant { constantBytes += bytes }
            }
        }
    }

    private func initializeVariables(_ placed: [String: UInt64]) throws(CompileError) {
        for (u, unit) in units.enumerated() {
            for (k, variable) in unit.variables.enumerated() {
                guard let initializer = variable.initializer,
                    !(variable.isManaged && placed[variable.name] != nil),
                    let (address, size) = addresses[u << 32 | k],
                    let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address))
                else { continue }
                let count = min(initializer.bytes.count, size)
                initializer.bytes.withUnsafeBytes { source in
                    if count > 0, let from = source.baseAddress {
                        pointer.copyMemory(from: from, byteCount: count)
                    }
                }
                for relocation in initializer.relocations {
                    try write(relocation, of: variable, unit: u, to: pointer, size: size)
                }
            }
        }
    }

    private func write(
        _ relocation: Syntax.Relocation,
        of variable: Syntax.Variable,
        unit: Int,
        to pointer: UnsafeMutableRawPointer,
        size: Int
    ) throws(CompileError) {
        guard relocation.offset >= 0, relocation.size > 0, relocation.size <= 8,
            relocation.offset + relocation.size <= size
        else { return }
        var value: UInt64
        switch relocation.target {
        case .variable(let id): value = try address(unit, id.index, line: variable.line)
        case .function(let id):
            guard
                case .defined(let number) = try resolve(
                    function: unit,
                    id.index,
                    line: variable.line
                )
            else {
                throw CompileError(
                    .unsupported,
                    line: variable.line,
                    "the address of a built-in function cannot be taken"
                )
            }
            functionsInInitializers.insert(number)
            value = Window.function | UInt64(number)
        }
        value = value &+ UInt64(bitPattern: relocation.addend)
        if relocation.mask != ~0, relocation.mask != 0 {
            value = (value & relocation.mask) >> UInt64(relocation.mask.trailingZeroBitCount)
        }
        withUnsafeBytes(of: value.littleEndian) { bytes in
            if let from = bytes.baseAddress {
                (pointer + relocation.offset).copyMemory(
                    from: from,
                    byteCount: relocation.size
                )
            }
        }
    }
}
