import CLanes

/// A of `mma.sp`: half of it is zero, and the registers hold the other half as if that were a
/// dense matrix of k / 2 columns (PTX ISA, "Matrix fragments for multiply-accumulate operation with
/// sparse matrix A"). Metadata says in which columns its elements lie.
struct Sparsity {
    private let metadata: UnsafeMutablePointer<UInt32>
    private let selector: Int
    private let isSingle, isSmall: Bool
    /// Columns that lie together, and columns of a chunk, which has four bits of metadata.
    private let unit, chunk: Int
    /// Lanes of four that hold the metadata of a row and of the row 8 below.
    private let holders: Int

    /// Of a multiplication; nil when A is not sparse. See `LaneInstruction.setForm`.
    @inline(__always)
    init?(_ r: Registers, _ i: Instruction) {
        guard i.pointee.mode & 4 != 0 else { return nil }
        let element = matrixElement(i.pointee.e)
        metadata = lanes(r, i.pointee.k, UInt32.self)
        selector = Int(i.pointee.mode >> 5)
        isSingle = element == .tf32
        isSmall = element.bits < 16
        unit = element.bits == 4 ? 2 : 1
        chunk = isSingle ? 2 : 4 * unit
        holders = MatrixShape(packed: i.pointee.h).k / chunk / 4
    }

    /// The column of an element of the half that is there.
    ///
    /// A chunk is 4 columns of which 2 are there, each with 2 bits, the first lowest; of elements
    /// of 4 bits these are pairs, 4 of 8; of tf32 one of 2 columns, in the bits as if its halves
    /// were elements: 0b0100 the first, 0b1110 the second (ISA, "Sparse matrix storage").
    @inline(__always)
    func column(_ row: Int, _ k: Int) -> Int {
        let n = k / (chunk / 2)
        let place = k - n * (chunk / 2)
        let bits = bits(row, chunk: n)
        if isSingle { return n * chunk + Int(bits >> 3) }
        let index = Int(bits >> UInt32(place / unit * 2) & 3)
        return n * chunk + index * unit + place % unit
    }

    /// The four bits for a chunk of a row. The four lanes of a row's group hold its metadata and
    /// that of the row 8 below.
    ///
    /// Elements of 16 and 32 bits: a lane has 4 chunks of the upper row in its low half, the same 4
    /// of the lower in its high half; the next lane goes on along k. Smaller elements: a lane has 8
    /// chunks of the upper row, the next one those of the lower, the next two go on along k. What
    /// needs fewer than four lanes takes those that the selector counts off. The ISA shows this in
    /// pictures; CUTLASS's `reorder_meta` stores metadata in this order for `ldmatrix`.
    @inline(__always)
    private func bits(_ row: Int, chunk n: Int) -> UInt32 {
        let first = (row & 7) * 4 + selector * holders
        let lower = row >> 3
        let (lane, shift) =
            isSmall ? (n / 8 * 2 + lower, n % 8 * 4) : (n / 4, n % 4 * 4 + lower * 16)
        return metadata[first + lane] >> UInt32(shift) & 15
    }
}

extension Matrices {
    /// The same matrices with the half of A that is there.
    var packed: Matrices {
        Matrices(MatrixShape(shape.m, shape.n, shape.k / 2), a: a, b: b, c: c)
    }

    /// C += A · B with A as `packed` has it: what is multiplied by the zeros of A does not count,
    /// be it infinite.
    @inline(__always)
    func accumulate(_ sparsity: Sparsity, _ step: (T, SIMD8<T>, SIMD8<T>) -> SIMD8<T>)
    where T: SIMDScalar {
        let half = shape.k / 2
        for row in 0..<shape.m {
            let sum = UnsafeMutableRawPointer(c + row &* 8).assumingMemoryBound(to: SIMD8<T>.self)
            var total = sum.pointee
            for k in 0..<half {
                let from = UnsafeMutableRawPointer(b + sparsity.column(row, k) &* 8)
                    .assumingMemoryBound(to: SIMD8<T>.self)
                total = step(a[row &* half &+ k], from.pointee, total)
            }
            sum.pointee = total
        }
    }
}
