import CLanes
import Lanes
import PTX

extension FunctionLowering {
    /// How the lanes of a PTX type are computed with; nil for types without arithmetic.
    static func laneType(_ type: Syntax.ScalarType) -> LaneType? {
        switch type {
        case .b8, .u8: .u8
        case .s8: .s8
        case .b16, .u16: .u16
        case .s16: .s16
        case .b32, .u32: .u32
        case .s32: .s32
        case .b64, .u64: .u64
        case .s64: .s64
        case .f16: .f16
        case .bf16: .bf16
        case .f32, .tf32: .f32
        case .f64: .f64
        case .f16x2: .f16x2
        case .bf16x2: .bf16x2
        case .u16x2: .u16x2
        case .s16x2: .s16x2
        case .pred: .pred
        case .u8x4, .s8x4: .u32
        default: nil
        }
    }

    /// The type at a position of the instruction's name.
    func type(_ k: Int = 0) throws(CompileError) -> LaneType {
        guard k < name.types.count, let type = Self.laneType(name.types[k]) else {
            throw unsupported()
        }
        return type
    }

    /// The k-th operand.
    func operand(_ k: Int) throws(CompileError) -> Syntax.Operand {
        guard k < operands.count else { throw failure("operand \(k + 1) is missing") }
        return operands[k]
    }

    /// The elements of a vector operand, or the operand itself.
    func elements(_ operand: Syntax.Operand) -> [Syntax.Operand] {
        switch operand {
        case .vector(let range), .list(let range): Array(body.operands(range))
        default: [operand]
        }
    }

    /// Where a register, or a part of a vector register, is; with its bytes per lane.
    func place(_ operand: Syntax.Operand) -> (offset: Int32, width: Int)? {
        switch operand {
        case .register(let id):
            return (registerOffsets[id.index], registerWidths[id.index])
        case .part(let id, let part):
            let index: Int
            switch part {
            case .x: index = 0
            case .y: index = 1
            case .z: index = 2
            case .w: index = 3
            default: return nil
            }
            let width = registerWidths[id.index]
            guard index < body.register(id).vectorWidth else { return nil }
            return (registerOffsets[id.index] + Int32(index * width * 32), width)
        default: return nil
        }
    }

    /// The offset of a source operand whose lanes are read as `type`; wider registers are narrowed,
    /// narrower ones widened by the type's signedness.
    mutating func source(
        _ operand: Syntax.Operand,
        _ type: LaneType
    ) throws(CompileError) -> Int32 {
        if type == .pred { return try predicateSource(operand) }
        let width = max(2, type.bits / 8)
        if let (offset, actual) = place(operand) {
            if actual == width { return offset }
            guard actual > 0, actual <= 8 else { throw failure("operand is not a number") }
            return try converted(offset, actual, width, type)
        }
        switch operand {
        case .integer(let value): return constant(immediate(value, type), width)
        case .float32(let bits): return constant(floating(bits, type), width)
        case .float64(let bits): return constant(floating(bits, type), width)
        case .special(let register): return try special(register, width)
        case .address(let address): return try addressValue(address, width)
        default: throw failure("operand of an unexpected kind")
        }
    }

    /// The k-th operand as a source.
    mutating func source(_ k: Int, _ type: LaneType) throws(CompileError) -> Int32 {
        try source(try operand(k), type)
    }

    private mutating func converted(
        _ offset: Int32,
        _ from: Int,
        _ to: Int,
        _ type: LaneType
    ) throws(CompileError) -> Int32 {
        let handler = try require(
            MoveOps.convert(from: from * 8, to: to * 8, signed: type.isSigned)
        )
        var i = draft(handler)
        i.guard = -1
        i.a = offset
        i.d = temporary(to)
        i.immediate = Int64(min(from, to) * 8)
        append(i)
        return i.d
    }

    /// Integers in a floating-point position are numbers.
    private func immediate(_ value: UInt64, _ type: LaneType) -> UInt64 {
        switch type {
        case .f32: UInt64(Float(Int64(bitPattern: value)).bitPattern)
        case .f64: Double(Int64(bitPattern: value)).bitPattern
        default: value
        }
    }

