import CLanes
import Lanes
import PTX

extension FunctionLowering {
    /// Exchange between lanes.
    mutating func lowerWarp() throws(CompileError) {
        switch name.opcode {
        case .shfl: try lowerShuffle()
        case .vote: try lowerVote()
        case .match: try lowerMatch()
        case .redux: try lowerReduction()
        case .elect: try lowerElection()
        default:
            try destination(.u32) { (lowering, d) throws(CompileError) in
                var i = lowering.draft(WarpOps.activeMask())
                i.d = d
                lowering.append(i)
            }
        }
    }

    /// An instruction that waits for the lanes of the mask operand; without `.sync` it takes those
    /// that are there.
    private mutating func synchronized(
        _ handler: @escaping Handler,
        mask k: Int
    ) throws(CompileError) -> LaneInstruction {
        var i = draft(handler)
        if name.has(.sync) {
            i.kind = Control.synchronized.rawValue
            try setLaneMask(&i, try operand(k))
        } else {
            i.aux = -1
            i.immediate = 0xffff_ffff
        }
        return i
    }

    /// The destination and the predicate of `d|p`.
    private func withPredicate(
        _ operand: Syntax.Operand
    ) throws(CompileError) -> (result: Syntax.Operand, predicate: Int32) {
        guard case .pair(let d, let p) = operand else { return (operand, -1) }
        let offset = try p.map { (id) throws(CompileError) in
            try predicateOperand(.register(id)).offset
        }
        return (d.map { .register($0) } ?? .sink, offset ?? -1)
    }

    private mutating func lowerShuffle() throws(CompileError) {
        let kinds: [(Syntax.Modifier, WarpOps.Shuffle)] = [
            (.up, .up), (.down, .down), (.bfly, .butterfly), (.idx, .index),
        ]
        guard let kind = kinds.first(where: { name.has($0.0) })?.1 else { throw unsupported() }
        let target = try withPredicate(try operand(0))
        let a = try source(1, .u32)
        let b = try source(2, .u32)
        let c = try source(3, .u32)
        var i = try synchronized(WarpOps.shuffle(kind), mask: 4)
        i.a = a
        i.b = b
        i.c = c
        i.e = target.predicate
        let draft = i
        try destination(target.result, .u32) { (lowering, d) throws(CompileError) in
            var i = draft
            i.d = d
            lowering.append(i)
        }
    }

    private mutating func lowerVote() throws(CompileError) {
        let kinds: [(Syntax.Modifier, WarpOps.Vote)] = [
            (.all, .all), (.any, .any), (.uni, .uniform), (.ballot, .ballot),
        ]
        guard let kind = kinds.first(where: { name.has($0.0) })?.1 else { throw unsupported() }
        let p: (offset: Int32, isNegated: Bool)
        if case .integer = try operand(1) {
            p = (try source(1, .pred), false)
        } else {
            p = try predicateOperand(try operand(1))
        }
        var i = try synchronized(WarpOps.vote(kind), mask: 2)
        i.a = p.offset
        i.mode = p.isNegated ? 1 : 0
        let draft = i
        try destination(kind == .ballot ? .u32 : .pred) { (lowering, d) throws(CompileError) in
            var i = draft
            i.d = d
            lowering.append(i)
        }
    }

    private mutating func lowerMatch() throws(CompileError) {
        let type = try type()
        let target = try withPredicate(try operand(0))
        let a = try source(1, type)
        let handler = try require(WarpOps.match(type, all: name.has(.all)))
        var i = try synchronized(handler, mask: 2)
        i.a = a
        i.e = target.predicate
        let draft = i
        try destination(target.result, .u32) { (lowering, d) throws(CompileError) in
            var i = draft
            i.d = d
            lowering.append(i)
        }
    }

    private mutating func lowerReduction() throws(CompileError) {
        let kinds: [(Syntax.Modifier, WarpOps.Reduction)] = [
            (.add, .add), (.min, .minimum), (.max, .maximum), (.and, .and), (.or, .or),
            (.xor, .xor),
        ]
        guard let kind = kinds.first(where: { name.has($0.0) })?.1 else { throw unsupported() }
        let type = try type()
        guard !type.isFloat else { throw unsupported() }
        let a = try source(1, type)
        var i = try synchronized(try require(WarpOps.reduce(kind, type)), mask: 2)
        i.a = a
        let draft = i
        try destination(type) { (lowering, d) throws(CompileError) in
            var i = draft
            i.d = d
            lowering.append(i)
        }
    }

    private mutating func lowerElection() throws(CompileError) {
        let target = try withPredicate(try operand(0))
        var i = try synchronized(WarpOps.elect(), mask: 1)
        i.e = target.predicate
        let draft = i
        try destination(target.result, .u32) { (lowering, d) throws(CompileError) in
            var i = draft
            i.d = d
            lowering.append(i)
        }
    }
}
