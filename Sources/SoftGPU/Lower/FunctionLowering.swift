import CLanes
import Lanes
import PTX

/// A constant that every frame of a function holds as 32 equal lanes.
struct LaneConstant: Hashable {
    var value: UInt64
    /// Bytes of a lane.
    var width: Int
    /// Whether the start of dynamic shared memory is to be added, which is known last.
    var isDynamicShared = false
}

/// Lowers one function's body to instructions of the machine.
///
/// The frame is laid out as: constants (copied from a template when a frame is made), then
/// predicates, registers, temporaries and argument objects.
struct FunctionLowering {
    let builder: ProgramBuilder
    let unit: Int
    let function: Syntax.Function
    let body: Syntax.FunctionBody

    var instructions: [LaneInstruction] = []
    var lines: [Int32] = []
    /// Offset and width (bytes of a lane; 0 for predicates) of each register.
    var registerOffsets: [Int32] = []
    var registerWidths: [Int] = []
    var frameBytes = 0
    var constants: [LaneConstant: Int32] = [:]
    var constantCursor = 0
    var constantLimit = 0
    var specials: [Special: Int32] = [:]
    /// `.param` objects and formal parameters of a device function.
    var objects: [Int: LaneObject] = [:]
    var parameterObjects: [LaneObject] = []
    var returnObjects: [LaneObject] = []
    var localOffsets: [Int: Int] = [:]
    var localBytes = 0
    var sharedOffsets: [Int: Int] = [:]
    var calls: [CallDraft] = []
    /// Instruction indices that stand for label numbers until the end.
    var branches: [Int] = []
    var labelTargets: [Int32] = []
    var carry: Int32 = -1
    var usesStack = false
    var scratchPredicate: Int32 = -1
    /// Where fragments go whose registers are not next to each other; see `MatrixStage`.
    var matrixStage: Int32 = -1

    /// The instruction being lowered.
    var current: Syntax.Instruction
    var name: Syntax.Mnemonic
    var operands: [Syntax.Operand] = []
    /// Temporaries of the current instruction, by width, reused by the next.
    var temporaries: [Int: [Int32]] = [:]
    var temporariesInUse: [Int: Int] = [:]

    /// A call before function indices are known.
    struct CallDraft {
        var function: Int?
        var register: Int32 = -1
        var builtin: Builtin = .none
        var arguments: [LaneObject] = []
        var results: [LaneObject] = []
    }

    init(
        builder: ProgramBuilder,
        unit: Int,
        function: Syntax.Function
    ) throws(CompileError) {
        self.builder = builder
        self.unit = unit
        self.function = function
        do {
            body = try function.parseBody()
        } catch {
            throw CompileError(.invalidPTX, line: error.line, error.message)
        }
        guard let first = body.instructions.first else {
            throw CompileError(
                .invalidPTX,
                line: function.line,
                "function '\(function.name)' has no instructions"
            )
        }
        current = first
        name = body.mnemonic(first)
        layOutRegisters()
        try layOutVariables()
    }

    // MARK: - Frame

    /// Takes 64-byte-aligned frame memory.
    mutating func takeFrame(_ bytes: Int) -> Int32 {
        frameBytes = (frameBytes + 63) & ~63
        let offset = frameBytes
        frameBytes += bytes
        return Int32(truncatingIfNeeded: offset)
    }

    /// Bytes that a lane of a type takes in a register.
    static func width(_ type: Syntax.ScalarType) -> Int {
        type == .pred ? 0 : max(2, type.size)
    }

    private mutating func layOutRegisters() {
        var distinct: Set<Syntax.Operand> = []
        for operand in body.operands {
            switch operand {
            case .integer, .float32, .float64, .address, .memory: distinct.insert(operand)
            default: break
            }
        }
        constantLimit = min((distinct.count * 2 + 8) * 256, 1 << 20)
        frameBytes = constantLimit
        registerOffsets = Array(repeating: -1, count: body.registers.count)
        registerWidths = body.registers.map { Self.width($0.type) }
        frameBytes = (frameBytes + 63) & ~63
        for (k, register) in body.registers.enumerated() where register.type == .pred {
            registerOffsets[k] = Int32(frameBytes)
            frameBytes += 4
        }
        for (k, register) in body.registers.enumerated() where register.type != .pred {
            let bytes = registerWidths[k] * 32 * register.vectorWidth
            registerOffsets[k] = takeFrame(bytes)
        }
    }

    private mutating func layOutVariables() throws(CompileError) {
        for (k, variable) in body.variables.enumerated() {
            switch variable.space {
            case .shared:
                sharedOffsets[k] = try builder.shared.place(variable)
            case .local:
                let mask = max(variable.alignment, 1) - 1
                let start = (localBytes + mask) & ~mask
                localOffsets[k] = start
                localBytes = start + variable.size
            case .parameter:
                let bytes = max(variable.size, 1)
                objects[k] = LaneObject(offset: takeFrame(bytes * 32), bytes: Int32(bytes))
            default: break
            }
        }
        guard localBytes <= 512 << 10 else {
            throw CompileError(
                .unsupported,
                line: function.line,
                "function '\(function.name)' has \(localBytes) bytes of local memory per thread"
            )
        }
        guard !function.isEntry else { return }
        parameterObjects = objects(of: function.parameters, body.parameterRegisters)
        returnObjects = objects(of: function.returns, body.returnRegisters)
    }

