import CLanes
import Lanes
import PTX

extension FunctionLowering {
    /// An address operand made ready: the register with its base, how it is read, the displacement.
    struct Location {
        var base: Int32
        var mode: AddressMode
        var displacement: Int64
    }

    /// A state space that an instruction's name can say.
    enum Space {
        case generic, global, shared, local, parameter
    }

    /// Loads, stores, copies, and hints.
    mutating func lowerMemory() throws(CompileError) {
        switch name.opcode {
        case .ld, .ldu, .st: try lowerAccess()
        case .cp: try lowerCopy()
        case .createpolicy:
            try destination(.u64) { (lowering, d) throws(CompileError) in
                var i = lowering.draft(try lowering.require(MoveOps.copy(.u64)))
                i.a = lowering.constant(0, 8)
                i.d = d
                lowering.append(i)
            }
        default: break  // prefetch, applypriority, discard: hints.
        }
    }

    /// The space that the name says, generic when it says none.
    func space() throws(CompileError) -> Space {
        for modifier in name.modifiers {
            switch modifier {
            case .global, .const: return .global
            case .shared, .sharedCta, .sharedCluster: return .shared
            case .local: return .local
            case .param, .paramEntry, .paramFunc: return .parameter
            default: continue
            }
        }
        return .generic
    }

    /// Where `[…]` of a space is.
    mutating func location(
        _ operand: Syntax.Operand,
        _ space: Space
    ) throws(CompileError) -> Location {
        guard case .memory(let address) = operand else { throw failure("an address is expected") }
        if case .register(let id) = address.base {
            let width = registerWidths[id.index]
            guard width == 4 || width == 8 else { throw failure("not an address register") }
            return Location(
                base: try addressRegister(id, width, space),
                mode: mode(space, wide: width == 8),
                displacement: address.offset
            )
        }
        let width = 8
        let base: Int32
        if space == .generic {
            base = try genericAddress(address)
        } else {
            base = try addressValue(address, width)
        }
        return Location(base: base, mode: mode(space, wide: true), displacement: 0)
    }

    /// 32-bit registers are widened for spaces with 64-bit addresses.
    private mutating func addressRegister(
        _ id: Syntax.RegisterID,
        _ width: Int,
        _ space: Space
    ) throws(CompileError) -> Int32 {
        guard width == 4, space == .generic || space == .global else {
            return registerOffsets[id.index]
        }
        return try source(.register(id), .u64)
    }

    private func mode(_ space: Space, wide: Bool) -> AddressMode {
        switch space {
        case .generic: .generic
        case .global: .global
        case .shared: wide ? .shared64 : .shared32
        case .local: wide ? .local64 : .local32
        case .parameter: wide ? .parameter64 : .parameter32
        }
    }

    /// A symbol's generic address: with the tag of its window.
    mutating func genericAddress(_ address: Syntax.Address) throws(CompileError) -> Int32 {
        let value = try addressValue(address, 8)
        let tag: UInt64
        switch address.base {
        case .local(let k): tag = localOffsets[Int(k)] != nil ? Window.local : Window.shared
        case .global(let k):
            let variable = builder.linked.units[unit].variables[Int(k)]
            tag = variable.space == .shared ? Window.shared : 0
        case .parameter where function.isEntry: tag = Window.parameter
        default: tag = 0
        }
        guard tag != 0 else { return value }
        var i = draft(try require(BitOps.or(.u64)))
        i.guard = -1
        i.a = value
        i.b = constant(tag, 8)
        i.d = temporary(8)
        append(i)
        return i.d
    }

    private mutating func lowerAccess() throws(CompileError) {
        let isStore = name.opcode == .st
        guard let written = name.types.last else { throw unsupported() }
        if written == .b128 { return try lowerWideAccess(isStore) }
        let type = try type(name.types.count - 1)
        let address = try operand(isStore ? 0 : 1)
        let value = try operand(isStore ? 1 : 0)
        let space = try space()
        if space == .parameter, try lowerParameterAccess(isStore, type, value, address) { return }
        let place = try location(address, space)
        if isStore, space == .parameter { throw failure("kernel parameters are read only") }
        let mayBeWaitedFor = isSynchronizing
        try access(isStore, type, value) { (_, bits) throws(CompileError) in
            let waiting = mayBeWaitedFor ? MemoryOps.spinning(type, register: bits) : nil
            let handler =
                isStore
                ? MemoryOps.store(type, register: bits, place.mode)
                : waiting ?? MemoryOps.load(type, register: bits, place.mode)
            return (handler, place.base, place.displacement, place.mode.rawValue, 0)
        }
    }

