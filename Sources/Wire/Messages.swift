// Layouts of the bodies that are not generated: byte offsets, so that client and worker cannot
// disagree. All integers little-endian; see docs/formats/wire.md for the prose.

/// Body of `snapshot`: a fixed part and one part a device.
package enum SnapshotLayout {
    package static let driverVersion = 0  // i32
    package static let deviceCount = 4  // u32, at most `WireFormat.maxDevices`
    package static let attributeCount = 8  // u32: attributes 1…n of each device
    package static let workerProcess = 12  // u32: pid on the server, for messages
    package static let fixedSize = 16

    // Each device:
    package static let uuid = 0  // 16 bytes
    package static let totalMemory = 16  // u64, bytes: the slice
    package static let name = 24  // 128 bytes, NUL-padded
    package static let attributes = 152  // i32 each

    /// Bytes of one device's part.
    package static func deviceSize(attributeCount: Int) -> Int {
        WireFormat.padded(attributes + 4 * attributeCount)
    }

    // Behind the devices, when the worker keeps images; missing otherwise:
    package static let imageCount = 0  // u32, at most `maxImages`
    package static let images = 8  // u32 each, `ImageName.prefix`; padded to 8

    package static let maxImages = 4096
}

/// Body of `failure`: why the worker ends the connection.
package enum FailureLayout {
    package static let status = 0  // i32, a CUresult for the program
    package static let length = 4  // u32, bytes of text
    package static let text = 8
}

/// Body of `reply`, before what the call writes.
package enum ReplyLayout {
    package static let status = 0  // i32, a CUresult
    package static let deferredStatus = 4  // u16: first error of a call that had no reply
    package static let deferredOpcode = 6  // u16: which call that was
    package static let values = 8
}

/// Body of `management`, and its reply.
package enum ManagementLayout {
    package static let device = 0  // u32, number of the device on the server
    package static let peer = 4  // u32, number of the device that it is compared with
    package static let size = 8

    // Reply: bytes of the GPU's memory, which add up to the total, and versions, NUL-padded, empty when
    // they are not known.
    package static let total = 8  // u64
    package static let reserved = 16  // u64, what the driver keeps for itself
    package static let free = 24  // u64
    package static let used = 32  // u64
    package static let driverVersion = 40  // 80 bytes
    package static let libraryVersion = 120  // 80 bytes
    package static let versionSize = 80
    // Whether the device can use the peer's memory, and whether with atomic operations; 0 for one and
    // the same.
    package static let peerAccess = 200  // u32, 0 or 1
    package static let peerAtomics = 204  // u32, 0 or 1
    package static let replySize = 208
}

/// Body of `hostData`; the sequence number is the copy's.
package enum HostDataLayout {
    // u64 into the destination; of a copy over bulk channels: all bytes that come there
    package static let offset = 0
    package static let length = 8  // u32, bytes of data in this record
    package static let status = 12  // u16, a CUresult: not 0 only in the last record
    package static let isLast = 14  // u16: 1 in the last record of the copy
    package static let data = 16
}

/// Body of `output`.
package enum OutputLayout {
    package static let descriptor = 0  // u32: 1 standard output, 2 standard error
    package static let length = 4  // u32
    package static let text = 8
}

/// Body of `chunk`: a piece of the image that a later load names.
package enum ChunkLayout {
    package static let offset = 0  // u64, must be what was sent so far
    package static let length = 8  // u64
    package static let data = 16
}

/// Bodies of the memory calls.
package enum MemoryLayouts {
    // cuMemAlloc_v2: u64 bytes → u64 address
    package static let allocSize = 8
    // cuMemAllocPitch_v2: u64 width, u64 height, u32 element size → u64 address, u64 pitch
    package static let allocPitchSize = 24
    // cuMemFree_v2: u64 address
    package static let freeSize = 8
}

/// Bodies of the calls about virtual memory. Addresses and handles are the driver's.
package enum VirtualMemoryLayout {
    // cuMemAddressReserve: u64 bytes, u64 alignment, u64 wanted address, u64 flags → u64 address
    package static let reserveSize = 32
    // cuMemAddressFree, cuMemUnmap: u64 address, u64 bytes
    package static let rangeSize = 16
    // cuMemCreate: u64 bytes, u64 flags, then the properties → u64 handle
    package static let createSize = 16 + propertiesSize
    // cuMemRelease: u64 handle
    package static let releaseSize = 8
    // cuMemMap: u64 address, u64 bytes, u64 offset, u64 handle, u64 flags
    package static let mapSize = 40
    // cuMemSetAccess: u64 address, u64 bytes, then for each location u32 kind, u32 number, u32 flags, u32 0
    package static let accessSize = 16
    package static let locationSize = 16
    /// Locations of one call at most.
    package static let maxLocations = 64
    // cuMemGetAccess: u64 address, u32 kind, u32 number → u64 flags
    package static let getAccessSize = 16
    // cuMemGetAllocationGranularity: u32 option, u32 0, then the properties → u64 bytes
    package static let granularitySize = 8 + propertiesSize
    // cuMemRetainAllocationHandle: u64 address → u64 handle
    package static let retainSize = 8
    // cuMemGetAllocationPropertiesFromHandle: u64 handle → the properties
    package static let getPropertiesSize = 8

    // The properties: u32 kind, u32 kinds of handles to share it, u32 kind of location, u32 its number,
    // u8 compression, u8 GPUDirect, u16 usage, u32 0
    package static let propertiesSize = 24
}

