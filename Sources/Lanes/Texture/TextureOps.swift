import CLanes

/// `tex` and `tld4`.
///
/// a holds the handle of a lane or the address of its `.texref` variable; b, c, e, f the
/// coordinates, the layer first; the results go to d, g, h, k. `mode` is the `TextureGeometry` with
/// bit 3 set for integer coordinates; `count` of `tld4` the component. Textures have one level of
/// detail, so that `.level` and `.grad` change nothing.
package enum TextureOps {
    /// Set in `mode` when coordinates are integers.
    package static let integerCoordinates: UInt8 = 8

    /// `tex`: a filtered or single texel.
    package static func fetch() -> Handler {
        { r, i, m, context in
            eachTexture(r, i, m, context) { sampler, place in
                sampler.sample(place.x, place.y, place.z)
            }
        }
    }

    /// `tld4`: one component of the four texels that a bilinear filter takes, counter-clockwise
    /// from the lower left: (i, j + 1), (i + 1, j + 1), (i + 1, j), (i, j).
    package static func gather() -> Handler {
        { r, i, m, context in
            let component = Int(i.pointee.count)
            eachTexture(r, i, m, context, gathers: true) { sampler, place in
                func one(_ x: Int, _ y: Int) -> UInt32 {
                    sampler.sample(TextureTap(x), TextureTap(y), place.z)[component]
                }
                return SIMD4(
                    one(place.x.low, place.y.high),
                    one(place.x.high, place.y.high),
                    one(place.x.high, place.y.low),
                    one(place.x.low, place.y.low)
                )
            }
        }
    }
}

/// The taps of a sample along each axis.
private typealias TexturePlace = (x: TextureTap, y: TextureTap, z: TextureTap)

private func eachTexture(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    gathers: Bool = false,
    _ body: (inout TextureSampler, TexturePlace) -> SIMD4<UInt32>
) {
    let wanted = TextureGeometry(rawValue: i.pointee.mode & 7) ?? .line
    var rest = m
    while rest != 0 {
        let lane = rest.trailingZeroBitCount
        rest &= rest &- 1
        let handle = lanes(r, i.pointee.a, UInt64.self)[lane]
        guard
            let texture = findTexture(context, i, handle, tag: TextureTag.texture, lane: lane)
        else { return }
        let geometry = TextureGeometry(rawValue: texture.pointee.geometry) ?? .line
        guard geometry == wanted || (geometry == .buffer && wanted == .line) else {
            return refuseTexture(context, i, handle, lane)
        }
        var sampler = TextureSampler(texture, context, i, lane)
        let result: SIMD4<UInt32>
        if geometry == .buffer {
            result = element(r, i, lane, &sampler)
        } else {
            let place = taps(r, i, lane, texture, geometry, gathers)
            result = body(&sampler, place)
        }
        if sampler.failed { return }
        for (k, offset) in [i.pointee.d, i.pointee.g, i.pointee.h, i.pointee.k].enumerated() {
            lanes(r, offset, UInt32.self)[lane] = result[k]
        }
    }
}

/// The k-th coordinate of a lane.
@inline(__always)
private func coordinateOffset(_ i: Instruction, _ k: Int) -> Int32 {
    switch k {
    case 0: i.pointee.b
    case 1: i.pointee.c
    case 2: i.pointee.e
    default: i.pointee.f
    }
}

/// An element of linear memory: 0 outside.
private func element(
    _ r: Registers,
    _ i: Instruction,
    _ lane: Int,
    _ sampler: inout TextureSampler
) -> SIMD4<UInt32> {
    let index: Int
    if i.pointee.mode & TextureOps.integerCoordinates != 0 {
        index = Int(lanes(r, i.pointee.b, Int32.self)[lane])
    } else {
        let x = lanes(r, i.pointee.b, Float.self)[lane]
        index = x >= 0 && x < 4_294_967_296 ? Int(x) : -1
    }
    guard index >= 0, index < Int(sampler.texture.pointee.width) else {
        return SIMD4(repeating: 0)
    }
    return sampler.bits(index, 0, 0)
}

private func taps(
    _ r: Registers,
    _ i: Instruction,
    _ lane: Int,
    _ texture: UnsafePointer<LaneTexture>,
    _ geometry: TextureGeometry,
    _ gathers: Bool
) -> TexturePlace {
    let t = texture.pointee
    let first = geometry.isLayered ? 1 : 0
    let isInteger = i.pointee.mode & TextureOps.integerCoordinates != 0
    func number(_ k: Int) -> Float { lanes(r, coordinateOffset(i, first + k), Float.self)[lane] }
    func tap(_ k: Int, _ size: UInt32, _ mode: UInt8) -> TextureTap {
        let mode = TextureAddressing(rawValue: mode) ?? .clamp
        if isInteger {
            let index = Int(lanes(r, coordinateOffset(i, first + k), Int32.self)[lane])
            return TextureTap(index, size: Int(size), mode)
        }
        return TextureTap(
            number(k),
            size: Int(size),
            mode,
            isNormalized: t.isNormalized != 0,
            isLinear: gathers || t.isLinearFilter != 0
        )
    }
    // Layers are clamped.
    let perLayer = geometry == .cubes ? 6 : 1
    let layers = max(1, Int(t.depth) / perLayer)
    let layer =
        geometry.isLayered
        ? min(max(Int(lanes(r, i.pointee.b, Int32.self)[lane]), 0), layers - 1) * perLayer : 0
    switch geometry {
    case .buffer, .line, .lines:
        return (tap(0, t.width, t.addressX), TextureTap(0), TextureTap(layer))
    case .plane, .planes:
        return (tap(0, t.width, t.addressX), tap(1, t.height, t.addressY), TextureTap(layer))
    case .volume:
        return (
            tap(0, t.width, t.addressX), tap(1, t.height, t.addressY),
            tap(2, t.depth, t.addressZ)
        )
    case .cube, .cubes:
        let (face, s, t0) = cubeFace(number(0), number(1), number(2))
        let isLinear = gathers || t.isLinearFilter != 0
        func onFace(_ x: Float) -> TextureTap {
            TextureTap(x, size: Int(t.width), .clamp, isNormalized: true, isLinear: isLinear)
        }
        return (onFace(s), onFace(t0), TextureTap(layer + face))
    }
}

/// The face that a direction meets and where, from 0 to 1: CUDA C++ Programming Guide, "Cubemap
/// Textures".
private func cubeFace(_ x: Float, _ y: Float, _ z: Float) -> (face: Int, s: Float, t: Float) {
    let (ax, ay, az) = (abs(x), abs(y), abs(z))
    let face: Int
    let (major, s, t): (Float, Float, Float)
    if ax >= ay, ax >= az {
        face = x < 0 ? 1 : 0
        (major, s, t) = (ax, x < 0 ? z : -z, -y)
    } else if ay >= az {
        face = y < 0 ? 3 : 2
        (major, s, t) = (ay, x, y < 0 ? -z : z)
    } else {
        face = z < 0 ? 5 : 4
        (major, s, t) = (az, z < 0 ? -x : x, -y)
    }
    guard major > 0 else { return (face, 0.5, 0.5) }
    return (face, (s / major + 1) / 2, (t / major + 1) / 2)
}
