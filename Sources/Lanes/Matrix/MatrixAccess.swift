import CLanes

extension MatrixOps {
    /// `wmma.load`: registers at d from the matrix at address a (`mode` an `AddressMode`, k bytes
    /// added), b its stride in elements; e the element, f the role, g 1 for row-major, h the shape,
    /// `count` the registers. A fragment with more registers than the matrix needs (f16) repeats it.
    ///
    /// Each lane reads the elements that its registers hold at its own address. They must be
    /// aligned to their size; that devices want 32 bytes is not looked at.
    package static func load() -> Handler {
        { r, i, m, context in
            guard wholeWarp(context, i, m) else { return }
            if matrixElement(i.pointee.e) == .f64 {
                transfer(r, i, context, UInt64.self, isStore: false)
            } else {
                transfer(r, i, context, UInt32.self, isStore: false)
            }
        }
    }

    /// `wmma.store`: fields as `load()`, d the registers that are written to memory.
    package static func store() -> Handler {
        { r, i, m, context in
            guard wholeWarp(context, i, m) else { return }
            if matrixElement(i.pointee.e) == .f64 {
                transfer(r, i, context, UInt64.self, isStore: true)
            } else {
                transfer(r, i, context, UInt32.self, isStore: true)
            }
        }
    }

    /// `ldmatrix`: `count` 8×8 matrices of 16 bits to the registers at d. Lane 8n+l gives the
    /// address of row l of matrix n at a (`mode` the way to shared memory, k bytes added); lane l
    /// gets elements 2(l mod 4) and the next of row l/4, with e = 1 (`.trans`) of column l/4.
    package static func loadRows() -> Handler {
        { r, i, m, context in
            guard wholeWarp(context, i, m), let rows = rowPointers(r, i, context, false) else {
                return
            }
            let d = lanes(r, i.pointee.d, UInt32.self)
            for n in 0..<Int(i.pointee.count) {
                for lane in 0..<32 {
                    let (low, high) = places(rows + 8 &* n, lane, i.pointee.e == 1)
                    d[n &* 32 &+ lane] = UInt32(low.pointee) | UInt32(high.pointee) << 16
                }
            }
        }
    }

    /// `stmatrix`: fields as `loadRows()`, d the registers that are written to memory.
    package static func storeRows() -> Handler {
        { r, i, m, context in
            guard wholeWarp(context, i, m), let rows = rowPointers(r, i, context, true) else {
                return
            }
            let d = lanes(r, i.pointee.d, UInt32.self)
            for n in 0..<Int(i.pointee.count) {
                for lane in 0..<32 {
                    let (low, high) = places(rows + 8 &* n, lane, i.pointee.e == 1)
                    low.pointee = UInt16(truncatingIfNeeded: d[n &* 32 &+ lane])
                    high.pointee = UInt16(truncatingIfNeeded: d[n &* 32 &+ lane] >> 16)
                }
            }
        }
    }

    /// `movmatrix.trans`: the 8×8 matrix of 16 bits at a, transposed, to d.
    package static func transpose() -> Handler {
        { r, i, m, context in
            guard wholeWarp(context, i, m) else { return }
            let a = lanes(r, i.pointee.a, UInt32.self)
            let copy = context.pointee.scratch.assumingMemoryBound(to: UInt16.self)
            for lane in 0..<32 {
                copy[lane &* 2] = UInt16(truncatingIfNeeded: a[lane])
                copy[lane &* 2 &+ 1] = UInt16(truncatingIfNeeded: a[lane] >> 16)
            }
            let d = lanes(r, i.pointee.d, UInt32.self)
            for lane in 0..<32 {
                let row = lane >> 2
                let column = (lane & 3) &* 2
                let low = copy[column &* 8 &+ row]
                let high = copy[(column &+ 1) &* 8 &+ row]
                d[lane] = UInt32(low) | UInt32(high) << 16
            }
        }
    }
}

/// The two elements that a lane holds of an 8×8 matrix whose rows are given.
@inline(__always)
private func places(
    _ rows: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>>,
    _ lane: Int,
    _ isTransposed: Bool
) -> (low: UnsafeMutablePointer<UInt16>, high: UnsafeMutablePointer<UInt16>) {
    func place(_ row: Int, _ column: Int) -> UnsafeMutablePointer<UInt16> {
        UnsafeMutableRawPointer(rows[row] + column &* 2).assumingMemoryBound(to: UInt16.self)
    }
    let line = lane >> 2
    let first = (lane & 3) &* 2
    return isTransposed
        ? (place(first, line), place(first &+ 1, line))
        : (place(line, first), place(line, first &+ 1))
}

