import CLanes
import Lanes
import PTX

extension FunctionLowering {
    /// Arithmetic of f16 and bf16, single and packed.
    mutating func lowerHalf(_ type: LaneType) throws(CompileError) {
        guard name.types.count == 1 else { throw unsupported() }
        if name.has(.rz) || name.has(.rm) || name.has(.rp) { throw unsupported() }
        var mode = floatMode()
        if name.has(.canonicalNaN) { mode |= 16 }
        if name.has(.xorsign) { mode |= 32 }
        if name.has(.relu) { mode |= HalfOps.relu }
        func handler(_ operation: HalfOps.Operation) -> Handler? {
            HalfOps.handler(operation, type)
        }
        switch name.opcode {
        case .add: try simple(handler(.add), type, [type, type], mode: mode)
        case .sub: try simple(handler(.subtract), type, [type, type], mode: mode)
        case .mul: try simple(handler(.multiply), type, [type, type], mode: mode)
        case .fma:
            if name.has(.oob) { throw unsupported() }
            try simple(handler(.fma), type, [type, type, type], mode: mode)
        case .min, .max:
            guard operands.count == 3 else { throw unsupported() }
            let operation: HalfOps.Operation = name.opcode == .min ? .minimum : .maximum
            try simple(handler(operation), type, [type, type], mode: mode)
        case .neg, .abs:
            if name.has(.ftz) { throw unsupported() }
            let table = name.opcode == .neg ? FloatOps.negate(type) : FloatOps.absolute(type)
            try simple(table, type, [type])
        case .ex2, .tanh:
            try simple(HalfOps.function(name.opcode.rawValue, type), type, [type], mode: mode)
        default: throw unsupported()
        }
    }
}
