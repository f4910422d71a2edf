import CLanes
import Lanes
import PTX

extension FunctionLowering {
    /// Logic, shifts and bit fields.
    mutating func lowerBits() throws(CompileError) {
        if name.opcode == .lop3 { return try lowerLogic3() }
        if name.opcode == .prmt { return try lowerPermute() }
        let type = try type()
        switch name.opcode {
        case .and: try simple(BitOps.and(type), type, [type, type])
        case .or: try simple(BitOps.or(type), type, [type, type])
        case .xor: try simple(BitOps.xor(type), type, [type, type])
        case .not: try simple(BitOps.not(type), type, [type])
        case .cnot: try simple(BitOps.logicalNot(type), type, [type])
        case .shl: try simple(BitOps.shiftLeft(type), type, [type, .u32])
        case .shr: try simple(BitOps.shiftRight(type), type, [type, .u32])
        case .shf:
            let handler = BitOps.funnelShift(left: name.has(.l), wrap: name.has(.wrap))
            try simple(handler, .u32, [.u32, .u32, .u32])
        case .popc: try simple(BitOps.population(type), .u32, [type])
        case .clz: try simple(BitOps.leadingZeros(type), .u32, [type])
        case .bfind:
            let handler = BitOps.findHigh(type, shiftAmount: name.has(.shiftamt))
            try simple(handler, .u32, [type])
        case .fns: try simple(BitOps.findNth(), .u32, [.u32, .u32, .s32])
        case .brev: try simple(BitOps.reverse(type), type, [type])
        case .bfe: try simple(BitOps.extract(type), type, [type, .u32, .u32])
        case .bfi: try simple(BitOps.insert(type), type, [type, type, .u32, .u32])
        case .bmsk: try simple(BitOps.mask(wrap: name.has(.wrap)), .u32, [.u32, .u32])
        case .szext: try simple(BitOps.extend(type, wrap: name.has(.wrap)), type, [type, .u32])
        default: throw unsupported()
        }
    }

    private mutating func lowerPermute() throws(CompileError) {
        let modes: [(Syntax.Modifier, UInt8)] = [
            (.f4e, 1), (.b4e, 2), (.rc8, 3), (.ecl, 4), (.ecr, 5), (.rc16, 6),
        ]
        let mode = modes.first { name.has($0.0) }?.1 ?? 0
        try simple(BitOps.permute(), .u32, [.u32, .u32, .u32], mode: mode)
    }

    /// `lop3.b32 d, a, b, c, table` and `lop3.BoolOp.b32 d|p, a, b, c, table, q`.
    private mutating func lowerLogic3() throws(CompileError) {
        guard case .integer(let table) = try operand(4) else {
            throw failure("the table must be a constant")
        }
        let a = try source(1, .u32)
        let b = try source(2, .u32)
        let c = try source(3, .u32)
        var result = try operand(0)
        var flag: Syntax.Operand = .sink
        if case .pair(let first, let second) = result {
            result = first.map { .register($0) } ?? .sink
            flag = second.map { .register($0) } ?? .sink
        }
        var written: Int32 = -1
        try destination(result, .u32) { (lowering, d) throws(CompileError) in
            var i = lowering.draft(BitOps.logic3())
            i.a = a
            i.b = b
            i.c = c
            i.d = d
            i.immediate = Int64(table & 255)
            lowering.append(i)
            written = d
        }
        guard name.has(.or) || name.has(.and) else { return }
        let q = try predicateOperand(try operand(5))
        let zero = constant(0, 4)
        let mode: UInt8 = 1 | (name.has(.and) ? 0x10 : 0x20) | (q.isNegated ? 0x40 : 0)
        let handler = try require(CompareOps.compare(.equal, .u32))
        let value = written
        try destination(flag, .pred) { (lowering, d) throws(CompileError) in
            var i = lowering.draft(handler)
            i.mode = mode
            i.a = value
            i.b = zero
            i.c = q.offset
            i.d = d
            lowering.append(i)
        }
    }
}