    /// Whether the name says that other threads may be at the same place.
    private var isSynchronizing: Bool {
        name.has(.volatile) || name.has(.relaxed) || name.has(.acquire) || name.has(.mmio)
    }

    /// What an access's elements go through: the handler for registers of so many bits, and the
    /// fields a, immediate, mode and aux.
    typealias AccessForm = (
        handler: Handler?, base: Int32, displacement: Int64, mode: UInt8, aux: Int32
    )

    /// Emits one access over the elements of `value`, through temporaries where a register does not
    /// fit.
    private mutating func access(
        _ isStore: Bool,
        _ type: LaneType,
        _ value: Syntax.Operand,
        _ form: (inout FunctionLowering, Int) throws(CompileError) -> AccessForm
    ) throws(CompileError) {
        let elements = elements(value)
        guard elements.count <= 8 else { throw unsupported() }
        var widths: [Int] = []
        for element in elements {
            if let place = place(element), place.width > 0 { widths.append(place.width) }
        }
        let natural = max(2, type.bits / 8)
        let common = widths.first { $0 >= natural } ?? natural
        let isUniform = widths.allSatisfy { $0 == common }
        let width = isUniform ? common : natural
        var offsets: [Int32] = []
        var after: [(from: Int32, to: Int32, width: Int)] = []
        for element in elements {
            if isStore {
                if let place = place(element), place.width == width {
                    offsets.append(place.offset)
                } else {
                    offsets.append(try source(element, Self.integer(width, type)))
                }
            } else if let place = place(element), place.width == width {
                offsets.append(place.offset)
            } else {
                let slot = temporary(width)
                offsets.append(slot)
                if let place = place(element) {
                    after.append((slot, place.offset, place.width))
                } else if element != .sink {
                    throw failure("destination is not a register")
                }
            }
        }
        let made = try form(&self, width * 8)
        var i = draft(try require(made.handler))
        i.a = made.base
        i.immediate = made.displacement
        i.mode = made.mode
        i.aux = made.aux
        i.count = UInt8(elements.count)
        i.setElements(offsets)
        append(i)
        for step in after {
            let handler = MoveOps.convert(
                from: width * 8,
                to: step.width * 8,
                signed: type.isSigned
            )
            var i = draft(try require(handler))
            i.a = step.from
            i.d = step.to
            i.immediate = Int64(min(width, step.width) * 8)
            append(i)
        }
    }

    /// An integer type of a register's width, or the type itself when it has that width.
    private static func integer(_ width: Int, _ type: LaneType) -> LaneType {
        if max(2, type.bits / 8) == width { return type.bits == 8 ? .u16 : type }
        return width == 2 ? .u16 : width == 4 ? .u32 : .u64
    }

    /// `ld.b128`, `st.b128`: two 64-bit halves.
    private mutating func lowerWideAccess(_ isStore: Bool) throws(CompileError) {
        let address = try operand(isStore ? 0 : 1)
        let value = try operand(isStore ? 1 : 0)
        let place = try location(address, try space())
        var offsets: [Int32] = []
        for element in elements(value) {
            guard let found = self.place(element), found.width == 16 else {
                throw failure("a .b128 register is expected")
            }
            offsets.append(found.offset)
            offsets.append(found.offset + 256)
        }
        guard offsets.count <= 8 else { throw unsupported() }
        let handler =
            isStore
            ? MemoryOps.store(.u64, register: 64, place.mode)
            : MemoryOps.load(.u64, register: 64, place.mode)
        var i = draft(try require(handler))
        i.a = place.base
        i.immediate = place.displacement
        i.mode = place.mode.rawValue
        i.count = UInt8(offsets.count)
        i.setElements(offsets)
        append(i)
    }

