import CLanes
import Lanes
import PTX

extension FunctionLowering {
    /// `add`, `sub`, `mul`, `fma` of `.f32x2`: two singles in 64 bits.
    mutating func lowerSinglePair() throws(CompileError) {
        let mode = floatMode()
        let operation: FloatOps.Arithmetic
        switch name.opcode {
        case .add: operation = .add
        case .sub: operation = .subtract
        case .mul: operation = .multiply
        case .fma: operation = .fma
        default: throw unsupported()
        }
        let handler = try require(FloatOps.arithmetic(operation, .f32, mode: mode))
        let count = operation == .fma ? 3 : 2
        var sources: [Int32] = []
        for k in 1...count { sources.append(try source(k, .u64)) }
        var results: [Int32] = []
        for high in [false, true] {
            var parts: [Int32] = []
            for offset in sources { parts.append(try single(offset, high: high)) }
            var i = draft(handler)
            i.guard = -1
            i.mode = mode
            i.a = parts[0]
            i.b = parts[1]
            if count == 3 { i.c = parts[2] }
            i.d = temporary(4)
            append(i)
            results.append(i.d)
        }
        let pack = try require(MoveOps.pack(64))
        try destination(.u64) { (lowering, d) throws(CompileError) in
            var i = lowering.draft(pack)
            i.a = results[0]
            i.b = results[1]
            i.d = d
            lowering.append(i)
        }
    }

    private mutating func single(_ offset: Int32, high: Bool) throws(CompileError) -> Int32 {
        let low = MoveOps.convert(from: 64, to: 32, signed: false)
        var i = draft(try require(high ? MoveOps.upperHalf(64) : low))
        i.guard = -1
        i.a = offset
        i.d = temporary(4)
        i.immediate = 32
        append(i)
        return i.d
    }

    /// The packed video instructions in their plain form: no selectors, masks or saturation.
    mutating func lowerVideo() throws(CompileError) {
        let opcodes: [Syntax.Opcode: (VideoOps.Operation, Int)] = [
            .vadd2: (.add, 16), .vsub2: (.subtract, 16), .vavrg2: (.average, 16),
            .vabsdiff2: (.difference, 16), .vmin2: (.minimum, 16), .vmax2: (.maximum, 16),
            .vadd4: (.add, 8), .vsub4: (.subtract, 8), .vavrg4: (.average, 8),
            .vabsdiff4: (.difference, 8), .vmin4: (.minimum, 8), .vmax4: (.maximum, 8),
            .vabsdiff: (.difference, 32), .vmin: (.minimum, 32), .vmax: (.maximum, 32),
            .vadd: (.add, 32), .vsub: (.subtract, 32),
        ]
        guard let (operation, bits) = opcodes[name.opcode], name.types.count == 3,
            name.types.allSatisfy({ $0 == .u32 || $0 == .s32 }),
            name.modifiers.allSatisfy({ $0 == .add })
        else { throw unsupported() }
        let signs = name.types.map { $0 == .s32 }
        // Operands of different signs, and results of another one, only where it does not matter.
        guard signs[1] == signs[2],
            signs[0] == signs[1] || operation == .difference || operation == .add
                || operation == .subtract
        else { throw unsupported() }
        let accumulates = name.has(.add)
        guard operands.count >= 3, bits < 32 || operands.count == (accumulates ? 4 : 3) else {
            throw unsupported()
        }
        let a = try source(1, .u32)
        let b = try source(2, .u32)
        let c = operands.count > 3 ? try source(3, .u32) : constant(0, 4)
        var mode: UInt8 = (signs[1] ? 1 : 0) | (accumulates ? 2 : 0)
        mode |= bits == 8 ? 0x10 : bits == 16 ? 0x20 : 0x40
        try destination(.u32) { (lowering, d) throws(CompileError) in
            var i = lowering.draft(VideoOps.handler(operation))
            i.mode = mode
            i.a = a
            i.b = b
            i.c = c
            i.d = d
            lowering.append(i)
        }
    }
}