/// Body of `cuEventSynchronize`.
package enum EventSynchronizeLayout {
    package static let event = 0  // u64, handle
    package static let size = 8
}

/// Body of `cuStreamSynchronize`.
package enum StreamSynchronizeLayout {
    package static let stream = 0  // u64, handle
    package static let size = 8
}

/// Body of `cuMemcpyHtoD_v2` and `cuMemcpyHtoDAsync_v2`: one record a MiB.
package enum HostToDeviceLayout {
    package static let destination = 0  // u64
    package static let length = 8  // u64, at most `WireFormat.maxData`
    package static let stream = 16  // u64, handle; unused by the synchronous call
    package static let data = 24
}

/// Body of `cuMemcpyDtoH_v2` and `cuMemcpyDtoHAsync_v2`. The data comes back in `hostData` records;
/// the synchronous call has a reply as well.
package enum DeviceToHostLayout {
    package static let source = 0  // u64
    package static let length = 8  // u64
    package static let stream = 16  // u64, handle; unused by the synchronous call
    package static let size = 24
}

/// Body of `cuModuleLoadDataEx` and `cuLibraryLoadData`; the image came in `chunk` records before.
package enum LoadLayout {
    package static let handle = 0  // u64, made by the client
    package static let imageSize = 8  // u64, all of it
    package static let infoLogSize = 16  // u32, room for the JIT's information log
    package static let errorLogSize = 20  // u32
    package static let optionCount = 24  // u32, at most 64
    package static let kind = 28  // u32, `ImageKind`
    package static let options = 32  // each: u32 option, u32 0, u64 value

    package static let optionSize = 16
    package static let maxOptions = 64
    package static let maxLog = 65_536
}

/// What an image is.
package enum ImageKind: UInt32, Sendable {
    case fatbin = 1
    case elf = 2
    case ptx = 3
    case other = 4
    /// A fatbin and the images that the compiler linked it from; see `LinkedImageLayout`.
    case linked = 5
}

/// What a program compiled with relocatable device code brings: the linked image, then the images
/// that it was linked from, which hold the PTX.
package enum LinkedImageLayout {
    package static let count = 0  // u32, at least 1: the linked image is the first
    package static let sizes = 8  // u64 each; then the images, each padded to 8

    package static let maxCount = 4096
}

/// Reply to a load: logs, then the kernels.
package enum LoadReplyLayout {
    package static let infoLogLength = 8  // u32
    package static let errorLogLength = 12  // u32
    package static let kernelCount = 16  // u32
    package static let logs = 24  // information log, then error log, each padded to 8

    // Each kernel, after the logs:
    package static let identifier = 0  // u32, names the function in later records
    package static let nameLength = 4  // u16
    package static let parameterCount = 6  // u16
    package static let attributes = 8  // 16 × i32: CUfunction_attribute 0…15
    package static let parameters = 72  // each: u32 offset, u32 size; then the name, padded to 8

    package static let attributeCount = 16
}

/// Body of `cuModuleGetGlobal_v2`, `cuLibraryGetGlobal` and `cuLibraryGetManaged`, and of the reply.
package enum GlobalLayout {
    package static let image = 0  // u64, handle
    package static let nameLength = 8  // u32
    package static let name = 16

    package static let maxName = 4096

    package static let address = 8  // u64
    package static let bytes = 16  // u64
    package static let isManaged = 24  // u64: whether the program can use it, too
    package static let replySize = 32
}

/// Bodies of the linker calls.
package enum LinkLayout {
    // cuLinkCreate_v2: as a load without an image: u64 handle, u64 0, log sizes, options
    // cuLinkAddData_v2: u64 handle, u64 bytes, u32 input type, u32 name length, options, name;
    //   the input came in `chunk` records before
    package static let handle = 0
    package static let dataSize = 8
    package static let inputType = 16
    package static let nameLength = 20
    package static let optionCount = 24
    package static let options = 32
    // cuLinkComplete: u64 handle → u64 bytes; the image comes in `hostData` records.
    // Replies to all: after the status u32 information length, u32 error length, [u64 bytes], logs
    package static let replyLogs = 24
}

