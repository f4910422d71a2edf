// Layouts of the bodies of the calls about arrays, textures and surfaces: byte offsets. The
// structures of `cuda.h` do not cross the wire, only what is in them.

/// Bodies of the calls about arrays.
package enum ArrayLayout {
    // cuArray3DCreate_v2:
    package static let handle = 0  // u64, made by the client
    package static let width = 8  // u64, texels
    package static let height = 16  // u64, texels; 0: one dimension
    package static let depth = 24  // u64, slices, layers or faces; 0: no such dimension
    package static let format = 32  // i32, CUarray_format
    package static let channels = 36  // u32
    package static let flags = 40  // u32, CUDA_ARRAY3D_*
    package static let createSize = 48
    // cuArrayDestroy: u64 handle
    package static let destroySize = 8
}

/// Body of `cuTexObjectCreate` and, up to `surfaceSize`, of `cuSurfObjectCreate`; reply: u64 object.
///
/// The object is the driver's own value, because programs hand it to kernels, and what a kernel's
/// parameters mean is known to the kernel alone. So creating one needs an answer.
package enum TextureLayout {
    package static let kind = 0  // u32, CUresourcetype: 0 array, 2 linear, 3 pitched memory
    package static let resourceFlags = 4  // u32
    package static let place = 8  // u64, handle of the array, or address
    package static let format = 16  // i32, CUarray_format; of memory only, as the next four
    package static let channels = 20  // u32
    package static let width = 24  // u64, bytes of linear memory, texels of pitched memory
    package static let height = 32  // u64, rows of pitched memory
    package static let pitch = 40  // u64, bytes from row to row of pitched memory
    package static let surfaceSize = 48

    package static let addressModes = 48  // 3 × i32, CUaddress_mode
    package static let filter = 60  // i32, CUfilter_mode
    package static let flags = 64  // u32, CU_TRSF_*
    package static let maxAnisotropy = 68  // u32
    package static let mipmapFilter = 72  // i32, CUfilter_mode
    package static let mipmapBias = 76  // f32
    package static let mipmapClamps = 80  // 2 × f32, least and most
    package static let border = 88  // 4 × f32
    package static let hasView = 104  // u32, 1 when what follows counts
    package static let viewFormat = 108  // i32, CUresourceViewFormat
    package static let viewExtents = 112  // 3 × u64, width, height, depth
    package static let viewRanges = 136  // 4 × u32, first and last level, first and last layer
    package static let size = 152

    /// Memory, not an array.
    package static let linear: UInt32 = 2
    package static let pitched: UInt32 = 3

    // cuTexObjectDestroy, cuSurfObjectDestroy: u64 object
    package static let destroySize = 8
    // cuDeviceGetTexture1DLinearMaxWidth: i32 format, u32 channels, i32 device, u32 0 → u64 texels
    package static let maxWidthSize = 16
}

/// Bodies of the calls about texture references that are not generated.
package enum TextureReferenceLayout {
    // cuModuleGetTexRef, cuModuleGetSurfRef:
    package static let image = 0  // u64, handle
    package static let reference = 8  // u64, handle, made by the client
    package static let nameLength = 16  // u32, at most `GlobalLayout.maxName`
    package static let name = 24
    // cuTexRefSetAddress_v2: u64 reference, u64 address, u64 bytes → u64 offset in bytes
    package static let addressSize = 24
    // cuTexRefSetAddress2D_v3: u64 reference, u64 address, u64 pitch, u64 width, u64 height,
    //   i32 format, u32 channels
    package static let address2DSize = 48
    // cuTexRefSetBorderColor: u64 reference, 4 × f32
    package static let borderSize = 24
    // cuTexRefGetBorderColor: u64 reference → 4 × f32
    package static let getBorderSize = 8
}
