package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuStreamIsCapturing(
        _ stream: CUstream?,
        _ status: UnsafeMutablePointer<CUstreamCaptureStatus>?
    ) -> CUresult {
        cuStreamGetCaptureInfo_v2(stream, status, nil, nil, nil, nil)
    }

    package static func cuStreamGetCaptureInfo(
        _ stream: CUstream?,
        _ status: UnsafeMutablePointer<CUstreamCaptureStatus>?,
        _ id: UnsafeMutablePointer<UInt64>?
    ) -> CUresult {
        cuStreamGetCaptureInfo_v2(stream, status, id, nil, nil, nil)
    }

    package static func cuStreamGetCaptureInfo_ptsz(
        _ stream: CUstream?,
        _ status: UnsafeMutablePointer<CUstreamCaptureStatus>?,
        _ id: UnsafeMutablePointer<UInt64>?
    ) -> CUresult {
        cuStreamGetCaptureInfo(perThread(stream), status, id)
    }

    package static func cuStreamGetCaptureInfo_v2(
        _ stream: CUstream?,
        _ status: UnsafeMutablePointer<CUstreamCaptureStatus>?,
        _ id: UnsafeMutablePointer<UInt64>?,
        _ graph: UnsafeMutablePointer<CUgraph?>?,
        _ dependencies: UnsafeMutablePointer<UnsafePointer<CUgraphNode?>?>?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        cuStreamGetCaptureInfo_v3(stream, status, id, graph, dependencies, nil, count)
    }

    package static func cuStreamGetCaptureInfo_v3(
        _ stream: CUstream?,
        _ status: UnsafeMutablePointer<CUstreamCaptureStatus>?,
        _ id: UnsafeMutablePointer<UInt64>?,
        _ graph: UnsafeMutablePointer<CUgraph?>?,
        _ dependencies: UnsafeMutablePointer<UnsafePointer<CUgraphNode?>?>?,
        _ edges: UnsafeMutablePointer<OpaquePointer?>?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let stream = try driver.stream(stream)
            let status = try required(status)
            guard edges == nil || dependencies != nil else { throw .invalidValue }
            status.pointee = 0
            id?.pointee = 0
            graph?.pointee = nil
            dependencies?.pointee = nil
            edges?.pointee = nil
            count?.pointee = 0
            guard Captures.isAny else { return }
            try driver.withGraphs { (graphs) throws(Failure) in
                try graphs.checkQuery(stream)
                guard let capture = stream.capture else { return }
                guard capture.sequence.isValid else { return status.pointee = 2 }
                if dependencies != nil || count != nil {
                    let list = capture.list(of: stream)
                    guard dependencies == nil || edges != nil || list.isPlain else {
                        throw .lossyQuery
                    }
                    dependencies?.pointee = UnsafePointer(list.nodes)
                    edges?.pointee = list.edgeData
                    count?.pointee = list.count
                }
                status.pointee = 1
                id?.pointee = capture.sequence.id
                graph?.pointee = handle(capture.graph.handle)
            }
        }
    }
}

extension GraphState {
    /// Fails for a legacy stream that would wait for a captured one; breaks no capture.
    fileprivate func checkQuery(_ stream: Stream) throws(Failure) {
        guard stream.role == .legacy else { return }
        guard !captures.contains(where: { $0.concernsLegacy(of: stream.context) }) else {
            throw .captureImplicit
        }
    }
}
