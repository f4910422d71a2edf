package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuMemcpy2D_v2(_ copy: UnsafePointer<CUDA_MEMCPY2D>?) -> CUresult {
        copyRows(copy, nil, .synchronous)
    }

    package static func cuMemcpy2DUnaligned_v2(
        _ copy: UnsafePointer<CUDA_MEMCPY2D>?
    ) -> CUresult {
        copyRows(copy, nil, .synchronous)
    }

    package static func cuMemcpy2DAsync_v2(
        _ copy: UnsafePointer<CUDA_MEMCPY2D>?,
        _ stream: CUstream?
    ) -> CUresult {
        copyRows(copy, stream, .asynchronous)
    }

    package static func cuMemcpy3D_v2(_ copy: OpaquePointer?) -> CUresult {
        copyPlanes(copy, nil, .synchronous)
    }

    package static func cuMemcpy3D_v2_ptds(_ copy: OpaquePointer?) -> CUresult {
        copyPlanes(copy, perThread(nil), .synchronous)
    }

    package static func cuMemcpy3DAsync_v2(
        _ copy: OpaquePointer?,
        _ stream: CUstream?
    ) -> CUresult {
        copyPlanes(copy, stream, .asynchronous)
    }

    package static func cuMemcpy3DAsync_v2_ptsz(
        _ copy: OpaquePointer?,
        _ stream: CUstream?
    ) -> CUresult {
        copyPlanes(copy, perThread(stream), .asynchronous)
    }

    private static func copyRows(
        _ copy: UnsafePointer<CUDA_MEMCPY2D>?,
        _ stream: CUstream?,
        _ mode: CopyMode
    ) -> CUresult {
        guard let copy else { return Status.invalidValue }
        return run(CopyDescription(rows: copy.pointee), stream, mode)
    }

    private static func copyPlanes(
        _ copy: OpaquePointer?,
        _ stream: CUstream?,
        _ mode: CopyMode
    ) -> CUresult {
        guard let copy else { return Status.invalidValue }
        return run(CopyDescription(planes: UnsafeRawPointer(copy)), stream, mode)
    }

    private static func run(
        _ copy: CopyDescription,
        _ stream: CUstream?,
        _ mode: CopyMode
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let stream = try context.driver.stream(stream)
            guard let resolved = try copy.resolve(context.driver) else { return }
            if try stream.captures(mode, .memcpy(CopyWork(copy, stream.context))) { return }
            try stream.context.copy(resolved, in: stream, mode)
        }
    }
}
