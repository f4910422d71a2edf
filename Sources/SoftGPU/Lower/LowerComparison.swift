import CLanes
import Lanes
import PTX

extension FunctionLowering {
    /// A comparison as the handlers have it.
    struct Condition {
        var comparison: Comparison
        var isInverted = false
        var isSwapped = false
    }

    /// `setp`, `set`, `selp`, `slct`.
    mutating func lowerComparison() throws(CompileError) {
        switch name.opcode {
        case .selp: try lowerSelect()
        case .slct: try lowerSignSelect()
        case .setp: try lowerSetPredicate()
        default: try lowerSet()
        }
    }

    private func condition(_ isFloat: Bool) throws(CompileError) -> Condition {
        for modifier in name.modifiers {
            switch modifier {
            case .eq: return Condition(comparison: .equal)
            case .ne where isFloat: return Condition(comparison: .different)
            case .ne: return Condition(comparison: .equal, isInverted: true)
            case .lt, .lo: return Condition(comparison: .less)
            case .gt, .hi: return Condition(comparison: .less, isSwapped: true)
            case .le where isFloat: return Condition(comparison: .lessOrEqual)
            case .ge where isFloat: return Condition(comparison: .lessOrEqual, isSwapped: true)
            case .le, .ls:
                return Condition(comparison: .less, isInverted: true, isSwapped: true)
            case .ge, .hs: return Condition(comparison: .less, isInverted: true)
            case .equ: return Condition(comparison: .different, isInverted: true)
            case .neu: return Condition(comparison: .equal, isInverted: true)
            case .ltu:
                return Condition(comparison: .lessOrEqual, isInverted: true, isSwapped: true)
            case .leu: return Condition(comparison: .less, isInverted: true, isSwapped: true)
            case .gtu: return Condition(comparison: .lessOrEqual, isInverted: true)
            case .geu: return Condition(comparison: .less, isInverted: true)
            case .num: return Condition(comparison: .numbers)
            case .nan: return Condition(comparison: .numbers, isInverted: true)
            default: continue
            }
        }
        throw unsupported()
    }

    /// The instruction of a comparison of operands `first` and `first + 1`, with the predicate
    /// operand after them if the name has a Boolean operation; without destinations.
    private mutating func comparison(
        _ type: LaneType,
        first: Int
    ) throws(CompileError) -> LaneInstruction {
        let condition = try condition(type.isFloat)
        let a = try source(first, type)
        let b = try source(first + 1, type)
        var i = draft(try require(CompareOps.compare(condition.comparison, type)))
        i.a = condition.isSwapped ? b : a
        i.b = condition.isSwapped ? a : b
        i.mode = condition.isInverted ? 1 : 0
        if name.has(.ftz) { i.mode |= 2 }
        if name.has(.and) || name.has(.or) || name.has(.xor) {
            let c = try predicateOperand(try operand(first + 2))
            i.c = c.offset
            i.mode |= name.has(.and) ? 0x10 : name.has(.or) ? 0x20 : 0x30
            if c.isNegated { i.mode |= 0x40 }
        }
        return i
    }

    private mutating func lowerSetPredicate() throws(CompileError) {
        guard let last = name.types.last, let type = Self.laneType(last) else {
            throw unsupported()
        }
        if type == .f16x2 || type == .bf16x2 { return try lowerPackedComparison(type) }
        var i = try comparison(type, first: 1)
        switch try operand(0) {
        case .pair(let p, let q):
            i.d =
                try p.map { (id) throws(CompileError) in
                    try predicateOperand(.register(id)).offset
                } ?? temporaryPredicate()
            i.e =
                try q.map { (id) throws(CompileError) in
                    try predicateOperand(.register(id)).offset
                } ?? -1
        case .sink: i.d = temporaryPredicate()
        case let single: i.d = try predicateOperand(single).offset
        }
        append(i)
    }

    /// `setp.….f16x2 p|q, a, b`: p of the low halves, q of the high ones.
    private mutating func lowerPackedComparison(_ type: LaneType) throws(CompileError) {
        let half: LaneType = type == .f16x2 ? .f16 : .bf16
        guard case .pair(let p, let q) = try operand(0) else {
            throw failure("two predicates are expected")
        }
        let condition = try condition(true)
        let handler = try require(CompareOps.compare(condition.comparison, half))
        let a = try source(1, .u32)
        let b = try source(2, .u32)
        for (high, id) in [(false, p), (true, q)] {
            guard let id else { continue }
            let x = try halfOf(a, high: high)
            let y = try halfOf(b, high: high)
            var i = draft(handler)
            i.a = condition.isSwapped ? y : x
            i.b = condition.isSwapped ? x : y
            i.mode = (condition.isInverted ? 1 : 0) | (name.has(.ftz) ? 2 : 0)
            if name.has(.and) || name.has(.or) || name.has(.xor) {
                let c = try predicateOperand(try operand(3))
                i.c = c.offset
                i.mode |= name.has(.and) ? 0x10 : name.has(.or) ? 0x20 : 0x30
                if c.isNegated { i.mode |= 0x40 }
            }
            i.d = try predicateOperand(.register(id)).offset
            append(i)
        }
    }

