internal import CLinux
package import CUDAABI
internal import Driver

// Copies of rectangles: made of copies of their rows.

extension ClientCalls {
    /// `cuMemcpy2D_v2`
    package static func cuMemcpy2D_v2(_ copy: UnsafePointer<CUDA_MEMCPY2D>?) -> CUresult {
        rectangle(copy) { cuMemcpy($0, $1, $2) }
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
        rectangle(copy) { cuMemcpyAsync($0, $1, $2, stream) }
    }

    private static func rectangle(
        _ copy: UnsafePointer<CUDA_MEMCPY2D>?,
        _ row: (CUdeviceptr, CUdeviceptr, Int) -> CUresult
    ) -> CUresult {
        guard let copy else { return Status.invalidValue }
        let it = copy.pointee
        guard it.srcMemoryType != 3, it.dstMemoryType != 3 else {
            return notSupported("cuMemcpy2D_v2 with CUDA arrays")
        }
        guard
            let source = side(
                it.srcMemoryType,
                it.srcHost,
                it.srcDevice,
                it.srcXInBytes,
                it.srcY,
                it.srcPitch,
                it
            ),
            let destination = side(
                it.dstMemoryType,
                UnsafeRawPointer(it.dstHost),
                it.dstDevice,
                it.dstXInBytes,
                it.dstY,
                it.dstPitch,
                it
            )
        else { return Status.invalidValue }
        let isDense = it.srcPitch == it.WidthInBytes && it.dstPitch == it.WidthInBytes
        if isDense {
            let (bytes, overflow) = it.WidthInBytes.multipliedReportingOverflow(by: it.Height)
            return overflow ? Status.invalidValue : row(destination, source, bytes)
        }
        for index in 0..<it.Height {
            let status = row(
                destination &+ UInt64(index * it.dstPitch),
                source &+ UInt64(index * it.srcPitch),
                it.WidthInBytes
            )
            if status != 0 { return status }
        }
        return Status.success
    }

    /// Address of the first byte on one side; `nil` when the description makes no sense.
    private static func side(
        _ type: Int32,
        _ host: UnsafeRawPointer?,
        _ device: CUdeviceptr,
        _ x: Int,
        _ y: Int,
        _ pitch: Int,
        _ copy: CUDA_MEMCPY2D
    ) -> UInt64? {
        guard copy.Height <= 1 || pitch >= copy.WidthInBytes, x >= 0, y >= 0, pitch >= 0,
            copy.WidthInBytes >= 0, copy.Height >= 0
        else { return nil }
        let (rows, overflow) = y.multipliedReportingOverflow(by: pitch)
        let (_, isTooHigh) = copy.Height.multipliedReportingOverflow(by: pitch)
        guard !overflow, !isTooHigh, type == 1 || type == 2 || type == 4 else { return nil }
        let base = type == 1 ? UInt64(UInt(bitPattern: host)) : device
        return base == 0 ? nil : base &+ UInt64(rows) &+ UInt64(x)
    }
}
