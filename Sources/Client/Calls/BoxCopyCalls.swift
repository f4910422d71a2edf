internal import CLinux
package import CUDAABI
internal import Driver
internal import Wire

// Copies of rectangles and boxes: made of copies of their rows, unless an array is part of them.

/// One side of a copy of a box.
struct BoxSide {
    /// 1 host, 2 device, 3 array, 4 whatever the address says.
    var memoryType: Int32
    var host: UInt
    var device: CUdeviceptr
    var array: CUarray?
    var x: Int
    var y: Int
    var z: Int
    /// Bytes from one row to the next.
    var pitch: Int
    /// Rows from one slice to the next.
    var height: Int

    /// Address of the box's first byte; `nil` when the description makes no sense.
    fileprivate func start() -> UInt64? {
        guard x >= 0, y >= 0, z >= 0, pitch >= 0, height >= 0 else { return nil }
        guard memoryType == 1 || memoryType == 2 || memoryType == 4 else { return nil }
        let base = memoryType == 1 ? UInt64(host) : device
        guard base != 0 else { return nil }
        let (rows, first) = z.multipliedReportingOverflow(by: height)
        let (row, second) = rows.addingReportingOverflow(y)
        let (bytes, third) = row.multipliedReportingOverflow(by: pitch)
        guard !first, !second, !third else { return nil }
        return base &+ UInt64(bytes) &+ UInt64(x)
    }

    /// Bytes from one slice to the next.
    fileprivate var slice: UInt64 { UInt64(truncatingIfNeeded: pitch &* height) }
}

/// A copy of rows that do not follow each other.
private struct Box {
    var to: UInt64
    var from: UInt64
    var pitches: (to: Int, from: Int)
    var slices: (to: UInt64, from: UInt64)
    var extent: BoxExtent

    var rows: Int { extent.height * extent.depth }

    /// Addresses of a row.
    func row(_ index: Int) -> (to: UInt64, from: UInt64) {
        let (z, y) = (UInt64(index / extent.height), index % extent.height)
        return (
            to &+ z &* slices.to &+ UInt64(y * pitches.to),
            from &+ z &* slices.from &+ UInt64(y * pitches.from)
        )
    }
}

extension ClientCalls {
    /// `cuMemcpy2D_v2`
    package static func cuMemcpy2D_v2(_ copy: UnsafePointer<CUDA_MEMCPY2D>?) -> CUresult {
        rectangle(copy, nil) { cuMemcpy($0, $1, $2) }
    }

    /// `cuMemcpy2DUnaligned_v2`
    package static func cuMemcpy2DUnaligned_v2(
        _ copy: UnsafePointer<CUDA_MEMCPY2D>?
    ) -> CUresult {
        cuMemcpy2D_v2(copy)
    }

    /// `cuMemcpy2DAsync_v2`
    package static func cuMemcpy2DAsync_v2(
        _ copy: UnsafePointer<CUDA_MEMCPY2D>?,
        _ stream: CUstream?
    ) -> CUresult {
        rectangle(copy, .some(stream)) { cuMemcpyAsync($0, $1, $2, stream) }
    }

    private static func rectangle(
        _ copy: UnsafePointer<CUDA_MEMCPY2D>?,
        _ stream: CUstream??,
        _ row: (CUdeviceptr, CUdeviceptr, Int) -> CUresult
    ) -> CUresult {
        guard let copy else { return Status.invalidValue }
        let it = copy.pointee
        let source = BoxSide(
            memoryType: it.srcMemoryType,
            host: UInt(bitPattern: it.srcHost),
            device: it.srcDevice,
            array: it.srcArray,
            x: it.srcXInBytes,
            y: it.srcY,
            z: 0,
            pitch: it.srcPitch,
            height: it.Height
        )
        let destination = BoxSide(
            memoryType: it.dstMemoryType,
            host: UInt(bitPattern: it.dstHost),
            device: it.dstDevice,
            array: it.dstArray,
            x: it.dstXInBytes,
            y: it.dstY,
            z: 0,
            pitch: it.dstPitch,
            height: it.Height
        )
        let extent = BoxExtent(width: it.WidthInBytes, height: it.Height, depth: 1)
        return copyBox(destination, source, extent, stream, row)
    }

    /// `cuMemcpy3D_v2`
    package static func cuMemcpy3D_v2(_ copy: OpaquePointer?) -> CUresult {
        box(copy, nil) { cuMemcpy($0, $1, $2) }
    }

    /// `cuMemcpy3DAsync_v2`
    package static func cuMemcpy3DAsync_v2(
        _ copy: OpaquePointer?,
        _ stream: CUstream?
    ) -> CUresult {
        box(copy, .some(stream)) { cuMemcpyAsync($0, $1, $2, stream) }
    }

    /// Copies what a CUDA_MEMCPY3D says: both sides have the same members, 88 bytes apart.
    private static func box(
        _ copy: OpaquePointer?,
        _ stream: CUstream??,
        _ row: (CUdeviceptr, CUdeviceptr, Int) -> CUresult
    ) -> CUresult {
        guard let copy else { return Status.invalidValue }
        let (to, from, extent) = boxSides(copy)
        return copyBox(to, from, extent, stream, row)
    }