    /// Accesses of parameters at a known place; false when the address is computed.
    private mutating func lowerParameterAccess(
        _ isStore: Bool,
        _ type: LaneType,
        _ value: Syntax.Operand,
        _ operand: Syntax.Operand
    ) throws(CompileError) -> Bool {
        guard case .memory(let address) = operand else { throw failure("an address is expected") }
        let object: LaneObject
        let bytes = type.bits / 8 * elements(value).count
        switch address.base {
        case .parameter(let k) where function.isEntry:
            let start = Int64(function.parameters[Int(k)].offset) &+ address.offset
            guard !isStore else { throw failure("kernel parameters are read only") }
            guard start >= 0, start <= Int64(function.parameterBytes) - Int64(bytes) else {
                throw failure("outside of the kernel's parameters")
            }
            try access(false, type, value) { (_, bits) throws(CompileError) in
                (MemoryOps.loadParameter(type, register: bits), 0, start, 0, 0)
            }
            return true
        case .parameter(let k): object = parameterObjects[Int(k)]
        case .returnParameter(let k): object = returnObjects[Int(k)]
        case .local(let k):
            guard let found = objects[Int(k)] else {
                throw failure("not a parameter object", .unsupported)
            }
            object = found
        default: return false
        }
        guard address.offset >= 0, address.offset <= Int64(object.bytes) - Int64(bytes) else {
            throw failure("outside of the parameter object")
        }
        try access(isStore, type, value) { (_, bits) throws(CompileError) in
            let handler =
                isStore
                ? MemoryOps.storeArgument(type, register: bits)
                : MemoryOps.loadArgument(type, register: bits)
            return (handler, object.offset, address.offset, 0, object.bytes)
        }
        return true
    }

    /// `cp.async`: copied at once, so that groups are complete when they are committed.
    private mutating func lowerCopy() throws(CompileError) {
        guard name.has(.async) else { throw unsupported() }
        if name.has(.bulk) { return try lowerBulkCopy() }
        guard !name.has(.reduce) else { throw unsupported() }
        if name.has(.commitGroup) || name.has(.waitGroup) || name.has(.waitAll) { return }
        if name.has(.mbarrier) { return try lowerMbarrier() }
        guard case .integer(let size) = try operand(2), [4, 8, 16].contains(size) else {
            throw failure("the size is 4, 8 or 16")
        }
        let target = try location(try operand(0), .shared)
        let origin = try location(try operand(1), .global)
        var i = try copyDraft(MemoryOps.copy(), from: origin, to: target)
        i.aux = Int32(size)
        i.c = -1
        if operands.count > 3 {
            switch operands[3] {
            case .register(let id) where registerWidths[id.index] == 0,
                .notPredicate(let id) where registerWidths[id.index] == 0:
                // ignore-src: nothing is read where the predicate holds.
                let p = try predicateOperand(operands[3])
                let zero = constant(0, 4)
                let all = constant(size, 4)
                var s = draft(try require(MoveOps.select(32)))
                s.guard = -1
                s.a = zero
                s.b = all
                s.c = p.offset
                s.mode = p.isNegated ? 1 : 0
                s.d = temporary(4)
                append(s)
                i.c = s.d
            case let wanted where !name.has(.l2CacheHint) || operands.count > 4:
                i.c = try source(wanted, .u32)
            default: break
            }
        }
        append(i)
    }

    /// `membar`, `fence`, `griddepcontrol`.
    mutating func lowerFence() throws(CompileError) {
        guard name.opcode != .griddepcontrol else { return }
        append(draft(AtomicOps.fence()))
    }
}

extension LaneInstruction {
    /// Sets the registers of a vector's elements, at most eight.
    mutating func setElements(_ offsets: [Int32]) {
        for (n, offset) in offsets.enumerated() {
            switch n {
            case 0: d = offset
            case 1: b = offset
            case 2: c = offset
            case 3: e = offset
            case 4: f = offset
            case 5: g = offset
            case 6: h = offset
            default: k = offset
            }
        }
    }
}
