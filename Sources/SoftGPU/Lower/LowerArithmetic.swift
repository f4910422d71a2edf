import CLanes
import Lanes
import PTX

extension FunctionLowering {
    /// Arithmetic of all types.
    mutating func lowerArithmetic() throws(CompileError) {
        switch name.opcode {
        case .addc, .subc, .madc: return try lowerCarry()
        case .add, .sub, .mad:
            if name.has(.cc) { return try lowerCarry() }
        case .dp4a, .dp2a: return try lowerDotProduct()
        case .testp: return try lowerTest()
        default: break
        }
        if name.types.first == .f32x2 { return try lowerSinglePair() }
        let type = try type()
        switch type {
        case .f32, .f64: try lowerFloat(type)
        case .f16, .bf16, .f16x2, .bf16x2: try lowerHalf(type)
        default:
            try lowerInteger(type)
        }
    }

    private mutating func lowerInteger(_ type: LaneType) throws(CompileError) {
        switch name.opcode {
        case .add where type == .u16x2 || type == .s16x2:
            try simple(PackedOps.add(type), .u32, [.u32, .u32])
        case .min where type == .u16x2 || type == .s16x2:
            try simple(PackedOps.extreme(type, maximum: false), .u32, [.u32, .u32])
        case .max where type == .u16x2 || type == .s16x2:
            try simple(PackedOps.extreme(type, maximum: true), .u32, [.u32, .u32])
        case .add where name.has(.sat):
            guard type == .s32 else { throw unsupported() }
            try simple(IntegerOps.addSaturating(), type, [type, type])
        case .sub where name.has(.sat):
            guard type == .s32 else { throw unsupported() }
            try simple(IntegerOps.subtractSaturating(), type, [type, type])
        case .add: try simple(IntegerOps.add(type), type, [type, type])
        case .sub: try simple(IntegerOps.subtract(type), type, [type, type])
        case .mul, .mad: try lowerProduct(type)
        case .mul24, .mad24: try lowerProduct24(type)
        case .sad: try simple(IntegerOps.sumOfDifference(type), type, [type, type, type])
        case .div: try simple(IntegerOps.divide(type), type, [type, type])
        case .rem: try simple(IntegerOps.remainder(type), type, [type, type])
        case .abs: try simple(IntegerOps.absolute(type), type, [type])
        case .neg: try simple(IntegerOps.negate(type), type, [type])
        case .min:
            try simple(IntegerOps.minimum(type, relu: name.has(.relu)), type, [type, type])
        case .max:
            try simple(IntegerOps.maximum(type, relu: name.has(.relu)), type, [type, type])
        default: throw unsupported()
        }
    }

    private mutating func lowerProduct(_ type: LaneType) throws(CompileError) {
        let isMad = name.opcode == .mad
        if name.has(.wide) {
            let wide: LaneType
            switch type {
            case .u16: wide = .u32
            case .s16: wide = .s32
            case .u32: wide = .u64
            case .s32: wide = .s64
            default: throw unsupported()
            }
            if isMad {
                try simple(IntegerOps.multiplyAddWide(type), wide, [type, type, wide])
            } else {
                try simple(IntegerOps.multiplyWide(type), wide, [type, type])
            }
        } else if name.has(.hi) {
            if isMad, name.has(.sat) {
                guard type == .s32 else { throw unsupported() }
                try simple(IntegerOps.multiplyAddHighSaturating(), type, [type, type, type])
            } else if isMad {
                try simple(IntegerOps.multiplyAddHigh(type), type, [type, type, type])
            } else {
                try simple(IntegerOps.multiplyHigh(type), type, [type, type])
            }
        } else if isMad {
            try simple(IntegerOps.multiplyAddLow(type), type, [type, type, type])
        } else {
            try simple(IntegerOps.multiplyLow(type), type, [type, type])
        }
    }

    private mutating func lowerProduct24(_ type: LaneType) throws(CompileError) {
        let handler = try require(IntegerOps.multiply24(type, high: name.has(.hi)))
        guard name.opcode == .mad24 else {
            try simple(handler, type, [type, type])
            return
        }
        let a = try source(1, type)
        let b = try source(2, type)
        let c = try source(3, type)
        let product = temporary(4)
        var i = draft(handler)
        i.a = a
        i.b = b
        i.d = product
        append(i)
        let isSaturating = name.has(.sat) && type == .s32
        let add = isSaturating ? IntegerOps.addSaturating() : try require(IntegerOps.add(type))
        try destination(type) { (lowering, d) throws(CompileError) in
            var i = lowering.draft(add)
            i.a = product
            i.b = c
            i.d = d
            lowering.append(i)
        }
    }

    /// The rounding, `.ftz` and `.sat` of the name, as `LaneInstruction.mode`.
    func floatMode() -> UInt8 {
        var mode: UInt8 = 0
        if name.has(.rz) { mode = 1 }
        if name.has(.rm) { mode = 2 }
        if name.has(.rp) { mode = 3 }
        if name.has(.ftz) { mode |= FloatOps.flush }
        if name.has(.sat) { mode |= FloatOps.saturate }
        return mode
    }

