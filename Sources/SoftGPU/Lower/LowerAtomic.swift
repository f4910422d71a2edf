import CLanes
import Lanes
import PTX

extension FunctionLowering {
    /// `atom`, `red`.
    mutating func lowerAtomic() throws(CompileError) {
        if name.has(.async) || name.has(.v2) || name.has(.v4) || name.has(.v8) {
            throw unsupported()
        }
        let operations: [(Syntax.Modifier, AtomicOps.Operation)] = [
            (.exch, .exchange), (.cas, .compareAndSwap), (.add, .add), (.min, .minimum),
            (.max, .maximum), (.and, .and), (.or, .or), (.xor, .xor), (.inc, .increment),
            (.dec, .decrement),
        ]
        guard let operation = operations.first(where: { name.has($0.0) })?.1 else {
            throw unsupported()
        }
        let returns = name.opcode == .atom
        let first = returns ? 1 : 0
        let place = try location(try operand(first), try space())
        if place.mode == .parameter32 || place.mode == .parameter64 { throw unsupported() }
        if name.types.last == .b128 {
            return try lowerWideAtomic(operation, place, first: first, returns: returns)
        }
        let type = try type(name.types.count - 1)
        let handler = try require(AtomicOps.handler(operation, type))
        let b = try source(first + 1, type)
        let c = operation == .compareAndSwap ? try source(first + 2, type) : -1
        func emit(_ lowering: inout FunctionLowering, _ d: Int32) {
            var i = lowering.draft(handler)
            i.a = place.base
            i.immediate = place.displacement
            i.mode = place.mode.rawValue
            i.b = b
            i.c = c
            i.d = d
            lowering.append(i)
        }
        let isUnused = returns ? try operand(0) == .sink : true
        if isUnused {
            emit(&self, -1)
        } else {
            try destination(type) { (lowering, d) throws(CompileError) in emit(&lowering, d) }
        }
    }

    private mutating func lowerWideAtomic(
        _ operation: AtomicOps.Operation,
        _ place: Location,
        first: Int,
        returns: Bool
    ) throws(CompileError) {
        func wide(_ operand: Syntax.Operand) throws(CompileError) -> Int32 {
            guard let found = self.place(operand), found.width == 16 else {
                throw failure("a .b128 register is expected")
            }
            return found.offset
        }
        var i = draft(try require(AtomicOps.wide(operation)))
        i.a = place.base
        i.immediate = place.displacement
        i.mode = place.mode.rawValue
        i.b = try wide(try operand(first + 1))
        i.c = operation == .compareAndSwap ? try wide(try operand(first + 2)) : i.b
        i.d = -1
        if returns, try operand(0) != .sink { i.d = try wide(try operand(0)) }
        append(i)
    }
}
