import CLanes
import Lanes
import PTX

extension FunctionLowering {
    /// `mma` and `wmma`: PTX ISA, "Warp-Level Matrix Instructions".
    mutating func lowerMatrix() throws(CompileError) {
        if name.opcode == .mma { return try lowerMultiplication(try multiplication()) }
        switch (name.has(.load), name.has(.store), name.has(.mma)) {
        case (true, false, false), (false, true, false): try lowerFragmentAccess()
        case (false, false, true): try lowerMultiplication(try fragmentMultiplication())
        default: throw unsupported()
        }
    }

    /// An instruction for which all lanes of the warp come together.
    func matrixDraft(_ handler: @escaping Handler) -> LaneInstruction {
        var i = draft(handler)
        i.kind = Control.synchronized.rawValue
        i.aux = -1
        i.immediate = 0xffff_ffff
        return i
    }

    /// The modifiers, when `.sync.aligned` is there and nothing but that and `allowed`.
    func matrixModifiers(
        _ allowed: Set<Syntax.Modifier>
    ) throws(CompileError) -> [Syntax.Modifier] {
        guard name.has(.sync), name.has(.aligned) else { throw unsupported() }
        let rest = name.modifiers.filter { $0 != .sync && $0 != .aligned }
        let others = rest.filter { $0 != .row && $0 != .col }
        guard Set(others).count == others.count, rest.allSatisfy(allowed.contains) else {
            throw unsupported()
        }
        return rest
    }

    /// The shape that the name says.
    func matrixShape() throws(CompileError) -> MatrixShape {
        guard let shape = name.shape else { throw unsupported() }
        return MatrixShape(shape.m, shape.n, shape.k)
    }

    /// Whether A is sparse. That the indices of `.sp::ordered_metadata` ascend changes nothing.
    var isSparse: Bool { name.has(.sp) || name.has(.spOrderedMetadata) }

    // MARK: - Which ones there are

    /// The form of `wmma.mma`. How A and B lay in memory does not matter any more.
    private func fragmentMultiplication() throws(CompileError) -> MatrixForm {
        var types = name.types
        if types.count == 2 { types = [types[0], .f16, .f16, types[1]] }
        let form = try form(types: types)
        guard Self.fragmentShapes(form.a).contains(form.shape), !isSparse,
            name.modifiers.filter({ $0 == .row || $0 == .col }).count == 2
        else { throw unsupported() }
        return form
    }

    /// The shapes of `wmma` for an element of A and B.
    static func fragmentShapes(_ element: MatrixElement) -> [MatrixShape] {
        switch element {
        case .f16, .bf16, .s8, .u8:
            [MatrixShape(16, 16, 16), MatrixShape(32, 8, 16), MatrixShape(8, 32, 16)]
        case .tf32: [MatrixShape(16, 16, 8)]
        case .f64: [MatrixShape(8, 8, 4)]
        case .s4, .u4: [MatrixShape(8, 8, 32)]
        case .b1: [MatrixShape(8, 8, 128)]
        case .f32, .s32, .e4m3, .e5m2: []
        }
    }

    /// The form that shape, modifiers, and the types of D, A, B, C say.
    func form(types: [Syntax.ScalarType]) throws(CompileError) -> MatrixForm {
        let modifiers = try matrixModifiers([
            .mma, .row, .col, .satfinite, .rn, .xor, .and, .popc, .sp, .spOrderedMetadata,
        ])
        let elements = types.compactMap(Self.matrixElement)
        guard types.count == 4, elements.count == 4 else { throw unsupported() }
        var form = MatrixForm(
            try matrixShape(),
            a: elements[1],
            b: elements[2],
            c: elements[3],
            d: elements[0]
        )
        form.isSaturating = modifiers.contains(.satfinite)
        form.isExclusive = modifiers.contains(.xor)
        let isInteger = form.d == .s32
        let isBits = form.a == .b1
        let operations = modifiers.filter { $0 == .xor || $0 == .and || $0 == .popc }.count
        guard !form.isSaturating || (isInteger && !isBits),
            !modifiers.contains(.rn) || form.d == .f64,
            operations == (isBits ? 2 : 0), !isBits || modifiers.contains(.popc)
        else { throw unsupported() }
        return form
    }

    /// What an element of a PTX type is; nil for types that matrices here do not have.
    static func matrixElement(_ type: Syntax.ScalarType) -> MatrixElement? {
        switch type {
        case .f16: .f16
        case .bf16: .bf16
        case .tf32: .tf32
        case .f32: .f32
        case .f64: .f64
        case .s8: .s8
        case .u8: .u8
        case .s4: .s4
        case .u4: .u4
        case .b1: .b1
        case .s32: .s32
        case .e4m3: .e4m3
        case .e5m2: .e5m2
        default: nil
        }
    }
}