    /// The low or high 16 bits of a 32-bit register, in a temporary.
    mutating func halfOf(_ offset: Int32, high: Bool) throws(CompileError) -> Int32 {
        let low = MoveOps.convert(from: 32, to: 16, signed: false)
        var i = draft(try require(high ? MoveOps.upperHalf(32) : low))
        i.guard = -1
        i.a = offset
        i.d = temporary(2)
        i.immediate = 16
        append(i)
        return i.d
    }

    /// `set.CmpOp.dtype.stype d, a, b`: all ones or 1.0 where it holds.
    private mutating func lowerSet() throws(CompileError) {
        let result = try type(0)
        let type = try type(name.types.count - 1)
        if type == .f16x2 || type == .bf16x2 { return try lowerPackedSet(result, type) }
        var i = try comparison(type, first: 1)
        let holds = temporaryPredicate()
        i.d = holds
        i.guard = -1
        append(i)
        let (yes, no) = try truth(result)
        try choose(result, yes: yes, no: no, holds)
    }

    /// What `set` writes where the comparison holds, and where not.
    private mutating func truth(_ type: LaneType) throws(CompileError) -> (Int32, Int32) {
        let one: UInt64
        switch type {
        case .f32: one = 0x3f80_0000
        case .f16: one = 0x3c00
        case .bf16: one = 0x3f80
        case .u16, .s16, .u32, .s32: one = ~0
        default: throw unsupported()
        }
        let width = max(2, type.bits / 8)
        return (constant(one, width), constant(0, width))
    }

    private mutating func choose(
        _ type: LaneType,
        yes: Int32,
        no: Int32,
        _ predicate: Int32,
        isNegated: Bool = false
    ) throws(CompileError) {
        let handler = try require(MoveOps.select(max(16, type.bits)))
        try destination(type) { (lowering, d) throws(CompileError) in
            var i = lowering.draft(handler)
            i.a = yes
            i.b = no
            i.c = predicate
            i.d = d
            i.mode = isNegated ? 1 : 0
            lowering.append(i)
        }
    }

    /// `set.….f16x2.f16x2`, `set.….u32.f16x2`: each half by itself.
    private mutating func lowerPackedSet(
        _ result: LaneType,
        _ type: LaneType
    ) throws(CompileError) {
        let half: LaneType = type == .f16x2 ? .f16 : .bf16
        let condition = try condition(true)
        let handler = try require(CompareOps.compare(condition.comparison, half))
        let a = try source(1, .u32)
        let b = try source(2, .u32)
        let one: UInt64 = result == .f16x2 ? 0x3c00 : result == .bf16x2 ? 0x3f80 : 0xffff
        let yes = constant(one, 2)
        let no = constant(0, 2)
        var halves: [Int32] = []
        for high in [false, true] {
            let x = try halfOf(a, high: high)
            let y = try halfOf(b, high: high)
            var i = draft(handler)
            i.guard = -1
            i.a = condition.isSwapped ? y : x
            i.b = condition.isSwapped ? x : y
            i.mode = (condition.isInverted ? 1 : 0) | (name.has(.ftz) ? 2 : 0)
            if name.has(.and) || name.has(.or) || name.has(.xor) {
                let c = try predicateOperand(try operand(3))
                i.c = c.offset
                i.mode |= name.has(.and) ? 0x10 : name.has(.or) ? 0x20 : 0x30
                if c.isNegated { i.mode |= 0x40 }
            }
            i.d = temporaryPredicate()
            append(i)
            var s = draft(try require(MoveOps.select(16)))
            s.guard = -1
            s.a = yes
            s.b = no
            s.c = i.d
            s.d = temporary(2)
            append(s)
            halves.append(s.d)
        }
        let pack = try require(MoveOps.pack(32))
        try destination(.u32) { (lowering, d) throws(CompileError) in
            var i = lowering.draft(pack)
            i.a = halves[0]
            i.b = halves[1]
            i.d = d
            lowering.append(i)
        }
    }

    private mutating func lowerSelect() throws(CompileError) {
        let type = try type()
        let a = try source(1, type)
        let b = try source(2, type)
        let c = try predicateOperand(try operand(3))
        try choose(type, yes: a, no: b, c.offset, isNegated: c.isNegated)
    }

    /// `slct.dtype.ctype d, a, b, c`: c ≥ 0 ? a : b.
    private mutating func lowerSignSelect() throws(CompileError) {
        let result = try type(0)
        let sign = try type(1)
        let a = try source(1, result)
        let b = try source(2, result)
        var c = try source(3, sign)
        if name.has(.ftz), sign == .f32 {
            var i = draft(FloatOps.flushSubnormals())
            i.guard = -1
            i.a = c
            i.d = temporary(4)
            append(i)
            c = i.d
        }
        let holds = temporaryPredicate()
        var i = draft(try require(MoveOps.signBitIsClear(sign)))
        i.guard = -1
        i.a = c
        i.d = holds
        append(i)
        try choose(result, yes: a, no: b, holds)
    }
}
