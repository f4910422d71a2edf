import CLanes
import Lanes
import PTX

extension FunctionLowering {
    /// A special register as lanes. Those that change while a thread runs are read into a
    /// temporary.
    mutating func special(
        _ register: Syntax.SpecialRegister,
        _ width: Int
    ) throws(CompileError) -> Int32 {
        if let clock = ClockKind(register) {
            var i = draft(SpecialOps.clock(clock, wide: width == 8))
            i.guard = -1
            i.d = temporary(width)
            append(i)
            return i.d
        }
        guard !register.isVector, let kind = Special(register) else {
            throw failure(
                "special register '%\(register.kind.rawValue)' is not supported",
                .unsupported
            )
        }
        let offset: Int32
        if let known = specials[kind] {
            offset = known
        } else {
            offset = takeFrame(128)
            specials[kind] = offset
        }
        guard width != 4 else { return offset }
        let handler = try require(MoveOps.convert(from: 32, to: width * 8, signed: false))
        var i = draft(handler)
        i.guard = -1
        i.a = offset
        i.d = temporary(width)
        i.immediate = Int64(min(width, 4) * 8)
        append(i)
        return i.d
    }

    /// An address as a value: of shared memory the offset, of local memory the offset in the
    /// thread's, of a function its tagged number, else the address itself.
    mutating func addressValue(
        _ address: Syntax.Address,
        _ width: Int
    ) throws(CompileError) -> Int32 {
        let offset = UInt64(bitPattern: address.offset)
        switch address.base {
        case .absolute: return constant(offset, width)
        case .register: throw failure("unexpected register address")
        case .parameter(let k) where function.isEntry:
            let parameter = function.parameters[Int(k)]
            return constant(UInt64(parameter.offset) &+ offset, width)
        case .parameter, .returnParameter:
            throw failure("the address of a function parameter is not supported", .unsupported)
        case .local(let k):
            let index = Int(k)
            if let start = localOffsets[index] {
                return localAddress(Int64(start) &+ address.offset, width)
            }
            if let start = sharedOffsets[index] {
                return constant(UInt64(start) &+ offset, width)
            }
            let variable = body.variables[index]
            if variable.space == .shared {
                return constant(offset, width, isDynamicShared: true)
            }
            throw failure("the address of '\(variable.name)' is not supported", .unsupported)
        case .global(let k): return try globalAddress(Int(k), address.offset, width)
        case .function(let k):
            let index = try builder.takeAddress(of: unit, Int(k), line: Int(current.line))
            return constant(Window.function | UInt64(index), width)
        }
    }

    private mutating func globalAddress(
        _ index: Int,
        _ offset: Int64,
        _ width: Int
    ) throws(CompileError) -> Int32 {
        let variable = builder.linked.units[unit].variables[index]
        if variable.space == .shared {
            if variable.isUnsized || variable.size == 0 {
                builder.shared.alignDynamic(variable.alignment)
                return constant(UInt64(bitPattern: offset), width, isDynamicShared: true)
            }
            let start = try builder.sharedOffset(unit, index)
            return constant(UInt64(start) &+ UInt64(bitPattern: offset), width)
        }
        let address = try builder.linked.address(unit, index, line: Int(current.line))
        return constant(address &+ UInt64(bitPattern: offset), width)
    }

    /// The running call's local base plus `offset`, in a temporary.
    mutating func localAddress(_ offset: Int64, _ width: Int) -> Int32 {
        var i = control(.localAddress)
        i.guard = -1
        i.mode = width == 8 ? 1 : 0
        i.immediate = offset
        i.d = temporary(width)
        append(i)
        return i.d
    }
}

extension ClockKind {
    /// The clock behind a special register, if it is one.
    init?(_ register: Syntax.SpecialRegister) {
        switch register.kind {
        case .clock, .clock64: self = .cycles
        case .clockHi: self = .cyclesHigh
        case .globaltimer, .globaltimerLo: self = .nanoseconds
        case .globaltimerHi: self = .nanosecondsHigh
        default: return nil
        }
    }
}

extension Special {
    /// The lanes behind a special register.
    init?(_ register: Syntax.SpecialRegister) {
        let axes = Int(register.index)
        func axis(_ x: Special, _ y: Special, _ z: Special) -> Special {
            axes == 0 ? x : axes == 1 ? y : axes == 2 ? z : .zero
        }
        switch register.kind {
        case .tid: self = axis(.tidX, .tidY, .tidZ)
        case .ntid: self = axis(.ntidX, .ntidY, .ntidZ)
        case .ctaid, .clusterid: self = axis(.ctaidX, .ctaidY, .ctaidZ)
        case .nctaid, .nclusterid: self = axis(.nctaidX, .nctaidY, .nctaidZ)
        case .laneid: self = .laneid
        case .warpid: self = .warpid
        case .nwarpid: self = .nwarpid
        case .smid: self = .smid
        case .nsmid: self = .nsmid
        case .gridid: self = .gridid
        case .clusterCtaid, .clusterCtarank, .isExplicitCluster: self = .zero
        case .clusterNctaid, .clusterNctarank: self = .one
        case .lanemaskEq: self = .lanemaskEq
        case .lanemaskLe: self = .lanemaskLe
        case .lanemaskLt: self = .lanemaskLt
        case .lanemaskGe: self = .lanemaskGe
        case .lanemaskGt: self = .lanemaskGt
        case .envreg:
            self =
                register.index == 1
                ? .gridWorkspaceHigh : register.index == 2 ? .gridWorkspaceLow : .zero
        case .totalSmemSize, .aggrSmemSize: self = .totalSharedBytes
        case .dynamicSmemSize: self = .dynamicSharedBytes
        case .pm, .pm64, .currentGraphExec, .reservedSmemOffset, .reservedSmemOffsetBegin,
            .reservedSmemOffsetCap, .reservedSmemOffsetEnd:
            self = .zero
        default: return nil
        }
    }
}
