import CLanes
import Lanes
import PTX

/// Instructions on textures and surfaces in the unified mode: PTX ISA, "Texture Instructions" and
/// "Surface Instructions". Separate samplers (`.texmode_independent`) are not supported.
extension FunctionLowering {
    /// `tex`, `tld4` of four 32-bit results.
    mutating func lowerTexture() throws(CompileError) {
        let isGather = name.opcode == .tld4
        let allowed: Set<Syntax.Modifier> =
            isGather ? [.v4, .r, .g, .b, .a] : [.v4, .base, .level, .grad]
        let (geometry, rest) = try textureName(allowed)
        let levels = rest.filter { $0 != .v4 }
        guard rest.contains(.v4), levels.count == (isGather ? 1 : levels.count), levels.count < 2,
            name.types.count == 2, [.f32, .s32, .u32].contains(name.types[0]),
            name.types[1] == .f32 || (name.types[1] == .s32 && !isGather)
        else { throw unsupported() }
        let isInteger = name.types[1] == .s32
        if isGather, geometry.dimensions == 1 || geometry == .volume { throw unsupported() }
        if isInteger, geometry == .cube || geometry == .cubes { throw unsupported() }
        let extra = levels == [.level] ? 1 : levels == [.grad] ? 2 : 0
        guard operands.count == 2 + extra else { throw unsupported() }
        var i = draft(isGather ? TextureOps.gather() : TextureOps.fetch())
        i.mode = geometry.rawValue | (isInteger ? TextureOps.integerCoordinates : 0)
        if isGather {
            i.count = UInt8([.r, .g, .b, .a].firstIndex(of: levels[0]) ?? 0)
        }
        try setObject(&i, operands[1], geometry, isInteger ? .s32 : .f32)
        i.setTexels(try texelResults(operands[0], count: 4, bytes: 4))
        append(i)
    }

    /// `suld.b`, `sust.b`.
    mutating func lowerSurface() throws(CompileError) {
        let isStore = name.opcode == .sust
        let (geometry, rest) = try textureName([
            .b, .v2, .v4, .trap, .clamp, .zero, .ca, .cg, .cs, .cv, .wb, .wt,
        ])
        let bounds = rest.compactMap { modifier -> SurfaceOps.Bounds? in
            modifier == .trap
                ? .trap : modifier == .clamp ? .clamp : modifier == .zero ? .zero : nil
        }
        guard rest.contains(.b), bounds.count < 2, geometry != .cube, geometry != .cubes,
            name.types.count == 1, [.b8, .b16, .b32, .b64].contains(name.types[0]),
            operands.count == 2
        else { throw unsupported() }
        let bytes = name.types[0].size
        let count = rest.contains(.v4) ? 4 : rest.contains(.v2) ? 2 : 1
        guard bytes * count <= 16 else { throw unsupported() }
        var i = draft(isStore ? SurfaceOps.store() : SurfaceOps.load())
        i.mode = geometry.rawValue | (bounds.first ?? .trap).rawValue << 4
        i.count = UInt8(count)
        i.aux = Int32(bytes)
        try setObject(&i, operands[isStore ? 0 : 1], geometry, .s32)
        let value = operands[isStore ? 1 : 0]
        if isStore {
            let type: LaneType = bytes == 8 ? .u64 : bytes == 4 ? .u32 : .u16
            let elements = elements(value)
            guard elements.count == count else { throw failure("\(count) values are expected") }
            var offsets: [Int32] = []
            for element in elements { offsets.append(try source(element, type)) }
            i.setTexels(offsets)
        } else {
            i.setTexels(try texelResults(value, count: count, bytes: max(2, bytes)))
        }
        append(i)
    }

    /// `txq`, `suq` of the extents.
    mutating func lowerTextureQuery() throws(CompileError) {
        let queries: [Syntax.Modifier: SurfaceOps.Query] = [
            .width: .width, .height: .height, .depth: .depth, .arraySize: .layers,
        ]
        guard name.modifiers.count == 1, let query = queries[name.modifiers[0]],
            name.types == [.b32], operands.count == 2
        else { throw unsupported() }
        let object = try textureHandle(operands[1])
        try destination(.u32) { (lowering, d) throws(CompileError) in
            var i = lowering.draft(SurfaceOps.query())
            i.mode = lowering.name.opcode == .txq ? 0 : 1
            i.count = query.rawValue
            i.a = object
            i.d = d
            lowering.append(i)
        }
    }

