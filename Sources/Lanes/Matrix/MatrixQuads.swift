import CLanes

extension MatrixOps {
    /// `mma.sync.m8n8k4` of f16: four products, each of a quad pair: of lanes 4q … 4q + 3 and of
    /// those 16 above them. The layouts are those of the PTX ISA, "Matrix Fragments for mma.m8n8k4
    /// with .f16 floating point type"; the precision is that of the other shapes.
    static func quadPairs(_ form: MatrixForm) -> Handler? {
        guard form.b == .f16, [.f16, .f32].contains(form.c), [.f16, .f32].contains(form.d) else {
            return nil
        }
        return { r, i, m, context in
            guard wholeWarp(context, i, m) else { return }
            // All operands are read before D is written.
            for quad in 0..<4 { QuadProduct(context, quad: quad).compute(r, i) }
            for quad in 0..<4 { QuadProduct(context, quad: quad).store(r, i) }
        }
    }
}

/// The product of one quad pair, in the scratch memory: A, B and 8 × 8 sums, row after row.
private struct QuadProduct {
    private let a, b, sums: UnsafeMutablePointer<Double>
    private let quad: Int

    init(_ context: Context, quad: Int) {
        self.quad = quad
        a = context.pointee.scratch.assumingMemoryBound(to: Double.self) + quad * 128
        b = a + 32
        sums = a + 64
    }

    func compute(_ r: Registers, _ i: Instruction) {
        load(r, i)
        for place in 0..<64 {
            for k in 0..<4 {
                sums[place].addProduct(a[place / 8 * 4 + k], b[k * 8 + place % 8])
            }
        }
    }

    private func load(_ r: Registers, _ i: Instruction) {
        let isByColumns = i.pointee.mode & 8 != 0
        let isByRows = i.pointee.mode & 16 != 0
        for t in 0..<8 {
            let (lane, inQuad, upper) = (lane(t), t & 3, t & 4)
            for k in 0..<4 {
                // A: a row of the lane's own, or column by column, four rows of each.
                let (row, column) = isByColumns ? (k + upper, inQuad) : (t, k)
                a[row * 4 + column] = Self.half(r, i.pointee.a, k, lane)
                // B: a column of the lane's own, or row by row, four columns of each.
                let (rowOfB, columnOfB) = isByRows ? (inQuad, k + upper) : (k, t)
                b[rowOfB * 8 + columnOfB] = Self.half(r, i.pointee.b, k, lane)
            }
            for k in 0..<8 {
                if matrixElement(i.pointee.g) == .f16 {
                    sums[t * 8 + k] = Self.half(r, i.pointee.c, k, lane)
                } else {
                    let bits = lanes(r, i.pointee.c, UInt32.self)[k * 32 + lane]
                    sums[Self.place(t, k)] = Double(Float(bitPattern: bits))
                }
            }
        }
    }

    func store(_ r: Registers, _ i: Instruction) {
        let d = lanes(r, i.pointee.d, UInt32.self)
        let isHalf = matrixElement(Int32(i.pointee.count)) == .f16
        for t in 0..<8 {
            let lane = lane(t)
            for k in 0..<(isHalf ? 4 : 8) {
                if isHalf {
                    let low = UInt32(halfBits(sums[t * 8 + 2 * k]))
                    d[k * 32 + lane] = low | UInt32(halfBits(sums[t * 8 + 2 * k + 1])) << 16
                } else {
                    let value = Float(sums[Self.place(t, k)])
                    d[k * 32 + lane] = value.isNaN ? 0x7fff_ffff : value.bitPattern
                }
            }
        }
    }

    /// The lane of a quad pair's thread t.
    private func lane(_ t: Int) -> Int { quad * 4 + (t & 3) + (t & 4) * 4 }

    /// Where element k of a thread's accumulators of f32 lies.
    private static func place(_ t: Int, _ k: Int) -> Int {
        let row = (t & 1) + (k & 2) + (t & 4)
        let column = (k & 4) + (t & 2) + (k & 1)
        return row * 8 + column
    }

    /// Element k of a lane's fragment of halves.
    private static func half(_ r: Registers, _ offset: Int32, _ k: Int, _ lane: Int) -> Double {
        let bits = lanes(r, offset, UInt32.self)[k / 2 * 32 + lane] >> UInt32((k & 1) * 16)
        return Double(Float(Float16(bitPattern: UInt16(truncatingIfNeeded: bits))))
    }
}