    /// Destination, source and extent of a CUDA_MEMCPY3D.
    static func boxSides(_ copy: OpaquePointer) -> (BoxSide, BoxSide, BoxExtent) {
        let bytes = UnsafeRawPointer(copy)
        func side(_ start: Int) -> BoxSide {
            func number(_ offset: Int) -> Int { bytes.load(fromByteOffset: offset, as: Int.self) }
            return BoxSide(
                memoryType: bytes.load(fromByteOffset: start + 32, as: Int32.self),
                host: bytes.load(fromByteOffset: start + 40, as: UInt.self),
                device: bytes.load(fromByteOffset: start + 48, as: UInt64.self),
                array: bytes.load(fromByteOffset: start + 56, as: CUarray?.self),
                x: number(start),
                y: number(start + 8),
                z: number(start + 16),
                pitch: number(start + 72),
                height: number(start + 80)
            )
        }
        let extent = BoxExtent(
            width: bytes.load(fromByteOffset: 176, as: Int.self),
            height: bytes.load(fromByteOffset: 184, as: Int.self),
            depth: bytes.load(fromByteOffset: 192, as: Int.self)
        )
        return (side(88), side(0), extent)
    }

    private static func copyBox(
        _ destination: BoxSide,
        _ source: BoxSide,
        _ extent: BoxExtent,
        _ stream: CUstream??,
        _ row: (CUdeviceptr, CUdeviceptr, Int) -> CUresult
    ) -> CUresult {
        guard destination.memoryType != 3, source.memoryType != 3 else {
            return ArrayCopies.copy(to: destination, from: source, extent, stream)
        }
        guard extent.width >= 0, extent.height >= 0, extent.depth >= 0,
            let from = source.start(), let to = destination.start(),
            extent.height <= 1
                || (source.pitch >= extent.width && destination.pitch >= extent.width)
        else { return Status.invalidValue }
        if extent.width == 0 { return Status.success }
        // Sizes that overflow lie in no allocation, so none of it is copied.
        guard !source.pitch.multipliedReportingOverflow(by: extent.height).overflow,
            !destination.pitch.multipliedReportingOverflow(by: extent.height).overflow,
            !extent.width.multipliedReportingOverflow(by: extent.height).overflow
        else { return Status.invalidValue }
        let isDense = source.pitch == extent.width && destination.pitch == extent.width
        if !isDense, extent.height > 1 {
            let box = Box(
                to: to,
                from: from,
                pitches: (destination.pitch, source.pitch),
                slices: (destination.slice, source.slice),
                extent: extent
            )
            if let status = download(box, stream) { return status }
        }
        for z in 0..<extent.depth {
            let slice = (
                to &+ UInt64(z) &* destination.slice, from &+ UInt64(z) &* source.slice
            )
            if isDense {
                let status = row(slice.0, slice.1, extent.width * extent.height)
                if status != 0 { return status }
                continue
            }
            for y in 0..<extent.height {
                let status = row(
                    slice.0 &+ UInt64(y * destination.pitch),
                    slice.1 &+ UInt64(y * source.pitch),
                    extent.width
                )
                if status != 0 { return status }
            }
        }
        return Status.success
    }

    /// Rows whose bytes may be under way at a time.
    private static let mostRows = 256

    /// Copies rows to the program's memory, with a wait for many of them instead of one for each.
    ///
    /// - Parameter stream: `nil`: a synchronous copy.
    /// - Returns: A status; `nil` when it is another kind of copy: nothing was done.
    private static func download(_ box: Box, _ stream: CUstream??) -> CUresult? {
        var failure: Int32 = 0
        var context: UInt32 = 0
        guard let state = Session.readyInContext(&failure, &context),
            !box.extent.height.multipliedReportingOverflow(by: box.extent.depth).overflow,
            state.pointee.memory.find(box.to) == nil,
            state.pointee.memory.find(box.from) != nil
        else { return nil }
        // To page-locked memory each row is asynchronous, as the whole is.
        if stream != nil, state.pointee.hostMemory.find(UInt(box.to)) != nil { return nil }
        guard let handle = Handles.stream(stream ?? nil) else { return invalidHandle() }
        if state.pointee.captures.isAny {
            // Row by row, as other copies in captured streams are.
            if stream != nil, Capturing.work(state, handle) != .plain { return nil }
            let refusal = stream == nil ? Capturing.checkSynchronous(state) : Status.success
            guard refusal == Status.success else { return refusal }
        }
        for index in 0..<box.rows
        where !state.pointee.memory.contains(box.row(index).from, box.extent.width) {
            return Status.invalidValue
        }
        var next = 0
        while next < box.rows {
            let end = min(next + mostRows, box.rows)
            for index in next..<end {
                let row = box.row(index)
                guard let to = UnsafeMutableRawPointer(bitPattern: UInt(row.to)) else {
                    return Status.invalidValue
                }
                let told = begin(state, context, to, row.from, box.extent.width, handle)
                if told != Status.success { return told }
            }
            let status = Session.synchronize(state, context: context, stream: handle)
            if status != Status.success { return status }
            next = end
        }
        return Status.success
    }
}
