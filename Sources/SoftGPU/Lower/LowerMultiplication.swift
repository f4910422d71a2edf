import CLanes
import Lanes
import PTX

extension FunctionLowering {
    // MARK: - The forms of mma

    /// The form of `mma.sync` and `mma.sp.sync`.
    func multiplication() throws(CompileError) -> MatrixForm {
        var form = try form(types: name.types)
        let layouts = name.modifiers.filter { $0 == .row || $0 == .col }
        guard layouts.count == 2 else { throw unsupported() }
        if form.isQuadPairs {
            guard !isSparse, form.c == .f16 || form.d == .f32 else { throw unsupported() }
            form.aIsByColumns = layouts[0] == .col
            form.bIsByRows = layouts[1] == .row
            return form
        }
        form.isSparse = isSparse
        let known = form.isSparse ? Self.sparseShapes(form.a) : Self.denseShapes(form.a)
        guard form.shape.n == 8, known.contains(where: { $0 == (form.shape.m, form.shape.k) }),
            layouts == [.row, .col], !form.isSparse || form.c == form.d
        else { throw unsupported() }
        if form.isSparse { form.selector = try selector(form) }
        return form
    }

    /// m and k of `mma.sync` with n = 8.
    private static func denseShapes(_ element: MatrixElement) -> [(m: Int, k: Int)] {
        switch element {
        case .f16, .bf16: [(16, 8), (16, 16)]
        case .tf32: [(16, 4), (16, 8)]
        case .f64: [(8, 4), (16, 4), (16, 8), (16, 16)]
        case .s8, .u8: [(8, 16), (16, 16), (16, 32)]
        case .s4, .u4: [(8, 32), (16, 32), (16, 64)]
        case .b1: [(8, 128), (16, 128), (16, 256)]
        case .e4m3, .e5m2: [(16, 16), (16, 32)]
        case .f32, .s32: []
        }
    }

    /// m and k of `mma.sp.sync` with n = 8; k counts the zeros of A.
    private static func sparseShapes(_ element: MatrixElement) -> [(m: Int, k: Int)] {
        switch element {
        case .f16, .bf16: [(16, 16), (16, 32)]
        case .tf32: [(16, 8), (16, 16)]
        case .s8, .u8: [(16, 32), (16, 64)]
        case .s4, .u4: [(16, 64), (16, 128)]
        case .e4m3, .e5m2: [(16, 64)]
        case .f64, .b1, .f32, .s32: []
        }
    }

    /// The sparsity selector, a constant: which lane of four has the metadata, which pair of lanes,
    /// or 0 where all four have some.
    private func selector(_ form: MatrixForm) throws(CompileError) -> Int {
        guard operands.count == 6 else { throw failure("six operands are expected") }
        guard case .integer(let value) = operands[5] else {
            throw failure("the sparsity selector is not a constant")
        }
        let chunk = form.a == .tf32 ? 2 : form.a.bits == 4 ? 8 : 4
        let choices = 16 / (form.shape.k / chunk)
        guard value < choices else { throw failure("no lanes have sparsity selector \(value)") }
        return Int(value)
    }

    // MARK: - The multiplication

    mutating func lowerMultiplication(_ form: MatrixForm) throws(CompileError) {
        let handler = try require(MatrixOps.multiply(form))
        guard operands.count == (form.isSparse ? 6 : 4) else {
            throw failure("\(form.isSparse ? "six" : "four") operands are expected")
        }
        let a = try fragment(operands[1], registers(form, .a, form.a), form.a, .a)
        let b = try fragment(operands[2], registers(form, .b, form.b), form.b, .b)
        let c = try fragment(operands[3], registers(form, .accumulator, form.c), form.c, .c)
        let metadata = form.isSparse ? try source(4, .u32) : 0
        let count = registers(form, .accumulator, form.d)
        try fragmentResult(operands[0], count, form.d) { (lowering, d) in
            var i = lowering.matrixDraft(handler)
            i.setForm(form)
            i.a = a
            i.b = b
            i.c = c
            i.k = metadata
            i.d = d
            lowering.append(i)
        }
    }

    /// Registers of a fragment of a multiplication.
    private func registers(
        _ form: MatrixForm,
        _ role: MatrixRole,
        _ element: MatrixElement
    ) -> Int {
        // Four matrices lie in the warp at once.
        if form.isQuadPairs { return role == .accumulator ? (element == .f16 ? 4 : 8) : 2 }
        if form.isSparse, role == .a {
            let half = MatrixShape(form.shape.m, form.shape.n, form.shape.k / 2)
            return half.registers(role, element)
        }
        return registers(form.shape, role, element)
    }

    /// Registers of a fragment as the ISA counts them: `wmma` has eight for A and B of f16 in every
    /// shape, whatever they hold.
    func registers(_ shape: MatrixShape, _ role: MatrixRole, _ element: MatrixElement) -> Int {
        if name.opcode == .wmma, element == .f16, role != .accumulator { return 8 }
        return shape.registers(role, element)
    }
}
