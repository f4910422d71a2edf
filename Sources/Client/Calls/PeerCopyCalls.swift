package import CUDAABI
internal import Driver
internal import DriverFrontend

// Copies between the memories of two devices. Addresses are unique across devices, so these are
// copies between two addresses, after what their contexts have still to do.

extension ClientCalls {
    /// `cuMemcpyPeer`: in order with all work of both contexts.
    package static func cuMemcpyPeer(
        _ destination: CUdeviceptr,
        _ destinationContext: CUcontext?,
        _ source: CUdeviceptr,
        _ sourceContext: CUcontext?,
        _ bytes: Int
    ) -> CUresult {
        for context in [sourceContext, destinationContext] {
            guard context != nil else { return Status.invalidContext }
            let status = cuCtxSynchronize_v2(context)
            guard status == 0 else { return status }
        }
        let status = inContext(destinationContext) { cuMemcpyDtoD_v2(destination, source, bytes) }
        // Later work of the source's context must find the bytes read.
        return status == 0 ? cuCtxSynchronize_v2(destinationContext) : status
    }

    /// `cuMemcpyPeerAsync`: in order with its stream, as with the driver.
    package static func cuMemcpyPeerAsync(
        _ destination: CUdeviceptr,
        _ destinationContext: CUcontext?,
        _ source: CUdeviceptr,
        _ sourceContext: CUcontext?,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        guard destinationContext != nil, sourceContext != nil else {
            return Status.invalidContext
        }
        return cuMemcpyDtoDAsync_v2(destination, source, bytes, stream)
    }

    /// Runs `body` with `context` current.
    private static func inContext(_ context: CUcontext?, _ body: () -> CUresult) -> CUresult {
        let status = cuCtxPushCurrent_v2(context)
        guard status == 0 else { return status }
        defer { _ = ContextStack.pop() }
        return body()
    }
}
