package import CLanes

/// What the elements of a matrix fragment are (PTX ISA, "Warp-Level Matrix Instructions", data
/// types).
package enum MatrixElement: UInt8, Sendable {
    case f16, bf16, tf32, f32, f64, s8, u8, s4, u4, b1, s32, e4m3, e5m2

    /// Bits that an element takes in a register; a tf32 takes a whole one.
    package var bits: Int {
        switch self {
        case .b1: 1
        case .s4, .u4: 4
        case .s8, .u8, .e4m3, .e5m2: 8
        case .f16, .bf16: 16
        case .tf32, .f32, .s32: 32
        case .f64: 64
        }
    }

    /// Bytes of a register of a fragment: 4, of f64 8.
    package var registerBytes: Int { self == .f64 ? 8 : 4 }

    /// Elements in a register.
    package var perRegister: Int { registerBytes * 8 / bits }
}

/// Which operand of D = A · B + C a fragment belongs to; C and D are alike.
package enum MatrixRole: UInt8, Sendable {
    case a, b, accumulator
}

/// The extents of D = A · B + C: A has m rows and k columns, B k rows and n columns.
package struct MatrixShape: Hashable, Sendable {
    /// The extents: m is 8, 16 or 32, n a multiple of 8 up to 32, k at most 256.
    package let m, n, k: Int

    /// A shape.
    package init(_ m: Int, _ n: Int, _ k: Int) {
        self.m = m
        self.n = n
        self.k = k
    }

    /// In 32 bits, as instructions carry it.
    package var packed: Int32 { Int32(truncatingIfNeeded: m | n << 8 | k << 16) }

    /// From the 32 bits of `packed`.
    package init(packed: Int32) {
        let bits = Int(packed)
        self.init(bits & 0xff, bits >> 8 & 0xff, bits >> 16)
    }

    /// Registers of each thread that hold all of a matrix, each element once.
    package func registers(_ role: MatrixRole, _ element: MatrixElement) -> Int {
        let elements =
            switch role {
            case .a: m * k
            case .b: k * n
            case .accumulator: m * n
            }
        return elements / (32 * element.perRegister)
    }

    /// Where the first element of a lane's register `j` lies. The further ones of the register
    /// follow in the next columns, of B in the next rows.
    ///
    /// Rows and columns are those of the PTX ISA, "Matrix Fragments for mma.*": the eight groups of
    /// four lanes take a row of A or C, or a column of B, each; the lanes of a group take
    /// successive registers of it; registers go first to the rows 8 below, then on along k. Larger
    /// matrices of `wmma`, whose layout the ISA leaves open, are these blocks one after another,
    /// first along n, then along m.
    @inline(__always)
    func origin(
        _ role: MatrixRole,
        _ perRegister: Int,
        lane: Int,
        register j: Int
    ) -> (row: Int, column: Int) {
        let group = lane >> 2
        let inGroup = lane & 3
        switch role {
        case .a:
            let steps = k / (4 &* perRegister)
            if m == 8 { return (group, (j &* 4 &+ inGroup) &* perRegister) }
            let block = j / (2 &* steps)
            let step = (j &- block &* 2 &* steps) >> 1
            let row = group &+ 8 &* (j & 1) &+ 16 &* block
            return (row, (step &* 4 &+ inGroup) &* perRegister)
        case .b:
            let steps = k / (4 &* perRegister)
            let block = j / steps
            let step = j &- block &* steps
            return ((step &* 4 &+ inGroup) &* perRegister, group &+ 8 &* block)
        case .accumulator:
            let i = j &* perRegister
            let block = m == 8 ? i >> 1 : i >> 2
            let lower = m == 8 ? 0 : (i >> 1 & 1) &* 8
            let across = n >> 3
            let down = block / across
            let row = group &+ lower &+ 16 &* down
            return (row, inGroup &* 2 &+ (i & 1) &+ 8 &* (block &- down &* across))
        }
    }
}

/// What a matrix multiplication computes.
package struct MatrixForm: Hashable, Sendable {
    /// The extents.
    package var shape: MatrixShape
    /// The elements of the operands and of the result.
    package var a, b, c, d: MatrixElement
    /// Whether integer results are clamped instead of wrapping around (`.satfinite`).
    package var isSaturating = false
    /// Whether single bits are combined by exclusive or (`.xor.popc`) instead of and (`.and.popc`).
    package var isExclusive = false

    /// Whether A is sparse (`mma.sp`); `shape` is that of A with its zeros.
    package var isSparse = false
    /// Which lanes of four hold the metadata of a sparse A.
    package var selector = 0
    /// Whether A's columns, or B's rows, follow each other: in m8n8k4 of f16 only.
    package var aIsByColumns = false, bIsByRows = false

    /// Whether these are the four products that quad pairs make: `mma.m8n8k4` of f16.
    package var isQuadPairs: Bool { shape == MatrixShape(8, 8, 4) && a == .f16 }

    /// A form.
    package init(
        _ shape: MatrixShape,
        a: MatrixElement,
        b: MatrixElement,
        c: MatrixElement,
        d: MatrixElement
    ) {
        self.shape = shape
        self.a = a
        self.b = b
        self.c = c
        self.d = d
    }
}

extension LaneInstruction {
    /// Makes this a multiplication of a form: e, f, g are the elements of A, B, C, `count` those of
    /// D, h the shape, `mode` the flags; k is left for the metadata's register.
    package mutating func setForm(_ form: MatrixForm) {
        e = Int32(form.a.rawValue)
        f = Int32(form.b.rawValue)
        g = Int32(form.c.rawValue)
        count = form.d.rawValue
        h = form.shape.packed
        let flags = [
            form.isSaturating, form.isExclusive, form.isSparse, form.aIsByColumns, form.bIsByRows,
        ]
        mode = UInt8(form.selector) << 5
        for (k, flag) in flags.enumerated() where flag { mode |= 1 << UInt8(k) }
    }
}

/// The element that an instruction's field says.
@inline(__always)
func matrixElement(_ field: Int32) -> MatrixElement {
    MatrixElement(rawValue: UInt8(truncatingIfNeeded: field)) ?? .f32
}

/// Whether all 32 lanes are here; if not, what the instruction does is not defined, so that a fault
/// is recorded.
@inline(__always)
func wholeWarp(_ context: Context, _ i: Instruction, _ m: UInt32) -> Bool {
    if m == everyLane { return true }
    fault(
        context,
        i,
        code: FaultCode.illegalInstruction,
        lane: m.trailingZeroBitCount,
        address: UInt64(m),
        bytes: 32,
        isWrite: false
    )
    return false
}
