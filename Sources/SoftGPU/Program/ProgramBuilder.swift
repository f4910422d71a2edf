import CLanes
import Lanes
import PTX

/// Where a kernel's static shared variables lie.
struct SharedLayout {
    /// Bytes so far.
    private(set) var bytes = 0
    /// What the start of dynamic shared memory must be a multiple of.
    private var dynamicAlignment = 16

    /// Gives a variable its place and returns the offset.
    mutating func place(_ variable: Syntax.Variable) throws(CompileError) -> Int? {
        if variable.isUnsized || variable.size == 0 {
            alignDynamic(variable.alignment)
            return nil
        }
        let mask = max(variable.alignment, 1) - 1
        let start = (bytes + mask) & ~mask
        guard variable.size <= 1 << 20, start + variable.size <= 1 << 20 else {
            throw CompileError(
                .invalidPTX,
                line: variable.line,
                "too much shared memory: '\(variable.name)' has \(variable.size) bytes"
            )
        }
        bytes = start + variable.size
        return start
    }

    /// A dynamic array wants its start aligned.
    mutating func alignDynamic(_ alignment: Int) {
        dynamicAlignment = max(dynamicAlignment, alignment)
    }

    /// Where dynamic shared memory starts.
    var dynamicOffset: Int { (bytes + dynamicAlignment - 1) & ~(dynamicAlignment - 1) }
}

/// Lowers a kernel and all it can call.
final class ProgramBuilder {
    let linked: LinkedModule
    var shared = SharedLayout()
    private var sharedGlobals: [Int: Int] = [:]
    /// Functions to be lowered, in order; index in the program by index in the module.
    private var order: [Int] = []
    private var indices: [Int: Int] = [:]
    /// Functions whose address may be called.
    private var addressed: Set<Int> = []
    private var hasIndirectCalls = false
    private var hasRecursion = false

    init(_ linked: LinkedModule) { self.linked = linked }

    /// The shared offset of a module-scope variable.
    func sharedOffset(_ unit: Int, _ index: Int) throws(CompileError) -> Int {
        let (unit, index) = linked.definition(ofVariable: unit, index)
        let key = unit << 32 | index
        if let known = sharedGlobals[key] { return known }
        let variable = linked.units[unit].variables[index]
        guard let offset = try shared.place(variable) else {
            throw CompileError(
                .unresolvedSymbol,
                line: variable.line,
                "shared variable '\(variable.name)' has no size"
            )
        }
        sharedGlobals[key] = offset
        return offset
    }

    /// The number of a function in the program; it will be lowered too.
    func index(of function: Int) -> Int {
        if let known = indices[function] { return known }
        indices[function] = order.count
        order.append(function)
        return order.count - 1
    }

    /// The module-wide number of a function whose address is taken.
    func takeAddress(of unit: Int, _ index: Int, line: Int) throws(CompileError) -> Int {
        let function = try linked.resolve(function: unit, index, line: line)
        guard case .defined(let number) = function else {
            throw CompileError(
                .unsupported,
                line: line,
                "the address of built-in function "
                    + "'\(linked.units[unit].functions[index].name)' cannot be taken"
            )
        }
        addressed.insert(number)
        return number
    }

    /// Notes that functions are called by address.
    func noteIndirectCall() { hasIndirectCalls = true }

    /// Lowers the kernel.
    func build(entry: Int) throws(CompileError) -> Program {
        var lowered: [FunctionLowering] = []
        _ = index(of: entry)
        repeat {
            while lowered.count < order.count {
                let (unit, function) = linked.function(order[lowered.count])
                var lowering = try FunctionLowering(
                    builder: self,
                    unit: unit,
                    function: function
                )
                try lowering.lower()
                lowered.append(lowering)
            }
            if hasIndirectCalls {
                addressed.formUnion(linked.functionsInInitializers)
                for function in addressed.sorted() { _ = index(of: function) }
            }
        } while lowered.count < order.count
        return Program(
            codes: lowered.enumerated().map { finish($0.element, index: $0.offset) },
            addressed: addressed.compactMap { function in
                indices[function].map { (function, $0) }
            },
            functionCount: linked.functionCount,
            staticSharedBytes: shared.bytes,
            dynamicSharedOffset: shared.dynamicOffset,
            needsStack: lowered.contains { $0.usesStack } || lowered.count > 1,
            registers: lowered.first.map { min(255, $0.body.registers.count + 8) } ?? 0
        )
    }