    private mutating func objects(
        of parameters: [Syntax.Parameter],
        _ registers: [Syntax.RegisterID?]
    ) -> [LaneObject] {
        var result: [LaneObject] = []
        for (k, parameter) in parameters.enumerated() {
            if k < registers.count, let register = registers[k] {
                let width = registerWidths[register.index]
                result.append(
                    LaneObject(offset: registerOffsets[register.index], bytes: Int32(width))
                )
            } else {
                let bytes = max(parameter.size, Self.width(parameter.type), 1)
                result.append(LaneObject(offset: takeFrame(bytes * 32), bytes: Int32(bytes)))
            }
        }
        return result
    }

    /// 32 equal lanes.
    mutating func constant(_ value: UInt64, _ width: Int, isDynamicShared: Bool = false) -> Int32 {
        let bits = width >= 8 ? value : value & ((1 << UInt64(width * 8)) - 1)
        let key = LaneConstant(value: bits, width: width, isDynamicShared: isDynamicShared)
        if let offset = constants[key] { return offset }
        let bytes = width * 32
        let offset: Int32
        if constantCursor + bytes <= constantLimit {
            offset = Int32(constantCursor)
            constantCursor += bytes
        } else {
            offset = takeFrame(bytes)
        }
        constants[key] = offset
        return offset
    }

    /// A register for a step between two instructions of one PTX instruction.
    mutating func temporary(_ width: Int) -> Int32 {
        let used = temporariesInUse[width, default: 0]
        temporariesInUse[width] = used + 1
        if let known = temporaries[width], used < known.count { return known[used] }
        let offset = takeFrame(max(width, 2) * 32)
        temporaries[width, default: []].append(offset)
        return offset
    }

    /// A temporary predicate.
    mutating func temporaryPredicate() -> Int32 {
        if scratchPredicate < 0 { scratchPredicate = takeFrame(4) }
        return scratchPredicate
    }

    // MARK: - Instructions

    /// A new instruction with the guard of the one being lowered.
    func draft(_ handler: @escaping Handler) -> LaneInstruction {
        var i = LaneInstruction(handler)
        if let condition = current.guard {
            i.guard = registerOffsets[condition.register.index]
            i.guardNegated = condition.isNegated ? 1 : 0
        }
        return i
    }

    /// A control instruction.
    func control(_ kind: Control) -> LaneInstruction {
        var i = draft(noOperation)
        i.kind = kind.rawValue
        return i
    }

    mutating func append(_ i: LaneInstruction) {
        instructions.append(i)
        lines.append(current.line)
    }

    /// An error about the current instruction.
    func failure(
        _ message: String,
        _ reason: CompileError.Reason = .invalidPTX
    ) -> CompileError {
        CompileError(reason, line: Int(current.line), "'\(name.name)': \(message)")
    }

    /// That this instruction is not executed here.
    func unsupported() -> CompileError {
        CompileError(
            .unsupported,
            line: Int(current.line),
            "instruction '\(name.name)' is not supported by the software GPU"
        )
    }

    /// The handler of a table, or the error that there is none.
    func require(_ handler: Handler?) throws(CompileError) -> Handler {
        guard let handler else { throw unsupported() }
        return handler
    }

    // MARK: - The body

    /// Lowers everything.
    mutating func lower() throws(CompileError) {
        var labelsAt: [Int: [Int]] = [:]
        for (k, label) in body.labels.enumerated() {
            labelsAt[label.instruction, default: []].append(k)
        }
        labelTargets = Array(repeating: 0, count: body.labels.count)
        for (n, instruction) in body.instructions.enumerated() {
            placeLabels(labelsAt[n])
            current = instruction
            name = body.mnemonic(instruction)
            operands = Array(body.operands(instruction.operands))
            temporariesInUse.removeAll(keepingCapacity: true)
            try lowerInstruction()
        }
        placeLabels(labelsAt[body.instructions.count])
        var end = control(.ret)
        end.guard = -1
        append(end)
        for index in branches {
            instructions[index].aux = labelTargets[Int(instructions[index].aux)]
        }
    }

    private mutating func placeLabels(_ labels: [Int]?) {
        guard let labels else { return }
        for label in labels { labelTargets[label] = Int32(instructions.count) }
        var join = control(.join)
        join.guard = -1
        append(join)
    }
}

extension LaneInstruction {
    /// An instruction without guard and operands.
    init(_ handler: @escaping Handler) {
        self.init(
            handler: handler,
            guard: -1,
            kind: 0,
            guardNegated: 0,
            mode: 0,
            count: 1,
            immediate: 0,
            d: 0,
            a: 0,
            b: 0,
            c: 0,
            e: -1,
            f: 0,
            g: 0,
            h: 0,
            k: 0,
            aux: 0
        )
    }
}

/// The handler of instructions that have none.
let noOperation: Handler = { _, _, _, _ in }
