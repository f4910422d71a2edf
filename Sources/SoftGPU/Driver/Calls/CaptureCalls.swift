package import CUDAABI
internal import Driver

// Streams are never captured into graphs here, and these calls say so.
extension SoftCalls {
    package static func cuStreamIsCapturing(
        _ stream: CUstream?,
        _ status: UnsafeMutablePointer<CUstreamCaptureStatus>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            _ = try driver.stream(stream)
            try required(status).pointee = 0
        }
    }

    package static func cuStreamGetCaptureInfo_v2(
        _ stream: CUstream?,
        _ status: UnsafeMutablePointer<CUstreamCaptureStatus>?,
        _ id: UnsafeMutablePointer<UInt64>?,
        _ graph: UnsafeMutablePointer<CUgraph?>?,
        _ dependencies: UnsafeMutablePointer<UnsafePointer<CUgraphNode?>?>?,
        _ dependencyCount: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            _ = try driver.stream(stream)
            try required(status).pointee = 0
            id?.pointee = 0
            graph?.pointee = nil
            dependencies?.pointee = nil
            dependencyCount?.pointee = 0
        }
    }

    package static func cuStreamGetCaptureInfo_v3(
        _ stream: CUstream?,
        _ status: UnsafeMutablePointer<CUstreamCaptureStatus>?,
        _ id: UnsafeMutablePointer<UInt64>?,
        _ graph: UnsafeMutablePointer<CUgraph?>?,
        _ dependencies: UnsafeMutablePointer<UnsafePointer<CUgraphNode?>?>?,
        _ edges: UnsafeMutablePointer<OpaquePointer?>?,
        _ dependencyCount: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        edges?.pointee = nil
        return cuStreamGetCaptureInfo_v2(
            stream,
            status,
            id,
            graph,
            dependencies,
            dependencyCount
        )
    }
}
