import CLanes

/// The texels that a coordinate reaches along one axis: −1 stands for the border's colour. `weight`
/// is that of `high`, a multiple of 1/256.
struct TextureTap: Equatable {
    var low: Int
    var high: Int
    var weight: Float

    /// One texel.
    init(_ index: Int) {
        low = index
        high = index
        weight = 0
    }

    /// Where a coordinate points to: CUDA C++ Programming Guide, "Texture Fetching" and "Texture
    /// Memory". With linear filtering the coordinate minus ½ is split into the lower texel and a
    /// fraction that is kept with 8 bits. Wrap and mirror need normalised coordinates and are clamp
    /// without. A NaN counts as 0.
    init(
        _ coordinate: Float,
        size: Int,
        _ mode: TextureAddressing,
        isNormalized: Bool,
        isLinear: Bool
    ) {
        let extent = Double(size)
        var position = coordinate.isNaN ? 0 : Double(coordinate)
        var mode = mode
        if isNormalized {
            switch mode {
            case .wrap:
                position = position.isFinite ? position - position.rounded(.down) : 0
            case .mirror:
                position = position.isFinite ? Self.mirrored(position) : 0
                mode = .clamp
            case .clamp, .border: break
            }
            position *= extent
        } else if mode == .wrap || mode == .mirror {
            mode = .clamp
        }
        if isLinear { position -= 0.5 }
        // Far outside all coordinates are alike.
        position = min(max(position, -2), extent + 2)
        let whole = position.rounded(.down)
        let first = Int(whole)
        self.init(Self.place(first, size, mode))
        guard isLinear else { return }
        high = Self.place(first + 1, size, mode)
        weight = Float(((position - whole) * 256 + 0.5).rounded(.down) / 256)
    }

    /// An integer coordinate: no filtering, wrap and mirror are clamp.
    init(_ index: Int, size: Int, _ mode: TextureAddressing) {
        self.init(Self.place(index, size, mode == .border ? .border : .clamp))
    }

    private static func mirrored(_ x: Double) -> Double {
        let whole = x.rounded(.down)
        let fraction = x - whole
        return whole.truncatingRemainder(dividingBy: 2) == 0 ? fraction : 1 - fraction
    }

    private static func place(_ index: Int, _ size: Int, _ mode: TextureAddressing) -> Int {
        if index >= 0, index < size { return index }
        switch mode {
        case .border: return -1
        case .wrap: return index < 0 ? index + size * ((size - 1 - index) / size) : index % size
        case .clamp, .mirror: return index < 0 ? 0 : size - 1
        }
    }
}

/// Reads the texels of one texture for one lane. After `failed`, which means that a fault is
/// recorded, results mean nothing.
struct TextureSampler {
    let texture: UnsafePointer<LaneTexture>
    let context: Context
    let instruction: Instruction
    let lane: Int
    let format: TexelFormat
    /// Whether results are floating-point numbers; else integers as they are.
    let isFloat: Bool
    private(set) var failed = false

    init(
        _ texture: UnsafePointer<LaneTexture>,
        _ context: Context,
        _ instruction: Instruction,
        _ lane: Int
    ) {
        self.texture = texture
        self.context = context
        self.instruction = instruction
        self.lane = lane
        format = TexelFormat(rawValue: texture.pointee.format) ?? .f32
        isFloat = format.isFloat || (texture.pointee.readsIntegers == 0 && format.bytes < 4)
    }

    /// The bits of a texel's channels, integers extended to 32 bits; missing ones are 0, 0, 1.
    mutating func bits(_ x: Int, _ y: Int, _ z: Int) -> SIMD4<UInt32> {
        let bytes = format.bytes * Int(texture.pointee.channels)
        let offset =
            UInt64(x * bytes) &+ UInt64(y) &* texture.pointee.rowPitch &+ UInt64(z)
            &* texture.pointee.slicePitch
        let address = texture.pointee.address &+ offset
        guard
            let from = hostAddress(
                context,
                instruction,
                .global,
                address,
                lane,
                UInt64(bytes),
                UInt64(format.bytes),
                false
            )
        else {
            failed = true
            return SIMD4(repeating: 0)
        }
        var result = SIMD4<UInt32>(0, 0, 0, isFloat ? Float(1).bitPattern : 1)
        for k in 0..<Int(texture.pointee.channels) {
            result[k] = channel(UnsafeRawPointer(from) + k * format.bytes)
        }
        return result
    }

    /// A channel as the results have it.
    private func channel(_ from: UnsafeRawPointer) -> UInt32 {
        switch format {
        case .u8:
            let value = from.load(as: UInt8.self)
            return isFloat ? (Float(value) / 255).bitPattern : UInt32(value)
        case .s8:
            let value = from.load(as: Int8.self)
            return isFloat
                ? max(Float(value) / 127, -1).bitPattern : UInt32(bitPattern: Int32(value))
        case .u16:
            let value = from.load(as: UInt16.self)
            return isFloat ? (Float(value) / 65535).bitPattern : UInt32(value)
        case .s16:
            let value = from.load(as: Int16.self)
            return isFloat
                ? max(Float(value) / 32767, -1).bitPattern : UInt32(bitPattern: Int32(value))
        case .f16: return Float(from.load(as: Float16.self)).bitPattern
        case .u32, .s32, .f32: return from.load(as: UInt32.self)
        }
    }

    private var border: SIMD4<UInt32> {
        let t = texture.pointee
        let color = SIMD4(t.borderR, t.borderG, t.borderB, t.borderA)
        if isFloat { return unsafeBitCast(color, to: SIMD4<UInt32>.self) }
        var result = SIMD4<UInt32>(repeating: 0)
        for k in 0..<4 {
            // The colour is given as numbers whatever the format.
            let value = color[k].isNaN ? 0 : color[k].rounded(.towardZero)
            result[k] =
                format == .u8 || format == .u16 || format == .u32
                ? UInt32(min(max(Double(value), 0), 4_294_967_295))
                : UInt32(bitPattern: Int32(min(max(Double(value), -2_147_483_648), 2_147_483_647)))
        }
        return result
    }

    private mutating func texel(_ x: Int, _ y: Int, _ z: Int) -> SIMD4<UInt32> {
        x < 0 || y < 0 || z < 0 ? border : bits(x, y, z)
    }

    /// The weighted mean of what the taps reach, or the one texel.
    mutating func sample(_ x: TextureTap, _ y: TextureTap, _ z: TextureTap) -> SIMD4<UInt32> {
        if x.weight == 0, y.weight == 0, z.weight == 0 { return texel(x.low, y.low, z.low) }
        var sum = SIMD4<Float>(repeating: 0)
        for corner in 0..<8 {
            let (right, lower, behind) = (corner & 1 != 0, corner & 2 != 0, corner & 4 != 0)
            let weight =
                (right ? x.weight : 1 - x.weight) * (lower ? y.weight : 1 - y.weight)
                * (behind ? z.weight : 1 - z.weight)
            if weight == 0 { continue }
            let bits = texel(
                right ? x.high : x.low,
                lower ? y.high : y.low,
                behind ? z.high : z.low
            )
            sum += unsafeBitCast(bits, to: SIMD4<Float>.self) * weight
        }
        return unsafeBitCast(sum, to: SIMD4<UInt32>.self)
    }
}