    /// Puts a lowered function into plain memory.
    private func finish(_ lowering: FunctionLowering, index: Int) -> Code {
        var owned: [UnsafeMutableRawPointer] = []
        func own<T>(_ values: [T]) -> UnsafeMutablePointer<T> {
            let pointer = UnsafeMutablePointer<T>.allocate(capacity: max(values.count, 1))
            pointer.initialize(from: values, count: values.count)
            owned.append(UnsafeMutableRawPointer(pointer))
            return pointer
        }
        let template = makeTemplate(lowering)
        owned.append(template.pointer)
        let calls = lowering.calls.map { draft in
            CallSite(
                function: draft.function.map { Int32(self.index(of: $0)) } ?? -1,
                register: draft.register,
                builtin: draft.builtin,
                arguments: own(draft.arguments),
                argumentCount: Int32(draft.arguments.count),
                results: own(draft.results),
                resultCount: Int32(draft.results.count)
            )
        }
        var starts: [Int32] = [0]
        var entries: [Int32] = []
        for table in lowering.body.branchTables {
            entries += table.map { lowering.labelTargets[$0] }
            starts.append(Int32(entries.count))
        }
        let image = CodeImage(
            instructions: own(lowering.instructions),
            instructionCount: Int32(lowering.instructions.count),
            order: own(convergenceOrder(of: lowering.instructions)),
            frameBytes: Int32((lowering.frameBytes + 127) & ~63),
            templateBytes: Int32(template.bytes),
            template: template.pointer,
            specials: own(
                lowering.specials.map { SpecialSlot(kind: $0.key, offset: $0.value) }
                    .sorted { $0.offset < $1.offset }
            ),
            specialCount: Int32(lowering.specials.count),
            localBytes: Int32((lowering.localBytes + 15) & ~15),
            calls: own(calls),
            tableEntries: own(entries),
            tableStarts: own(starts),
            parameters: own(lowering.parameterObjects),
            parameterCount: Int32(lowering.parameterObjects.count),
            results: own(lowering.returnObjects),
            resultCount: Int32(lowering.returnObjects.count),
            index: Int32(index)
        )
        return Code(
            name: lowering.function.name,
            image: image,
            lines: lowering.lines,
            owned: owned
        )
    }

    private func makeTemplate(
        _ lowering: FunctionLowering
    ) -> (pointer: UnsafeMutableRawPointer, bytes: Int) {
        var bytes = 0
        for (constant, offset) in lowering.constants {
            bytes = max(bytes, Int(offset) + constant.width * 32)
        }
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(bytes, 64), alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: max(bytes, 64))
        for (constant, offset) in lowering.constants {
            var value = constant.value
            if constant.isDynamicShared { value &+= UInt64(shared.dynamicOffset) }
            let start = memory + Int(offset)
            for lane in 0..<32 {
                switch constant.width {
                case 2:
                    let v = UInt16(truncatingIfNeeded: value)
                    start.storeBytes(of: v, toByteOffset: lane * 2, as: UInt16.self)
                case 4:
                    let v = UInt32(truncatingIfNeeded: value)
                    start.storeBytes(of: v, toByteOffset: lane * 4, as: UInt32.self)
                default: start.storeBytes(of: value, toByteOffset: lane * 8, as: UInt64.self)
                }
            }
        }
        return (memory, bytes)
    }
}
