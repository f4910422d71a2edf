import CLanes
import Lanes
import PTX

extension FunctionLowering {
    /// `mov`, address conversions, `cvt`.
    mutating func lowerMove() throws(CompileError) {
        switch name.opcode {
        case .mov: try lowerCopyOfRegister()
        case .cvta: try lowerAddressConversion()
        case .isspacep: try lowerSpaceTest()
        case .cvt: try lowerConversion()
        case .mapa:
            // A cluster is one block: the address of the same variable there is the same.
            let type: LaneType = name.types.first == .u32 ? .u32 : .u64
            try simple(MoveOps.copy(type), type, [type])
        default:
            try destination(.u32) { (lowering, d) throws(CompileError) in
                var i = lowering.draft(try lowering.require(MoveOps.copy(.u32)))
                i.a = lowering.constant(0, 4)
                i.d = d
                lowering.append(i)
            }
        }
    }

    private mutating func lowerCopyOfRegister() throws(CompileError) {
        guard let written = name.types.first else { throw unsupported() }
        let to = try operand(0)
        let from = try operand(1)
        if case .vector(let parts) = to { return try unpack(from, parts, written) }
        if case .vector(let parts) = from { return try pack(parts, to, written) }
        if written == .b128 {
            guard let a = place(from), let d = place(to), a.width == 16, d.width == 16 else {
                throw failure("a .b128 register is expected")
            }
            try copy64(a.offset, d.offset)
            try copy64(a.offset + 256, d.offset + 256)
            return
        }
        let type = try type()
        if case .register(let id) = to, body.register(id).vectorWidth > 1,
            case .register(let other) = from
        {
            return try copyVector(from: other, to: id, type)
        }
        guard type == .pred else {
            try simple(MoveOps.copy(type), type, [type])
            return
        }
        if case .integer(let value) = from {
            try destination(.pred) { (lowering, d) throws(CompileError) in
                var i = lowering.draft(MoveOps.setPredicate())
                i.immediate = value == 0 ? 0 : -1
                i.d = d
                lowering.append(i)
            }
            return
        }
        try simple(MoveOps.copy(.pred), .pred, [.pred])
    }

    private mutating func copyVector(
        from: Syntax.RegisterID,
        to: Syntax.RegisterID,
        _ type: LaneType
    ) throws(CompileError) {
        let parts: [Syntax.RegisterPart] = [.x, .y, .z, .w]
        let handler = try require(MoveOps.copy(type))
        for part in parts.prefix(body.register(to).vectorWidth) {
            guard let a = place(.part(from, part)), let d = place(.part(to, part)) else {
                throw failure("vectors of different lengths")
            }
            var i = draft(handler)
            i.a = a.offset
            i.d = d.offset
            append(i)
        }
    }

    private mutating func copy64(_ from: Int32, _ to: Int32) throws(CompileError) {
        var i = draft(try require(MoveOps.copy(.u64)))
        i.a = from
        i.d = to
        append(i)
    }

    private static func unsigned(_ bytes: Int) -> LaneType? {
        switch bytes {
        case 1: .u8
        case 2: .u16
        case 4: .u32
        case 8: .u64
        default: nil
        }
    }

    /// `mov.b64 d, {a, b}`: pairwise, the first element lowest.
    private mutating func pack(
        _ range: Syntax.OperandRange,
        _ to: Syntax.Operand,
        _ written: Syntax.ScalarType
    ) throws(CompileError) {
        let parts = Array(body.operands(range))
        guard parts.count == 2 || parts.count == 4,
            let type = Self.unsigned(written.size / parts.count)
        else { throw unsupported() }
        var offsets: [Int32] = []
        for part in parts { offsets.append(try source(part, type)) }
        var bytes = written.size / parts.count
        while offsets.count > 1 {
            bytes *= 2
            if bytes == 16 {
                guard let d = place(to), d.width == 16 else {
                    throw failure("a .b128 register is expected")
                }
                try copy64(offsets[0], d.offset)
                try copy64(offsets[1], d.offset + 256)
                return
            }
            guard let wide = Self.unsigned(bytes) else { throw unsupported() }
            let handler = try require(MoveOps.pack(bytes * 8))
            if offsets.count == 2 {
                let pair = offsets
                try destination(to, wide) { (lowering, d) throws(CompileError) in
                    var i = lowering.draft(handler)
                    i.a = pair[0]
                    i.b = pair[1]
                    i.d = d
                    lowering.append(i)
                }
                return
            }
            var next: [Int32] = []
            for k in stride(from: 0, to: offsets.count, by: 2) {
                var i = draft(handler)
                i.guard = -1
                i.a = offsets[k]
                i.b = offsets[k + 1]
                i.d = temporary(max(2, bytes))
                append(i)
                next.append(i.d)
            }
            offsets = next
        }
    }