/// The address operand of a lane with the displacement k; `immediate` is taken by the lane mask.
@inline(__always)
private func matrixAddress(
    _ r: Registers,
    _ i: Instruction,
    _ mode: AddressMode,
    _ lane: Int
) -> UInt64 {
    switch mode {
    case .shared32, .local32, .parameter32:
        let low = lanes(r, i.pointee.a, UInt32.self)[lane]
        return UInt64(low &+ UInt32(bitPattern: i.pointee.k))
    default:
        return lanes(r, i.pointee.a, UInt64.self)[lane]
            &+ UInt64(bitPattern: Int64(i.pointee.k))
    }
}

/// The checked addresses of the rows of `count` matrices, 16 bytes each.
@inline(__always)
private func rowPointers(
    _ r: Registers,
    _ i: Instruction,
    _ context: Context,
    _ isWrite: Bool
) -> UnsafeMutablePointer<UnsafeMutablePointer<UInt8>>? {
    let mode = AddressMode(rawValue: i.pointee.mode) ?? .shared64
    let pointers = context.pointee.pointers
    for lane in 0..<8 &* Int(i.pointee.count) {
        let address = matrixAddress(r, i, mode, lane)
        guard let found = hostAddress(context, i, mode, address, lane, 16, 16, isWrite) else {
            return nil
        }
        pointers[lane] = found.assumingMemoryBound(to: UInt8.self)
    }
    return pointers
}

/// Loads or stores the registers of a fragment, lane after lane.
@inline(__always)
private func transfer<Bits: FixedWidthInteger>(
    _ r: Registers,
    _ i: Instruction,
    _ context: Context,
    _: Bits.Type,
    isStore: Bool
) {
    let mode = AddressMode(rawValue: i.pointee.mode) ?? .generic
    let role = MatrixRole(rawValue: UInt8(truncatingIfNeeded: i.pointee.f)) ?? .accumulator
    let element = matrixElement(i.pointee.e)
    let shape = MatrixShape(packed: i.pointee.h)
    let isRowMajor = i.pointee.g == 1
    let needed = shape.registers(role, element)
    let strides = lanes(r, i.pointee.b, UInt32.self)
    let registers = lanes(r, i.pointee.d, Bits.self)
    // Whether the elements of a register follow each other in memory.
    let isPacked = element.perRegister == 1 || isRowMajor == (role != .b)
    let pieces = isPacked ? 1 : element.perRegister
    let bytes = UInt64(element.registerBytes / pieces)
    let alignment = UInt64(max(1, element.bits / 8))
    for lane in 0..<32 {
        let base = matrixAddress(r, i, mode, lane)
        let stride = Int(strides[lane])
        for j in 0..<needed {
            let place = shape.origin(role, element.perRegister, lane: lane, register: j)
            var value: Bits = isStore ? registers[j &* 32 &+ lane] : 0
            for piece in 0..<pieces {
                let row = place.row &+ (role == .b ? piece : 0)
                let column = place.column &+ (role == .b ? 0 : piece)
                let index = isRowMajor ? row &* stride &+ column : column &* stride &+ row
                let address = base &+ UInt64(bitPattern: Int64(index &* element.bits / 8))
                guard
                    let found = hostAddress(
                        context,
                        i,
                        mode,
                        address,
                        lane,
                        bytes,
                        alignment,
                        isStore
                    )
                else { return }
                let shift = Bits(truncatingIfNeeded: piece &* element.bits)
                if isStore {
                    var part = value &>> shift
                    found.copyMemory(from: &part, byteCount: Int(bytes))
                } else {
                    var part: Bits = 0
                    withUnsafeMutableBytes(of: &part) {
                        $0.baseAddress?.copyMemory(from: found, byteCount: Int(bytes))
                    }
                    value |= part &<< shift
                }
            }
            if !isStore { registers[j &* 32 &+ lane] = value }
        }
        if !isStore, needed < Int(i.pointee.count) {
            for j in needed..<Int(i.pointee.count) {
                registers[j &* 32 &+ lane] = registers[(j % needed) &* 32 &+ lane]
            }
        }
    }
}
