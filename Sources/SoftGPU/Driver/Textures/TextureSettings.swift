internal import CLanes
internal import Driver
internal import Lanes

/// How a texture is sampled: what `CUDA_TEXTURE_DESC` and the `cuTexRefSet…` calls say.
struct TextureSettings {
    /// `CUaddress_mode` of x, y, z: 0 wrap, 1 clamp, 2 mirror, 3 border.
    var addressing: [Int32] = [1, 1, 1]
    /// `CUfilter_mode`: 0 point, 1 linear.
    var filter: Int32 = 0
    /// `CU_TRSF_*`.
    var flags: UInt32 = 0
    var border: [Float] = [0, 0, 0, 0]

    /// Integers are read as such.
    static let readsIntegers: UInt32 = 0x01
    /// Coordinates go from 0 to 1.
    static let isNormalized: UInt32 = 0x02
    /// Flags that change nothing without levels of detail, or only speed.
    private static let ignored: UInt32 = 0x20

    /// Writes the settings into what instructions see, after checks that need the format.
    func apply(to texture: inout LaneTexture) throws(Failure) {
        guard flags & ~(Self.readsIntegers | Self.isNormalized | Self.ignored) == 0 else {
            throw .notSupported
        }
        guard filter == 0 || filter == 1, addressing.allSatisfy({ (0...3).contains($0) }),
            let format = TexelFormat(rawValue: texture.format)
        else { throw .invalidValue }
        let readsIntegers = flags & Self.readsIntegers != 0
        let isFloat = format.isFloat || (!readsIntegers && format.bytes < 4)
        // Only floating-point results can be filtered.
        guard filter == 0 || isFloat else { throw .invalidValue }
        texture.isLinearFilter = filter == 1 ? 1 : 0
        texture.isNormalized = flags & Self.isNormalized != 0 ? 1 : 0
        texture.readsIntegers = readsIntegers ? 1 : 0
        texture.addressX = UInt8(addressing[0])
        texture.addressY = UInt8(addressing[1])
        texture.addressZ = UInt8(addressing[2])
        texture.borderR = border[0]
        texture.borderG = border[1]
        texture.borderB = border[2]
        texture.borderA = border[3]
    }
}

/// What a texture or surface shows: `CUDA_RESOURCE_DESC`.
enum TextureResource {
    case array(CUDAArray)
    case linear(address: UInt64, format: TexelFormat, channels: Int, bytes: Int)
    case pitched(
        address: UInt64,
        format: TexelFormat,
        channels: Int,
        width: Int,
        height: Int,
        pitch: Int
    )

    /// Texels of linear memory at most.
    static let mostLinear = 1 << 28

    /// What instructions see of it, memory checked.
    func laneTexture(_ driver: SoftDriver) throws(Failure) -> LaneTexture {
        var result = LaneTexture()
        switch self {
        case .array(let array): return array.laneTexture()
        case .linear(let address, let format, let channels, let bytes):
            // A texture may be larger than the memory behind it (NVIDIA's sample convolutionFFT2D);
            // what is not there reads as 0.
            let there = try driver.deviceBytes(from: address)
            guard bytes / (format.bytes * channels) <= Self.mostLinear else { throw .invalidValue }
            let texels = min(bytes, there) / (format.bytes * channels)
            guard texels > 0 else { throw .invalidValue }
            result.width = UInt32(texels)
            result.height = 1
            result.geometry = TextureGeometry.buffer.rawValue
            fill(&result, address, format, channels)
        case .pitched(let address, let format, let channels, let width, let height, let pitch):
            let row = width.multipliedReportingOverflow(by: format.bytes * channels)
            guard width > 0, width <= 1 << 17, height > 0, height <= 1 << 17, !row.overflow,
                pitch >= row.partialValue, pitch <= 1 << 31
            else { throw .invalidValue }
            _ = try driver.deviceRange(address, pitch * (height - 1) + row.partialValue)
            result.width = UInt32(width)
            result.height = UInt32(height)
            result.rowPitch = UInt64(pitch)
            result.geometry = TextureGeometry.plane.rawValue
            fill(&result, address, format, channels)
        }
        return result
    }

    private func fill(
        _ texture: inout LaneTexture,
        _ address: UInt64,
        _ format: TexelFormat,
        _ channels: Int
    ) {
        texture.address = address
        texture.depth = 1
        texture.format = format.rawValue
        texture.channels = UInt8(channels)
    }

    /// Format and channels as the calls give them.
    static func format(
        _ format: Int32,
        _ channels: UInt32
    ) throws(Failure) -> (TexelFormat, Int) {
        guard let raw = UInt8(exactly: format), let known = TexelFormat(rawValue: raw),
            [1, 2, 4].contains(channels)
        else { throw .invalidValue }
        return (known, Int(channels))
    }

    /// Reads a `CUDA_RESOURCE_DESC`: type at 0, the description of that type from 8 on, flags at
    /// 136, which must be 0.
    init(_ bytes: UnsafeRawPointer, _ driver: SoftDriver) throws(Failure) {
        func word(_ offset: Int) -> UInt64 { bytes.load(fromByteOffset: offset, as: UInt64.self) }
        func half(_ offset: Int) -> UInt32 { bytes.load(fromByteOffset: offset, as: UInt32.self) }
        func size(_ offset: Int) throws(Failure) -> Int {
            guard let value = Int(exactly: word(offset)) else { throw .invalidValue }
            return value
        }
        guard half(136) == 0 else { throw .invalidValue }
        switch half(0) {
        case 0: self = .array(try driver.array(handle(word(8))))
        case 1: throw .notSupported
        case 2:
            let (format, channels) = try Self.format(Int32(bitPattern: half(16)), half(20))
            self = .linear(
                address: word(8),
                format: format,
                channels: channels,
                bytes: try size(24)
            )
        case 3:
            let (format, channels) = try Self.format(Int32(bitPattern: half(16)), half(20))
            self = .pitched(
                address: word(8),
                format: format,
                channels: channels,
                width: try size(24),
                height: try size(32),
                pitch: try size(40)
            )
        default: throw .invalidValue
        }
    }
}