    /// `mov.b64 {a, b}, d`
    private mutating func unpack(
        _ from: Syntax.Operand,
        _ range: Syntax.OperandRange,
        _ written: Syntax.ScalarType
    ) throws(CompileError) {
        let parts = Array(body.operands(range))
        guard parts.count == 2 || parts.count == 4 else { throw unsupported() }
        var offsets: [Int32]
        var bytes = written.size
        if bytes == 16 {
            guard let a = place(from), a.width == 16 else {
                throw failure("a .b128 register is expected")
            }
            offsets = [a.offset, a.offset + 256]
            bytes = 8
        } else {
            guard let type = Self.unsigned(bytes) else { throw unsupported() }
            offsets = [try source(from, type)]
        }
        while offsets.count * 2 <= parts.count {
            let isLast = offsets.count * 2 == parts.count
            guard let half = Self.unsigned(bytes / 2) else { throw unsupported() }
            let low = MoveOps.convert(
                from: bytes * 8,
                to: max(16, bytes * 4),
                signed: false
            )
            let high = MoveOps.upperHalf(bytes * 8)
            var next: [Int32] = []
            for (k, offset) in offsets.enumerated() {
                for upper in [false, true] {
                    let handler = try require(upper ? high : low)
                    func emit(_ lowering: inout FunctionLowering, _ d: Int32) {
                        var i = lowering.draft(handler)
                        if !isLast { i.guard = -1 }
                        i.a = offset
                        i.d = d
                        i.immediate = Int64(bytes * 4)
                        lowering.append(i)
                    }
                    if isLast {
                        let part = parts[k * 2 + (upper ? 1 : 0)]
                        if part == .sink { continue }
                        try destination(part, half) { (lowering, d) throws(CompileError) in
                            emit(&lowering, d)
                        }
                    } else {
                        let d = temporary(max(2, bytes / 2))
                        emit(&self, d)
                        next.append(d)
                    }
                }
            }
            if isLast { return }
            offsets = next
            bytes /= 2
        }
        // {a, b} = .b128: the halves themselves.
        guard offsets.count == parts.count else { throw unsupported() }
        for (k, part) in parts.enumerated() where part != .sink {
            guard let d = place(part), d.width == 8 else { throw failure("a 64-bit register") }
            try copy64(offsets[k], d.offset)
        }
    }

    /// `cvta`: a window's tag is added or taken away.
    private mutating func lowerAddressConversion() throws(CompileError) {
        let space = try space()
        let type: LaneType = name.types.first == .u32 ? .u32 : .u64
        let isTo = name.has(.to)
        let tag: UInt64
        switch space {
        case .shared: tag = Window.shared
        case .local: tag = Window.local
        case .parameter: tag = Window.parameter
        default: tag = 0
        }
        let from = try operand(1)
        if type == .u32 || tag == 0 {
            try simple(MoveOps.copy(type), type, [type])
            return
        }
        let a = try source(from, type)
        let handler = try require(isTo ? BitOps.and(.u64) : BitOps.or(.u64))
        let b = constant(isTo ? ~(0xff << 56) : tag, 8)
        try destination(type) { (lowering, d) throws(CompileError) in
            var i = lowering.draft(handler)
            i.a = a
            i.b = b
            i.d = d
            lowering.append(i)
        }
    }

    /// `isspacep`: by the tag; constant variables lie in global memory.
    private mutating func lowerSpaceTest() throws(CompileError) {
        let window: UInt64
        switch try space() {
        case .shared: window = 1
        case .local: window = 2
        case .parameter: window = 4
        default: window = 0
        }
        let isConstant = name.has(.const)
        let a = try source(1, .u64)
        let shifted = temporary(8)
        var i = draft(try require(BitOps.shiftRight(.u64)))
        i.guard = -1
        i.a = a
        i.b = constant(56, 4)
        i.d = shifted
        append(i)
        let expected = constant(isConstant ? 0xff : window, 8)
        let handler = try require(CompareOps.compare(.equal, .u64))
        try destination(.pred) { (lowering, d) throws(CompileError) in
            var i = lowering.draft(handler)
            i.a = shifted
            i.b = expected
            i.d = d
            lowering.append(i)
        }
    }
}
