import CLanes
import Lanes
import PTX

extension FunctionLowering {
    private static func format(_ type: Syntax.ScalarType) -> NumberFormat? {
        switch type {
        case .u8, .b8: .u8
        case .s8: .s8
        case .u16, .b16: .u16
        case .s16: .s16
        case .u32, .b32: .u32
        case .s32: .s32
        case .u64, .b64: .u64
        case .s64: .s64
        case .f16: .f16
        case .bf16: .bf16
        case .f32: .f32
        case .f64: .f64
        case .tf32: .tf32
        default: nil
        }
    }

    /// `cvt.dtype.stype`.
    mutating func lowerConversion() throws(CompileError) {
        guard name.types.count == 2 else { throw unsupported() }
        if name.has(.pack) || name.has(.rs) || name.has(.scaledN2Ue8m0) { throw unsupported() }
        switch (name.types[0], name.types[1]) {
        case (.f16x2, .f32), (.bf16x2, .f32): return try lowerPackingConversion(32)
        case (.e4m3x2, .f32), (.e5m2x2, .f32): return try lowerPackingConversion(16)
        case (.f16x2, .e4m3x2), (.f16x2, .e5m2x2): return try lowerUnpackingConversion()
        case (.e4m3x2, .f16x2), (.e5m2x2, .f16x2): return try lowerNarrowingConversion()
        default: break
        }
        guard let result = Self.format(name.types[0]), let from = Self.format(name.types[1])
        else { throw unsupported() }
        if result.isInteger, from.isInteger, !name.has(.sat) {
            return try lowerIntegerConversion(from, result)
        }
        try convert(self.conversion(from, result))
    }

    private func conversion(_ from: NumberFormat, _ result: NumberFormat) -> Conversion {
        var conversion = Conversion(from, result, .nearestEven)
        let roundings: [(Syntax.Modifier, Rounding, Bool)] = [
            (.rn, .nearestEven, false), (.rz, .zero, false), (.rm, .down, false),
            (.rp, .up, false), (.rna, .nearestAway, false), (.rni, .nearestEven, true),
            (.rzi, .zero, true), (.rmi, .down, true), (.rpi, .up, true),
        ]
        if let found = roundings.first(where: { name.has($0.0) }) {
            conversion.rounding = found.1
            conversion.isIntegral = found.2 && !result.isInteger
        } else if result.isInteger {
            conversion.rounding = .zero
        }
        conversion.flushes = name.has(.ftz)
        conversion.saturates = name.has(.sat)
        conversion.satfinite = name.has(.satfinite)
        conversion.relu = name.has(.relu)
        return conversion
    }

    private mutating func convert(_ conversion: Conversion) throws(CompileError) {
        let fromBits = max(16, conversion.source.bits)
        let toBits = max(16, conversion.result.bits)
        let a = try source(1, Self.carrier(conversion.source))
        let handler = try require(
            ConvertOps.fast(conversion) ?? ConvertOps.general(from: fromBits, to: toBits)
        )
        try destination(Self.carrier(conversion.result)) {
            (lowering, d) throws(CompileError) in
            var i = lowering.draft(handler)
            i.a = a
            i.d = d
            i.immediate = conversion.packed
            lowering.append(i)
        }
    }

    /// The lanes that hold a format's values.
    private static func carrier(_ format: NumberFormat) -> LaneType {
        switch format {
        case .u8: .u8
        case .s8: .s8
        case .u16: .u16
        case .s16: .s16
        case .u32: .u32
        case .s32: .s32
        case .u64: .u64
        case .s64: .s64
        case .f16: .f16
        case .bf16: .bf16
        case .f32, .tf32: .f32
        case .f64: .f64
        case .e4m3, .e5m2: .u8
        }
    }

