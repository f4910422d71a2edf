import CLanes
import Lanes
import PTX

/// The parts of the frame memory that fragments are gathered in: byte offsets, as large as the
/// largest fragments (eight registers of A, of f64; else eight of 32 or four of 64 bits).
enum MatrixStage: Int32 {
    case a = 0
    case b = 2048
    case c = 3072
    case d = 4096

    static let bytes = 5120
}

extension FunctionLowering {
    private mutating func stage(_ part: MatrixStage) -> Int32 {
        if matrixStage < 0 { matrixStage = takeFrame(MatrixStage.bytes) }
        return matrixStage + part.rawValue
    }

    /// The offsets' first when registers of so many bytes a lane follow each other there.
    private func contiguous(_ offsets: [Int32], _ bytes: Int) -> Int32? {
        guard let first = offsets.first else { return nil }
        let isContiguous = offsets.enumerated().allSatisfy { k, offset in
            offset == first + Int32(k * bytes * 32)
        }
        return isContiguous ? first : nil
    }

    /// The registers of a fragment, copied next to each other unless they are already.
    mutating func fragment(
        _ operand: Syntax.Operand,
        _ count: Int,
        _ element: MatrixElement,
        _ part: MatrixStage
    ) throws(CompileError) -> Int32 {
        let elements = elements(operand)
        guard elements.count == count else {
            throw failure("a fragment of \(elements.count) registers where it has \(count)")
        }
        let type: LaneType = element == .f64 ? .f64 : element == .f32 ? .f32 : .u32
        let bytes = element.registerBytes
        var offsets: [Int32] = []
        for element in elements { offsets.append(try fragmentSource(element, type)) }
        if let first = contiguous(offsets, bytes) { return first }
        let start = stage(part)
        let copy = try require(MoveOps.copy(type))
        for (k, offset) in offsets.enumerated() {
            var i = draft(copy)
            i.guard = -1
            i.a = offset
            i.d = start + Int32(k * bytes * 32)
            append(i)
        }
        return start
    }

    /// A register of the fragment's width, or a constant.
    private mutating func fragmentSource(
        _ operand: Syntax.Operand,
        _ type: LaneType
    ) throws(CompileError) -> Int32 {
        if let place = place(operand), place.width != type.bits / 8 {
            throw failure("a register of \(type.bits) bits is expected in a fragment")
        }
        return try source(operand, type)
    }

    /// Lets `body` write the registers of a fragment next to each other, then copies them to where
    /// they belong unless that is there.
    mutating func fragmentResult(
        _ operand: Syntax.Operand,
        _ count: Int,
        _ element: MatrixElement,
        _ body: (inout FunctionLowering, Int32) -> Void
    ) throws(CompileError) {
        let elements = elements(operand)
        guard elements.count == count else {
            throw failure("a fragment of \(elements.count) registers where it has \(count)")
        }
        let bytes = element.registerBytes
        var offsets: [Int32] = []
        for element in elements {
            guard let place = place(element), place.width == bytes else {
                throw failure("a register of \(bytes * 8) bits is expected in a fragment")
            }
            offsets.append(place.offset)
        }
        if let first = contiguous(offsets, bytes) { return body(&self, first) }
        let start = stage(.d)
        body(&self, start)
        let copy = try require(MoveOps.copy(bytes == 8 ? .u64 : .u32))
        for (k, offset) in offsets.enumerated() {
            var i = draft(copy)
            i.a = start + Int32(k * bytes * 32)
            i.d = offset
            append(i)
        }
    }

    // MARK: - Memory

    /// The address of a matrix: its base register, its kind, and a displacement of 32 bits.
    private mutating func matrixLocation(
        _ operand: Syntax.Operand,
        _ space: Space
    ) throws(CompileError) -> (base: Int32, mode: AddressMode, displacement: Int32) {
        let place = try location(operand, space)
        guard let displacement = Int32(exactly: place.displacement) else {
            throw failure("the displacement is too large")
        }
        return (place.base, place.mode, displacement)
    }

