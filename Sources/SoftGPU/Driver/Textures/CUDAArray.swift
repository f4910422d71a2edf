internal import CLanes
internal import Driver
internal import Lanes

/// What a CUDA array holds: the fields of `CUDA_ARRAY3D_DESCRIPTOR`.
struct ArrayShape: Equatable {
    /// Texels; height and depth are 0 where there is no such dimension, depth counts layers of
    /// layered arrays and faces of cubes.
    var width, height, depth: Int
    var format: TexelFormat
    /// 1, 2 or 4.
    var channels: Int
    /// `CUDA_ARRAY3D_*`.
    var flags: UInt32

    static let layered: UInt32 = 0x01
    static let surface: UInt32 = 0x02
    static let cube: UInt32 = 0x04
    static let gather: UInt32 = 0x08

    /// Bytes of a texel.
    var texelBytes: Int { format.bytes * channels }

    /// The dimensions that the extents and flags make.
    var geometry: TextureGeometry {
        if flags & Self.cube != 0 { return flags & Self.layered != 0 ? .cubes : .cube }
        if flags & Self.layered != 0 { return height == 0 ? .lines : .planes }
        return depth > 0 ? .volume : height > 0 ? .plane : .line
    }

    /// Checks what the driver's manual says of `cuArray3DCreate`.
    init(
        width: Int,
        height: Int,
        depth: Int,
        format: Int32,
        channels: UInt32,
        flags: UInt32
    ) throws(Failure) {
        guard let raw = UInt8(exactly: format), let known = TexelFormat(rawValue: raw) else {
            // Formats that the driver has and this does not: compressed, video, depth.
            throw format > 0x20 ? .notSupported : .invalidValue
        }
        guard [1, 2, 4].contains(channels) else { throw .invalidValue }
        guard flags & ~(Self.layered | Self.surface | Self.cube | Self.gather) == 0 else {
            throw .notSupported
        }
        let limit = 1 << 17
        guard width > 0, width <= 1 << 28, (0...limit).contains(height),
            (0...limit).contains(depth)
        else { throw .invalidValue }
        let isLayered = flags & Self.layered != 0
        if flags & Self.cube != 0 {
            guard width == height, isLayered ? depth > 0 && depth % 6 == 0 : depth == 6 else {
                throw .invalidValue
            }
        } else if isLayered {
            guard depth > 0 else { throw .invalidValue }
        } else if depth > 0 {
            guard height > 0 else { throw .invalidValue }
        }
        self.width = width
        self.height = height
        self.depth = depth
        self.format = known
        self.channels = Int(channels)
        self.flags = flags
    }
}

/// A CUDA array: texels in device memory, row after row without gaps. Immutable but for the
/// texels; safe to use from any thread.
final class CUDAArray: @unchecked Sendable {
    let context: Context
    let shape: ArrayShape
    /// The first texel.
    let address: UInt64
    private(set) var handle: UInt64 = 0

    /// Bytes of a row and of a plane, layer or face.
    var rowPitch: Int { shape.width * shape.texelBytes }
    var slicePitch: Int { rowPitch * rows }
    /// Rows of a slice and slices, at least 1.
    var rows: Int { max(shape.height, 1) }
    var slices: Int { max(shape.depth, 1) }
    /// All bytes.
    var bytes: Int { slicePitch * slices }

    /// Takes the memory.
    init(_ shape: ArrayShape, context: Context) throws(Failure) {
        self.context = context
        self.shape = shape
        let (slice, tooTall) = (shape.width * shape.texelBytes)
            .multipliedReportingOverflow(by: max(shape.height, 1))
        let (bytes, tooDeep) = slice.multipliedReportingOverflow(by: max(shape.depth, 1))
        guard !tooTall, !tooDeep else { throw .outOfMemory }
        address = try context.allocate(bytes)
        handle = context.driver.arrays.insert(self)
        context.addArray(self)
    }

    /// Makes the handle invalid and gives the memory back once the work that there is has ended.
    func destroy() {
        guard context.driver.arrays.remove(handle) != nil else { return }
        context.removeArray(self)
        context.synchronize()
        // Before the memory can be somebody else's.
        TextureTable.shared.forget(memoryAt: address)
        if context.device.allocations.remove(address) != nil { _ = context.memory.free(address) }
    }

    /// What instructions see of it.
    func laneTexture() -> LaneTexture {
        var result = LaneTexture()
        result.address = address
        result.rowPitch = UInt64(rowPitch)
        result.slicePitch = UInt64(slicePitch)
        result.width = UInt32(shape.width)
        result.height = UInt32(rows)
        result.depth = UInt32(slices)
        result.geometry = shape.geometry.rawValue
        result.format = shape.format.rawValue
        result.channels = UInt8(shape.channels)
        return result
    }
}

extension SoftDriver {
    /// An array by its handle.
    func array(_ handle: OpaquePointer?) throws(Failure) -> CUDAArray {
        guard let array = arrays.object(number(handle)) else { throw .invalidHandle }
        return array
    }

    /// `bytes` bytes of an array from `offset` on, counted over its rows in order.
    func arrayOperand(
        _ handle: OpaquePointer?,
        _ offset: Int,
        _ bytes: Int
    ) throws(Failure) -> CopyOperand {
        let array = try array(handle)
        guard offset >= 0, bytes >= 0, offset <= array.bytes, bytes <= array.bytes - offset else {
            throw .invalidValue
        }
        return try deviceOperand(array.address + UInt64(offset), bytes)
    }
}