/// Body of `cuLaunchKernel`, `cuLaunchCooperativeKernel` and `cuLaunchKernelEx`.
package enum LaunchLayout {
    package static let function = 0  // u32, the identifier of the load's reply
    package static let attributeCount = 4  // u32, 0 but for cuLaunchKernelEx; at most 32
    package static let grid = 8  // 3 × u32
    package static let block = 20  // 3 × u32
    package static let sharedBytes = 32  // u32
    package static let parameterBytes = 36  // u32, at most 32764
    package static let stream = 40  // u64, handle
    package static let parameters = 48  // laid out as the kernel wants them, padded to 8
    // then the attributes, each: u32 identifier, u32 0, 64 bytes of value

    package static let attributeSize = 72
    package static let maxAttributes = 32
    package static let maxParameterBytes = 32_764

    /// In `cuOccupancyMaxActiveClusters` and `cuOccupancyMaxPotentialClusterSize`, which have a launch's
    /// body without parameters: no function. Reply: i32.
    package static let noFunction = UInt32.max
}

/// Bodies of the calls about tensor maps: what the driver makes a descriptor of. Reply: its 128 bytes.
package enum TensorMapLayout {
    package static let address = 0  // u64, address of the GPU
    package static let dataType = 8  // i32, CUtensorMapDataType
    package static let rank = 12  // u32
    package static let extents = 16  // 5 × u64, elements; 0 beyond the rank
    package static let strides = 56  // 4 × u64, bytes, of the second dimension and on
    package static let elementStrides = 88  // 5 × u32
    package static let box = 108  // 5 × u32, elements; of a tiled map
    package static let lowerCorner = 108  // 3 × i32; of an im2col map
    package static let upperCorner = 120  // 3 × i32; of an im2col map
    package static let channels = 132  // u32; of im2col maps
    package static let pixels = 136  // u32; of im2col maps
    package static let interleave = 140  // i32
    package static let swizzle = 144  // i32
    package static let promotion = 148  // i32, of reads in the level 2 cache
    package static let fill = 152  // i32, of what is out of bounds
    package static let mode = 156  // i32, CUtensorMapIm2ColWideMode
    package static let size = 160

    // cuTensorMapReplaceAddress: u64 address, then the descriptor
    package static let descriptor = 8
    package static let replaceSize = 136

    /// Bytes of a descriptor.
    package static let descriptorSize = 128
    /// Dimensions that a tensor may have.
    package static let maxRank = 5
}

/// Bodies of the context calls. Contexts are named by the header's context identifiers.
package enum ContextLayout {
    // cuCtxCreate_v2: u32 identifier (above `WireFormat.maxDevices`), u32 flags, i32 device, u32 0
    package static let identifier = 0
    package static let flags = 4
    package static let device = 8
    package static let createSize = 16
    // cuCtxDestroy_v2: u32 identifier, u32 0
    // cuDevicePrimaryCtxReset_v2: i32 device, u32 0
    package static let destroySize = 8
    // cuCtxSynchronize_v2: no body; the header's context is the one meant
}

/// Bodies of the calls about access of GPUs to each other's memory.
package enum PeerLayout {
    // cuDeviceCanAccessPeer, cuDeviceGetP2PAttribute: i32 attribute (0 for the first), i32 device,
    // i32 the other device, u32 0 → u64 answer
    package static let attribute = 0
    package static let first = 4
    package static let second = 8
    package static let questionSize = 16
    // cuCtxEnablePeerAccess, cuCtxDisablePeerAccess: u32 the other context's number, u32 flags; the
    // header's context is the one that may use the other's memory
    package static let context = 0
    package static let flags = 4
    package static let accessSize = 8

    /// Writes a question.
    package static func encode(
        _ question: Int32,
        of devices: (Int32, Int32),
        to body: UnsafeMutableRawPointer
    ) {
        body.storeBytes(of: question, toByteOffset: attribute, as: Int32.self)
        body.storeBytes(of: devices.0, toByteOffset: first, as: Int32.self)
        body.storeBytes(of: devices.1, toByteOffset: second, as: Int32.self)
        body.storeBytes(of: 0, toByteOffset: 12, as: UInt32.self)
    }
}

/// Body of `cuFuncSetAttribute`: u32 function, i32 attribute, i32 value, u32 number of a device + 1, for
/// a kernel's value there; 0: the device of the header's context.
package enum FunctionAttributeLayout {
    package static let function = 0
    package static let attribute = 4
    package static let value = 8
    package static let device = 12
    package static let size = 16
}