    /// `wmma.load`, `wmma.store`.
    mutating func lowerFragmentAccess() throws(CompileError) {
        let isStore = name.has(.store)
        let modifiers = try matrixModifiers([
            .load, .store, .a, .b, .c, .d, .row, .col, .global, .shared, .sharedCta,
        ])
        let roles = modifiers.filter { $0 == .a || $0 == .b || $0 == .c || $0 == .d }
        let layouts = modifiers.filter { $0 == .row || $0 == .col }
        guard roles.count == 1, (roles[0] == .d) == isStore, layouts.count == 1,
            name.types.count == 1, let element = Self.matrixElement(name.types[0]),
            operands.count == 2 || operands.count == 3
        else { throw unsupported() }
        let role: MatrixRole = roles[0] == .a ? .a : roles[0] == .b ? .b : .accumulator
        let isRowMajor = layouts[0] == .row
        let shape = try matrixShape()
        guard Self.isFragment(shape, role, element, isRowMajor) else { throw unsupported() }
        let place = try matrixLocation(operands[isStore ? 0 : 1], try space())
        let width =
            role == .a
            ? (isRowMajor ? shape.k : shape.m)
            : isRowMajor ? shape.n : role == .b ? shape.k : shape.m
        let stride =
            operands.count == 3 ? try source(2, .u32) : constant(UInt64(width), 4)
        let count = registers(shape, role, element)
        var i = matrixDraft(isStore ? MatrixOps.store() : MatrixOps.load())
        i.a = place.base
        i.k = place.displacement
        i.mode = place.mode.rawValue
        i.b = stride
        i.e = Int32(element.rawValue)
        i.f = Int32(role.rawValue)
        i.g = isRowMajor ? 1 : 0
        i.h = shape.packed
        i.count = UInt8(count)
        let access = i
        if isStore {
            i.d = try fragment(operands[1], count, element, .d)
            append(i)
        } else {
            try fragmentResult(operands[0], count, element) { (lowering, d) in
                var i = access
                i.d = d
                lowering.append(i)
            }
        }
    }

    /// Whether `wmma` has such a fragment.
    private static func isFragment(
        _ shape: MatrixShape,
        _ role: MatrixRole,
        _ element: MatrixElement,
        _ isRowMajor: Bool
    ) -> Bool {
        guard role == .accumulator else {
            // Elements of less than a byte only where those of a register follow each other.
            if element.bits < 8, isRowMajor != (role == .a) { return false }
            return fragmentShapes(element).contains(shape)
        }
        switch element {
        case .f16: return fragmentShapes(.f16).contains(shape)
        case .f32: return (fragmentShapes(.f16) + fragmentShapes(.tf32)).contains(shape)
        case .f64: return fragmentShapes(.f64).contains(shape)
        case .s32:
            return (fragmentShapes(.s8) + fragmentShapes(.s4) + fragmentShapes(.b1))
                .contains(shape)
        default: return false
        }
    }

    /// `ldmatrix`, `stmatrix`, `movmatrix` of `.m8n8` with `.b16`.
    mutating func lowerMatrixRows() throws(CompileError) {
        let modifiers = try matrixModifiers([
            .x1, .x2, .x4, .trans, .shared, .sharedCta,
        ])
        guard name.shape == Syntax.Shape(m: 8, n: 8, k: 0), name.types == [.b16] else {
            throw unsupported()
        }
        let counts = modifiers.compactMap { modifier -> Int? in
            modifier == .x1 ? 1 : modifier == .x2 ? 2 : modifier == .x4 ? 4 : nil
        }
        guard operands.count == 2 else { throw failure("two operands are expected") }
        if name.opcode == .movmatrix {
            guard modifiers == [.trans] else { throw unsupported() }
            let a = try fragment(operands[1], 1, .f16, .a)
            return try fragmentResult(operands[0], 1, .f16) { (lowering, d) in
                var i = lowering.matrixDraft(MatrixOps.transpose())
                i.a = a
                i.d = d
                lowering.append(i)
            }
        }
        guard counts.count == 1 else { throw unsupported() }
        let isStore = name.opcode == .stmatrix
        var place = try matrixLocation(operands[isStore ? 0 : 1], try space())
        // A generic address must be one of shared memory.
        if place.mode == .generic { place.mode = .shared64 }
        var i = matrixDraft(isStore ? MatrixOps.storeRows() : MatrixOps.loadRows())
        i.a = place.base
        i.k = place.displacement
        i.mode = place.mode.rawValue
        i.e = modifiers.contains(.trans) ? 1 : 0
        i.count = UInt8(counts[0])
        let access = i
        if isStore {
            i.d = try fragment(operands[1], counts[0], .f16, .d)
            append(i)
        } else {
            try fragmentResult(operands[0], counts[0], .f16) { (lowering, d) in
                var i = access
                i.d = d
                lowering.append(i)
            }
        }
    }
}
