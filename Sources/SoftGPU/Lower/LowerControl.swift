import CLanes
import Lanes
import PTX

extension FunctionLowering {
    /// Branches, calls, barriers, and what ends a thread.
    mutating func lowerControl() throws(CompileError) {
        switch name.opcode {
        case .bra:
            guard case .label(let label) = try operand(0) else {
                throw failure("a label is expected")
            }
            var i = control(current.guard == nil ? .jump : .branch)
            i.aux = Int32(label)
            branches.append(instructions.count)
            append(i)
        case .brx:
            guard case .branchTable(let table) = try operand(1) else {
                throw failure("a list of labels is expected")
            }
            let index = try source(0, .u32)
            var i = control(.branchTable)
            i.a = index
            i.aux = Int32(table)
            append(i)
        case .call: try lowerCall()
        case .ret: append(control(.ret))
        case .exit: append(control(.exit))
        case .trap, .brkpt: append(control(.trap))
        case .nanosleep: append(control(.yield))
        case .bar, .barrier: try lowerBarrier()
        case .alloca: try lowerAllocation()
        case .stacksave, .stackrestore: try lowerStack()
        default: break  // pmevent and setmaxnreg change nothing that a program can see.
        }
    }

    private mutating func lowerBarrier() throws(CompileError) {
        if name.has(.warp) {
            var i = control(.warpBarrier)
            try setLaneMask(&i, try operand(0))
            append(i)
            return
        }
        if name.has(.cluster) { return try lowerClusterBarrier() }
        var first = 0
        var kind = BarrierKind.sync
        var i = control(.barrier)
        if name.has(.arrive) { kind = .arrive }
        if name.has(.red) {
            kind = name.has(.popc) ? .reduceCount : name.has(.and) ? .reduceAnd : .reduceOr
            first = 1
            guard let condition = operands.last else { throw failure("operands are missing") }
            let predicate = try predicateOperand(condition)
            i.c = predicate.offset
            i.aux = predicate.isNegated ? 1 : 0
        }
        i.mode = kind.rawValue
        i.a = operands.count > first ? try source(first, .u32) : constant(0, 4)
        let hasCount = operands.count > first + (first == 0 ? 1 : 2)
        i.b = hasCount ? try source(first + 1, .u32) : -1
        if kind == .arrive, i.b < 0 { throw failure("the number of threads is missing") }
        guard first == 1 else {
            append(i)
            return
        }
        let draft = i
        let result: LaneType = kind == .reduceCount ? .u32 : .pred
        try destination(result) { (lowering, d) throws(CompileError) in
            var i = draft
            i.d = d
            lowering.append(i)
        }
    }

    /// A cluster is one block here: arriving does nothing, waiting is the block's barrier.
    private mutating func lowerClusterBarrier() throws(CompileError) {
        guard name.has(.wait) else { return }
        var i = control(.barrier)
        i.mode = BarrierKind.sync.rawValue
        i.a = constant(0, 4)
        i.b = -1
        append(i)
    }

    /// The mask operand of a warp-synchronous instruction: `immediate` when constant (aux −1), else
    /// the register at `aux`.
    mutating func setLaneMask(
        _ i: inout LaneInstruction,
        _ operand: Syntax.Operand
    ) throws(CompileError) {
        if case .integer(let mask) = operand {
            i.aux = -1
            i.immediate = Int64(mask & 0xffff_ffff)
        } else {
            i.aux = try source(operand, .u32)
        }
    }

    private mutating func lowerCall() throws(CompileError) {
        guard operands.count == 4 else { throw failure("a call has four operands") }
        var draft = CallDraft()
        for result in elements(operands[0]) { draft.results.append(try object(result)) }
        for argument in elements(operands[2]) { draft.arguments.append(try object(argument)) }
        switch operands[1] {
        case .address(let address):
            guard case .function(let k) = address.base else {
                throw failure("the target is not a function")
            }
            switch try builder.linked.resolve(function: unit, Int(k), line: Int(current.line)) {
            case .defined(let number):
                draft.function = number
                _ = builder.index(of: number)
            case .builtin(let builtin): draft.builtin = builtin
            }
        case .register:
            builder.noteIndirectCall()
            draft.register = try source(1, .u64)
        default: throw failure("the target is neither a function nor a register")
        }
        usesStack = true
        var i = control(.call)
        i.aux = Int32(calls.count)
        calls.append(draft)
        append(i)
    }

    /// An argument or result of a call as an object of the frame.
    private mutating func object(_ operand: Syntax.Operand) throws(CompileError) -> LaneObject {
        switch operand {
        case .address(let address):
            guard address.offset == 0 else { throw failure("an offset in a call's operand") }
            switch address.base {
            case .local(let k):
                guard let object = objects[Int(k)] else {
                    throw failure("a call's operand is no parameter object")
                }
                return object
            case .parameter(let k) where !function.isEntry: return parameterObjects[Int(k)]
            case .returnParameter(let k): return returnObjects[Int(k)]
            default: throw failure("a call's operand is no parameter object", .unsupported)
            }
        case .register(let id):
            let width = registerWidths[id.index]
            guard width > 0, width <= 8 else {
                throw failure("a predicate as a call's operand", .unsupported)
            }
            return LaneObject(offset: registerOffsets[id.index], bytes: Int32(width))
        case .integer(let value): return LaneObject(offset: constant(value, 8), bytes: 8)
        case .float32(let bits): return LaneObject(offset: constant(UInt64(bits), 4), bytes: 4)
        case .float64(let bits): return LaneObject(offset: constant(bits, 8), bytes: 8)
        case .sink: return LaneObject(offset: takeFrame(16 * 32), bytes: 16)
        default: throw failure("a call's operand of an unexpected kind")
        }
    }

    private mutating func lowerAllocation() throws(CompileError) {
        let type = try type()
        usesStack = true
        let size = try source(1, type)
        var alignment: UInt64 = 8
        if operands.count > 2, case .integer(let value) = operands[2] { alignment = value }
        guard alignment > 0, alignment <= 1 << 23, alignment & (alignment - 1) == 0 else {
            throw failure("the alignment is no power of two")
        }
        let bytes = max(alignment, 8)
        try destination(type) { (lowering, d) throws(CompileError) in
            var i = lowering.control(.allocateLocal)
            i.mode = type.bits == 64 ? 1 : 0
            i.a = size
            i.d = d
            i.immediate = Int64(bytes)
            lowering.append(i)
        }
    }

    private mutating func lowerStack() throws(CompileError) {
        let type = try type()
        usesStack = true
        let isSave = name.opcode == .stacksave
        var i = control(isSave ? .saveStack : .restoreStack)
        i.mode = type.bits == 64 ? 1 : 0
        guard isSave else {
            i.a = try source(0, type)
            append(i)
            return
        }
        let draft = i
        try destination(type) { (lowering, d) throws(CompileError) in
            var i = draft
            i.d = d
            lowering.append(i)
        }
    }
}
