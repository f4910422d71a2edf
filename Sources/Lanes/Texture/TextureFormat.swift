import CLanes

/// What the channels of a texel are; the raw value is the driver's `CUarray_format`.
package enum TexelFormat: UInt8, CaseIterable, Sendable {
    case u8 = 0x01, u16 = 0x02, u32 = 0x03, s8 = 0x08, s16 = 0x09, s32 = 0x0a
    case f16 = 0x10, f32 = 0x20

    /// Bytes of a channel.
    package var bytes: Int {
        switch self {
        case .u8, .s8: 1
        case .u16, .s16, .f16: 2
        case .u32, .s32, .f32: 4
        }
    }

    /// Whether it is a floating-point number.
    package var isFloat: Bool { self == .f16 || self == .f32 }
}

/// The dimensions of a texture or surface; as PTX names them `.1d`, `.2d`, `.3d`, `.a1d`, `.a2d`,
/// `.cube`, `.acube`.
package enum TextureGeometry: UInt8, Sendable {
    /// Linear memory, which only `.1d` fetches with an integer.
    case buffer
    case line, plane, volume, lines, planes, cube, cubes

    /// Coordinates besides the number of the layer.
    package var dimensions: Int {
        switch self {
        case .buffer, .line, .lines: 1
        case .plane, .planes: 2
        case .volume, .cube, .cubes: 3
        }
    }

    /// Whether the first coordinate is the number of a layer.
    package var isLayered: Bool { self == .lines || self == .planes || self == .cubes }
}

/// How coordinates outside of a texture are treated; the raw value is the driver's
/// `CUaddress_mode`.
package enum TextureAddressing: UInt8, Sendable {
    case wrap, clamp, mirror, border
}

/// Tags of handles, in the top byte: no addresses, like those of `Window`.
package enum TextureTag {
    /// A texture.
    package static let texture: UInt64 = 0x05 << 56
    /// A surface.
    package static let surface: UInt64 = 0x06 << 56
}

/// Finds the object of a handle, or of the `.texref` or `.surfref` variable at an address; nil
/// with the fault recorded.
func findTexture(
    _ context: Context,
    _ i: Instruction,
    _ value: UInt64,
    tag: UInt64,
    lane: Int
) -> UnsafePointer<LaneTexture>? {
    var handle = value
    if value >> 56 == 0, value & 7 == 0, isValid(context, value, 8),
        let variable = UnsafeRawPointer(bitPattern: UInt(value))
    {
        handle = variable.load(as: UInt64.self)
    }
    let index = (handle & 0xffff_ffff) &- 1
    if handle >> 56 == tag >> 56, index < context.pointee.textureCount {
        let found = context.pointee.textures + Int(index)
        if found.pointee.handle == handle { return found }
    }
    refuseTexture(context, i, handle, lane)
    return nil
}

/// Records that a handle means nothing that the instruction can use.
func refuseTexture(_ context: Context, _ i: Instruction, _ handle: UInt64, _ lane: Int) {
    fault(
        context,
        i,
        code: FaultCode.illegalAddress,
        lane: lane,
        address: handle,
        bytes: 0,
        isWrite: false
    )
}
