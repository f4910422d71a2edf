import CLanes

/// `suld.b` and `sust.b`, and the queries `txq` and `suq`.
///
/// a holds the handle of a lane or the address of its `.surfref` variable; b, c, e, f the integer
/// coordinates, the layer first, x in bytes; d, g, h, k the elements. `mode` is the
/// `TextureGeometry` with a `Bounds` from bit 4 on; `count` the elements, `aux` the bytes of one.
package enum SurfaceOps {
    /// What happens outside of the surface.
    package enum Bounds: UInt8, Sendable {
        /// A fault.
        case trap
        /// The nearest element takes part.
        case clamp
        /// Loads give 0, stores do nothing.
        case zero
    }

    /// What a query asks for.
    package enum Query: UInt8, Sendable {
        case width, height, depth, layers
    }

    /// `suld.b`
    package static func load() -> Handler {
        { r, i, m, context in eachElement(r, i, m, context, isStore: false) }
    }

    /// `sust.b`
    package static func store() -> Handler {
        { r, i, m, context in eachElement(r, i, m, context, isStore: true) }
    }

    /// `txq`, `suq`: d = the property `count` of the texture (`mode` 0) or surface (1) at a. A
    /// dimension that the object does not have is 0.
    package static func query() -> Handler {
        { r, i, m, context in
            let tag = i.pointee.mode == 0 ? TextureTag.texture : TextureTag.surface
            let d = lanes(r, i.pointee.d, UInt32.self)
            var rest = m
            while rest != 0 {
                let lane = rest.trailingZeroBitCount
                rest &= rest &- 1
                let handle = lanes(r, i.pointee.a, UInt64.self)[lane]
                guard let found = findTexture(context, i, handle, tag: tag, lane: lane) else {
                    return
                }
                d[lane] = property(found.pointee, Query(rawValue: i.pointee.count) ?? .width)
            }
        }
    }
}

private func property(_ t: LaneTexture, _ query: SurfaceOps.Query) -> UInt32 {
    let geometry = TextureGeometry(rawValue: t.geometry) ?? .line
    switch query {
    case .width: return t.width
    case .height: return geometry.dimensions > 1 ? t.height : 0
    case .depth: return geometry == .volume ? t.depth : 0
    case .layers: return !geometry.isLayered ? 0 : geometry == .cubes ? t.depth / 6 : t.depth
    }
}

/// The registers of the elements.
@inline(__always)
private func elementOffset(_ i: Instruction, _ k: Int) -> Int32 {
    switch k {
    case 0: i.pointee.d
    case 1: i.pointee.g
    case 2: i.pointee.h
    default: i.pointee.k
    }
}

private func eachElement(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    isStore: Bool
) {
    let bytes = Int(i.pointee.aux)
    let width = max(2, bytes)
    var rest = m
    while rest != 0 {
        let lane = rest.trailingZeroBitCount
        rest &= rest &- 1
        guard let place = surfacePlace(r, i, context, lane, isStore) else { return }
        for k in 0..<Int(i.pointee.count) {
            let register = r + Int(elementOffset(i, k)) + lane * width
            guard let pointer = place.pointer else {
                if !isStore { copyElement(register, nil, 0, width) }
                continue
            }
            if isStore {
                (pointer + k * bytes).copyMemory(from: register, byteCount: bytes)
            } else {
                copyElement(register, UnsafeRawPointer(pointer + k * bytes), bytes, width)
            }
        }
    }
}

/// Fills a register of `width` bytes from `bytes` in memory, with zeros above.
@inline(__always)
private func copyElement(
    _ register: UnsafeMutableRawPointer,
    _ from: UnsafeRawPointer?,
    _ bytes: Int,
    _ width: Int
) {
    var value: UInt64 = 0
    if let from {
        withUnsafeMutableBytes(of: &value) {
            $0.baseAddress?.copyMemory(from: from, byteCount: bytes)
        }
    }
    register.copyMemory(from: &value, byteCount: width)
}

/// Where a lane's access goes: no pointer when it lies outside and `.zero` is said; nil with the
/// fault recorded when it must not.
private func surfacePlace(
    _ r: Registers,
    _ i: Instruction,
    _ context: Context,
    _ lane: Int,
    _ isStore: Bool
) -> (pointer: UnsafeMutableRawPointer?, Void)? {
    let handle = lanes(r, i.pointee.a, UInt64.self)[lane]
    guard let found = findTexture(context, i, handle, tag: TextureTag.surface, lane: lane) else {
        return nil
    }
    let s = found.pointee
    // The faces of a cube are layers here.
    let actual = TextureGeometry(rawValue: s.geometry) ?? .line
    let geometry: TextureGeometry = actual == .cube || actual == .cubes ? .planes : actual
    guard geometry.rawValue == i.pointee.mode & 7 else {
        refuseTexture(context, i, handle, lane)
        return nil
    }
    func coordinate(_ offset: Int32) -> Int { Int(lanes(r, offset, Int32.self)[lane]) }
    let size = Int(i.pointee.aux) * Int(i.pointee.count)
    let texel = Int(s.channels) * (TexelFormat(rawValue: s.format)?.bytes ?? 4)
    let layered = geometry.isLayered
    let (px, py, pz) =
        layered
        ? (i.pointee.c, i.pointee.e, i.pointee.f) : (i.pointee.b, i.pointee.c, i.pointee.e)
    var x = coordinate(px)
    var y = geometry.dimensions > 1 ? coordinate(py) : 0
    var z = layered ? coordinate(i.pointee.b) : geometry.dimensions > 2 ? coordinate(pz) : 0
    let limits = (Int(s.width) * texel - size, Int(s.height) - 1, Int(s.depth) - 1)
    let isInside =
        x >= 0 && x <= limits.0 && y >= 0 && y <= limits.1 && z >= 0 && z <= limits.2
    let bounds = SurfaceOps.Bounds(rawValue: i.pointee.mode >> 4) ?? .trap
    if !isInside {
        if bounds == .zero { return (nil, ()) }
        if bounds == .clamp, limits.0 >= 0 {
            x = min(max(x, 0), limits.0)
            y = min(max(y, 0), limits.1)
            z = min(max(z, 0), limits.2)
        }
    }
    let offset =
        UInt64(bitPattern: Int64(x)) &+ UInt64(bitPattern: Int64(y)) &* s.rowPitch
        &+ UInt64(bitPattern: Int64(z)) &* s.slicePitch
    let address = s.address &+ offset
    if !isInside, bounds != .clamp || limits.0 < 0 {
        fault(
            context,
            i,
            code: FaultCode.illegalAddress,
            lane: lane,
            address: address,
            bytes: size,
            isWrite: isStore
        )
        return nil
    }
    let pointer = hostAddress(
        context,
        i,
        .global,
        address,
        lane,
        UInt64(size),
        UInt64(size),
        isStore
    )
    return pointer.map { ($0, ()) }
}