    /// `0f…` in a position of another width: the same number.
    private func floating(_ bits: UInt32, _ type: LaneType) -> UInt64 {
        type == .f64 ? Double(Float(bitPattern: bits)).bitPattern : UInt64(bits)
    }

    private func floating(_ bits: UInt64, _ type: LaneType) -> UInt64 {
        type == .f32 ? UInt64(Float(Double(bitPattern: bits)).bitPattern) : bits
    }

    private mutating func predicateSource(
        _ operand: Syntax.Operand
    ) throws(CompileError) -> Int32 {
        switch operand {
        case .register(let id) where registerWidths[id.index] == 0:
            return registerOffsets[id.index]
        case .notPredicate(let id) where registerWidths[id.index] == 0:
            var i = draft(try require(BitOps.not(.pred)))
            i.guard = -1
            i.a = registerOffsets[id.index]
            i.d = takeFrame(4)
            append(i)
            return i.d
        case .integer(let value):
            var i = draft(MoveOps.setPredicate())
            i.guard = -1
            i.d = takeFrame(4)
            i.immediate = value == 0 ? 0 : -1
            append(i)
            return i.d
        default: throw failure("operand is not a predicate")
        }
    }

    /// A predicate operand and whether it is negated.
    func predicateOperand(
        _ operand: Syntax.Operand
    ) throws(CompileError) -> (offset: Int32, isNegated: Bool) {
        switch operand {
        case .register(let id) where registerWidths[id.index] == 0:
            return (registerOffsets[id.index], false)
        case .notPredicate(let id) where registerWidths[id.index] == 0:
            return (registerOffsets[id.index], true)
        default: throw failure("operand is not a predicate")
        }
    }

    /// Lets `body` write lanes of `type`, then extends them to the register if that is wider.
    mutating func destination(
        _ operand: Syntax.Operand,
        _ type: LaneType,
        _ body: (inout FunctionLowering, Int32) throws(CompileError) -> Void
    ) throws(CompileError) {
        if type == .pred {
            switch operand {
            case .register(let id) where registerWidths[id.index] == 0:
                try body(&self, registerOffsets[id.index])
            case .sink: try body(&self, temporaryPredicate())
            default: throw failure("destination is not a predicate")
            }
            return
        }
        let width = max(2, type.bits / 8)
        if operand == .sink {
            try body(&self, temporary(width))
            return
        }
        guard let (offset, actual) = place(operand), actual > 0, actual <= 8 else {
            throw failure("destination is not a register")
        }
        if actual == width {
            try body(&self, offset)
            return
        }
        let result = temporary(width)
        try body(&self, result)
        let handler = try require(
            MoveOps.convert(from: width * 8, to: actual * 8, signed: type.isSigned)
        )
        var i = draft(handler)
        i.a = result
        i.d = offset
        i.immediate = Int64(min(width, actual) * 8)
        append(i)
    }

    /// Lets `body` write the first operand.
    mutating func destination(
        _ type: LaneType,
        _ body: (inout FunctionLowering, Int32) throws(CompileError) -> Void
    ) throws(CompileError) {
        try destination(try operand(0), type, body)
    }

    /// d = op(a), d = op(a, b), d = op(a, b, c): one instruction over the operands in order.
    mutating func simple(
        _ handler: Handler?,
        _ result: LaneType,
        _ sources: [LaneType],
        mode: UInt8 = 0
    ) throws(CompileError) {
        let handler = try require(handler)
        var offsets: [Int32] = []
        for (k, type) in sources.enumerated() { offsets.append(try source(k + 1, type)) }
        try destination(result) { (lowering, d) throws(CompileError) in
            var i = lowering.draft(handler)
            i.mode = mode
            i.d = d
            if offsets.count > 0 { i.a = offsets[0] }
            if offsets.count > 1 { i.b = offsets[1] }
            if offsets.count > 2 { i.c = offsets[2] }
            if offsets.count > 3 { i.e = offsets[3] }
            lowering.append(i)
        }
    }
}