    private mutating func lowerFloat(_ type: LaneType) throws(CompileError) {
        let mode = floatMode()
        func arithmetic(_ operation: FloatOps.Arithmetic) -> Handler? {
            FloatOps.arithmetic(operation, type, mode: mode)
        }
        let isSingle = type == .f32
        switch name.opcode {
        case .add: try lowerMixed(.add, type, mode)
        case .sub: try lowerMixed(.subtract, type, mode)
        case .mul: try simple(arithmetic(.multiply), type, [type, type], mode: mode)
        case .mad: try simple(arithmetic(.fma), type, [type, type, type], mode: mode)
        case .fma: try lowerMixed(.fma, type, mode)
        case .div:
            if name.has(.approx) {
                try simple(ApproximateOps.divide(), type, [type, type], mode: mode)
            } else {
                try simple(arithmetic(.divide), type, [type, type], mode: mode)
            }
        case .rcp where name.has(.approx) && !isSingle:
            try simple(ApproximateOps.reciprocalDouble(), type, [type])
        case .rcp: try simple(FloatOps.reciprocal(type), type, [type], mode: mode)
        case .sqrt: try simple(arithmetic(.squareRoot), type, [type], mode: mode)
        case .rsqrt where !isSingle:
            try simple(ApproximateOps.rsqrtDouble(short: name.has(.ftz)), type, [type])
        case .rsqrt, .sin, .cos, .lg2, .ex2, .tanh:
            guard isSingle else { throw unsupported() }
            try simple(ApproximateOps.function(name.opcode.rawValue), type, [type], mode: mode)
        case .neg, .abs: try lowerSign(type, mode)
        case .copysign: try simple(FloatOps.copySign(type), type, [type, type])
        case .min, .max: try lowerExtreme(type, mode)
        default: throw unsupported()
        }
    }

    /// `add`, `sub` and `fma`, also with f16 or bf16 operands of an f32 result.
    private mutating func lowerMixed(
        _ operation: FloatOps.Arithmetic,
        _ type: LaneType,
        _ mode: UInt8
    ) throws(CompileError) {
        guard name.types.count == 1 else { throw unsupported() }
        let sources = Array(repeating: type, count: operation == .fma ? 3 : 2)
        try simple(FloatOps.arithmetic(operation, type, mode: mode), type, sources, mode: mode)
    }

    private mutating func lowerSign(_ type: LaneType, _ mode: UInt8) throws(CompileError) {
        let handler = try require(
            name.opcode == .neg ? FloatOps.negate(type) : FloatOps.absolute(type)
        )
        guard mode & FloatOps.flush != 0 else {
            try simple(handler, type, [type])
            return
        }
        let a = try source(1, type)
        let flushed = temporary(4)
        var i = draft(FloatOps.flushSubnormals())
        i.guard = -1
        i.a = a
        i.d = flushed
        append(i)
        try destination(type) { (lowering, d) throws(CompileError) in
            var i = lowering.draft(handler)
            i.a = flushed
            i.d = d
            lowering.append(i)
        }
    }

    private mutating func lowerExtreme(_ type: LaneType, _ mode: UInt8) throws(CompileError) {
        var mode = mode
        if name.has(.canonicalNaN) { mode |= 16 }
        if name.has(.xorsign) { mode |= 32 }
        let isMaximum = name.opcode == .max
        let handler = try require(FloatOps.extreme(type, maximum: isMaximum, mode: mode))
        guard operands.count > 3 else {
            try simple(handler, type, [type, type], mode: mode)
            return
        }
        // Three inputs (sm_100).
        let a = try source(1, type)
        let b = try source(2, type)
        let c = try source(3, type)
        let first = temporary(4)
        var i = draft(handler)
        i.mode = mode
        i.a = a
        i.b = b
        i.d = first
        append(i)
        try destination(type) { (lowering, d) throws(CompileError) in
            var i = lowering.draft(handler)
            i.mode = mode
            i.a = first
            i.b = c
            i.d = d
            lowering.append(i)
        }
    }

    private mutating func lowerTest() throws(CompileError) {
        let type = try type()
        let tests: [(Syntax.Modifier, UInt8)] = [
            (.finite, 0), (.infinite, 1), (.number, 2), (.notanumber, 3), (.normal, 4),
            (.subnormal, 5),
        ]
        guard let test = tests.first(where: { name.has($0.0) }) else { throw unsupported() }
        try simple(CompareOps.test(type), .pred, [type], mode: test.1)
    }

    /// `add.cc`, `addc`, `sub.cc`, `subc`, `mad.cc`, `madc`.
    private mutating func lowerCarry() throws(CompileError) {
        let type = try type()
        let operation: CarryOps.Operation
        switch name.opcode {
        case .add: operation = .add
        case .addc: operation = .add
        case .sub, .subc: operation = .subtract
        default: operation = name.has(.hi) ? .multiplyHigh : .multiplyLow
        }
        let readsCarry = [.addc, .subc, .madc].contains(name.opcode)
        if carry < 0 { carry = takeFrame(4) }
        let carrySlot = carry
        let mode: UInt8 = (readsCarry ? 1 : 0) | (name.has(.cc) ? 2 : 0)
        let handler = try require(CarryOps.handler(operation, type))
        let a = try source(1, type)
        let b = try source(2, type)
        let c = operands.count > 3 ? try source(3, type) : -1
        try destination(type) { (lowering, d) throws(CompileError) in
            var i = lowering.draft(handler)
            i.mode = mode
            i.a = a
            i.b = b
            i.c = c
            i.d = d
            i.e = carrySlot
            lowering.append(i)
        }
    }

    private mutating func lowerDotProduct() throws(CompileError) {
        guard name.types.count == 2 else { throw unsupported() }
        let a = try type(0)
        let b = try type(1)
        var mode: UInt8 = (a.isSigned ? 1 : 0) | (b.isSigned ? 2 : 0)
        if name.has(.hi) { mode |= 4 }
        let result: LaneType = a.isSigned || b.isSigned ? .s32 : .u32
        let handler = name.opcode == .dp4a ? PackedOps.dot4() : PackedOps.dot2()
        try simple(handler, result, [.u32, .u32, .u32], mode: mode)
    }
}
