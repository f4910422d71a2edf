package import CUDAABI
internal import Driver

// Memory that is taken and given back in the order of a stream. It is taken at once: the machine
// has no use for the delay.
extension SoftCalls {
    package static func cuMemAllocAsync(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let stream = try driver.stream(stream)
            // Graphs have no memory of their own here.
            try stream.forbidCapture()
            let context = stream.context
            try required(address).pointee = context.allocate(bytes)
        }
    }

    package static func cuMemAllocAsync_ptsz(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        cuMemAllocAsync(address, bytes, perThread(stream))
    }

    package static func cuMemFreeAsync(_ address: CUdeviceptr, _ stream: CUstream?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let stream = try driver.stream(stream)
            try stream.forbidCapture()
            for device in driver.devices {
                guard let memory = device.memory,
                    let allocation = device.allocations.remove(address)
                else { continue }
                let base = allocation.base
                try stream.context.submit(to: stream, isShort: true, isUnconditional: true) {
                    _ = memory.free(base)
                    return Status.success
                }
                return
            }
            throw .invalidValue
        }
    }

    package static func cuMemFreeAsync_ptsz(
        _ address: CUdeviceptr,
        _ stream: CUstream?
    ) -> CUresult {
        cuMemFreeAsync(address, perThread(stream))
    }
}
