import CLanes

/// The matrices of a multiplication, unpacked into the scratch memory, row after row.
struct Matrices<T> {
    let shape: MatrixShape
    let a, b, c: UnsafeMutablePointer<T>

    @inline(__always)
    init(
        _ shape: MatrixShape,
        a: UnsafeMutablePointer<T>,
        b: UnsafeMutablePointer<T>,
        c: UnsafeMutablePointer<T>
    ) {
        self.shape = shape
        self.a = a
        self.b = b
        self.c = c
    }

    @inline(__always)
    init(_ i: Instruction, _ context: Context, _: T.Type) {
        shape = MatrixShape(packed: i.pointee.h)
        a = context.pointee.scratch.assumingMemoryBound(to: T.self)
        b = a + shape.m &* shape.k
        c = b + shape.k &* shape.n
    }

    /// Elements in a row of a matrix.
    @inline(__always)
    func width(_ role: MatrixRole) -> Int { role == .a ? shape.k : shape.n }

    /// Fills a matrix from its registers: `value` takes an element's bits, right-aligned, with
    /// those of later elements above them.
    @inline(__always)
    func unpack<Bits: FixedWidthInteger>(
        _ role: MatrixRole,
        _ element: MatrixElement,
        from registers: UnsafeMutablePointer<Bits>,
        _ value: (Bits) -> T
    ) {
        let to = role == .a ? a : role == .b ? b : c
        let width = width(role)
        let perRegister = element.perRegister
        let shift = Bits(truncatingIfNeeded: element.bits)
        let step = role == .b ? width : 1
        for j in 0..<shape.registers(role, element) {
            for lane in 0..<32 {
                let (row, column) = shape.origin(role, perRegister, lane: lane, register: j)
                var bits = registers[j &* 32 &+ lane]
                var place = to + (row &* width &+ column)
                for _ in 0..<perRegister {
                    place.pointee = value(bits)
                    bits = bits &>> shift
                    place += step
                }
            }
        }
    }

    /// Writes D's registers from the accumulators: `bits` gives the register with the element at a
    /// place in it.
    @inline(__always)
    func pack<Bits: FixedWidthInteger>(
        _ element: MatrixElement,
        to registers: UnsafeMutablePointer<Bits>,
        _ bits: (UnsafeMutablePointer<T>) -> Bits
    ) {
        let perRegister = element.perRegister
        for j in 0..<shape.registers(.accumulator, element) {
            for lane in 0..<32 {
                let (row, column) = shape.origin(
                    .accumulator,
                    perRegister,
                    lane: lane,
                    register: j
                )
                registers[j &* 32 &+ lane] = bits(c + (row &* shape.n &+ column))
            }
        }
    }

    /// C += A · B, eight columns at a time, in ascending order of k.
    @inline(__always)
    func accumulate(_ step: (T, SIMD8<T>, SIMD8<T>) -> SIMD8<T>) where T: SIMDScalar {
        for row in 0..<shape.m {
            for block in 0..<shape.n >> 3 {
                let sum = UnsafeMutableRawPointer(c + (row &* shape.n &+ block &* 8))
                    .assumingMemoryBound(to: SIMD8<T>.self)
                var total = sum.pointee
                for k in 0..<shape.k {
                    let from = UnsafeMutableRawPointer(b + (k &* shape.n &+ block &* 8))
                        .assumingMemoryBound(to: SIMD8<T>.self)
                    total = step(a[row &* shape.k &+ k], from.pointee, total)
                }
                sum.pointee = total
            }
        }
    }
}