    /// Integers: the narrower of the two decides the bits, the source's sign how they are extended;
    /// a register wider than the result's type gets them extended by the result's sign.
    private mutating func lowerIntegerConversion(
        _ from: NumberFormat,
        _ result: NumberFormat
    ) throws(CompileError) {
        let target = try operand(0)
        let source = try operand(1)
        let a: Int32
        let sourceBits: Int
        if let place = place(source), place.width > 0, place.width <= 8 {
            a = place.offset
            sourceBits = place.width * 8
        } else {
            a = try self.source(source, Self.carrier(from))
            sourceBits = max(16, from.bits)
        }
        let register = try registerWidth(target, result)
        let isNarrowing = result.bits <= from.bits
        let bits = min(min(from.bits, result.bits), sourceBits)
        let isSigned = Self.carrier(isNarrowing ? result : from).isSigned
        let needsTwo = !isNarrowing && register > max(16, result.bits)
        let firstBits = needsTwo ? max(16, result.bits) : register
        let handler = try require(
            MoveOps.convert(from: sourceBits, to: firstBits, signed: isSigned)
        )
        if needsTwo {
            try destination(Self.carrier(result)) { (lowering, d) throws(CompileError) in
                var i = lowering.draft(handler)
                i.a = a
                i.d = d
                i.immediate = Int64(bits)
                lowering.append(i)
            }
            return
        }
        var i = draft(handler)
        i.a = a
        i.d = target == .sink ? temporary(register / 8) : place(target)?.offset ?? -1
        i.immediate = Int64(bits)
        append(i)
    }

    private func registerWidth(
        _ operand: Syntax.Operand,
        _ format: NumberFormat
    ) throws(CompileError) -> Int {
        if operand == .sink { return max(16, format.bits) }
        guard let place = place(operand), place.width > 0, place.width <= 8 else {
            throw failure("destination is not a register")
        }
        return place.width * 8
    }

    /// `cvt.rn.f16x2.f32 d, a, b`: a into the upper half.
    private mutating func lowerPackingConversion(_ bits: Int) throws(CompileError) {
        let half: NumberFormat
        switch name.types[0] {
        case .f16x2: half = .f16
        case .bf16x2: half = .bf16
        case .e4m3x2: half = .e4m3
        default: half = .e5m2
        }
        var conversion = conversion(.f32, half)
        if bits == 16 { conversion.satfinite = true }
        let handler = try require(ConvertOps.packed(to: bits))
        let a = try source(1, .f32)
        let b = try source(2, .f32)
        try destination(bits == 16 ? .u16 : .u32) { (lowering, d) throws(CompileError) in
            var i = lowering.draft(handler)
            i.a = a
            i.b = b
            i.d = d
            i.immediate = conversion.packed
            lowering.append(i)
        }
    }

    /// `cvt.rn.f16x2.e4m3x2`
    private mutating func lowerUnpackingConversion() throws(CompileError) {
        let from: NumberFormat = name.types[1] == .e4m3x2 ? .e4m3 : .e5m2
        let conversion = conversion(from, .f16)
        let a = try source(1, .u16)
        try destination(.u32) { (lowering, d) throws(CompileError) in
            var i = lowering.draft(ConvertOps.unpacked())
            i.a = a
            i.d = d
            i.immediate = conversion.packed
            lowering.append(i)
        }
    }

    /// `cvt.rn.satfinite.e4m3x2.f16x2`: the halves, then the pair.
    private mutating func lowerNarrowingConversion() throws(CompileError) {
        let half: NumberFormat = name.types[0] == .e4m3x2 ? .e4m3 : .e5m2
        var conversion = conversion(.f16, half)
        conversion.satfinite = true
        let a = try source(1, .u32)
        let low = try widened(try halfOf(a, high: false))
        let high = try widened(try halfOf(a, high: true))
        let handler = try require(ConvertOps.packed(to: 16))
        try destination(.u16) { (lowering, d) throws(CompileError) in
            var i = lowering.draft(handler)
            i.a = high
            i.b = low
            i.d = d
            i.immediate = conversion.packed
            lowering.append(i)
        }
    }

    private mutating func widened(_ offset: Int32) throws(CompileError) -> Int32 {
        var i = draft(try require(MoveOps.convert(from: 16, to: 32, signed: false)))
        i.guard = -1
        i.a = offset
        i.d = temporary(4)
        i.immediate = 16
        append(i)
        return i.d
    }
}