    /// The geometry that the name says, and the other modifiers, of which each is allowed.
    private func textureName(
        _ allowed: Set<Syntax.Modifier>
    ) throws(CompileError) -> (TextureGeometry, [Syntax.Modifier]) {
        let geometries: [Syntax.Modifier: TextureGeometry] = [
            .dim1d: .line, .dim2d: .plane, .dim3d: .volume, .a1d: .lines, .a2d: .planes,
            .cube: .cube, .acube: .cubes,
        ]
        let found = name.modifiers.compactMap { geometries[$0] }
        let rest = name.modifiers.filter { geometries[$0] == nil }
        guard found.count == 1, rest.allSatisfy(allowed.contains) else { throw unsupported() }
        return (found[0], rest)
    }

    /// Sets handle and coordinates from `[object, {coordinates}]`.
    private mutating func setObject(
        _ i: inout LaneInstruction,
        _ operand: Syntax.Operand,
        _ geometry: TextureGeometry,
        _ type: LaneType
    ) throws(CompileError) {
        guard case .tuple(let range) = operand else { throw failure("[object, {…}] is expected") }
        let parts = Array(body.operands(range))
        // More parts are a sampler or an offset.
        guard parts.count == 2 else { throw unsupported() }
        i.a = try textureHandle(parts[0])
        let coordinates = elements(parts[1])
        let needed = geometry.dimensions + (geometry.isLayered ? 1 : 0)
        // Three are filled up to four.
        guard coordinates.count == needed || (needed == 3 && coordinates.count == 4) else {
            throw failure("\(needed) coordinates are expected")
        }
        for k in 0..<needed {
            let kind: LaneType = geometry.isLayered && k == 0 ? .s32 : type
            let offset = try source(coordinates[k], kind)
            switch k {
            case 0: i.b = offset
            case 1: i.c = offset
            case 2: i.e = offset
            default: i.f = offset
            }
        }
    }

    /// The lanes with the object's handle, or with the address of its variable.
    private mutating func textureHandle(
        _ operand: Syntax.Operand
    ) throws(CompileError) -> Int32 {
        guard case .memory(let address) = operand, address.offset == 0 else {
            throw failure("a texture or surface is expected")
        }
        switch address.base {
        case .register(let id): return try source(.register(id), .u64)
        case .global: return try addressValue(address, 8)
        case .parameter(let k) where function.isEntry:
            // A kernel parameter that is a texture: its 8 bytes are the handle.
            var i = draft(try require(MemoryOps.loadParameter(.u64, register: 64)))
            i.guard = -1
            i.immediate = Int64(function.parameters[Int(k)].offset)
            i.d = temporary(8)
            append(i)
            return i.d
        default: throw unsupported()
        }
    }

    /// The registers of a vector result, each of so many bytes.
    private mutating func texelResults(
        _ operand: Syntax.Operand,
        count: Int,
        bytes: Int
    ) throws(CompileError) -> [Int32] {
        if case .vectorPair = operand { throw unsupported() }
        let elements = elements(operand)
        guard elements.count == count else {
            throw failure("\(count) results are expected")
        }
        var offsets: [Int32] = []
        for element in elements {
            if element == .sink {
                offsets.append(temporary(bytes))
                continue
            }
            guard let place = place(element), place.width == bytes else {
                throw failure("registers of \(bytes * 8) bits are expected")
            }
            offsets.append(place.offset)
        }
        return offsets
    }
}

extension LaneInstruction {
    /// Sets the registers of a texel's elements, at most four.
    fileprivate mutating func setTexels(_ offsets: [Int32]) {
        for (n, offset) in offsets.enumerated() {
            switch n {
            case 0: d = offset
            case 1: g = offset
            case 2: h = offset
            default: k = offset
            }
        }
    }
}
