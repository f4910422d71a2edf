package import CUDAABI
internal import Driver

// Block sizes: found by asking how many blocks fit, as the driver's own helper does.

extension ClientCalls {
    /// `cuOccupancyMaxPotentialBlockSize`
    package static func cuOccupancyMaxPotentialBlockSize(
        _ gridSize: UnsafeMutablePointer<Int32>?,
        _ blockSize: UnsafeMutablePointer<Int32>?,
        _ function: CUfunction?,
        _ sharedBytes: CUoccupancyB2DSize?,
        _ dynamicBytes: Int,
        _ limit: Int32
    ) -> CUresult {
        cuOccupancyMaxPotentialBlockSizeWithFlags(
            gridSize,
            blockSize,
            function,
            sharedBytes,
            dynamicBytes,
            limit,
            0
        )
    }

    /// `cuOccupancyMaxPotentialBlockSizeWithFlags`
    package static func cuOccupancyMaxPotentialBlockSizeWithFlags(
        _ gridSize: UnsafeMutablePointer<Int32>?,
        _ blockSize: UnsafeMutablePointer<Int32>?,
        _ function: CUfunction?,
        _ sharedBytes: CUoccupancyB2DSize?,
        _ dynamicBytes: Int,
        _ limit: Int32,
        _ flags: UInt32
    ) -> CUresult {
        withContext { state, _ in
            guard let gridSize, let blockSize, limit >= 0 else { return Status.invalidValue }
            guard let entry = Handles.entry(function) else { return Status.invalidHandle }
            var device: CUdevice = 0
            _ = cuCtxGetDevice(&device)
            let processors = state.pointee.devices.attribute(device, 16)
            var largest = min(entry.pointee.attributes[0], 1024)
            if limit > 0 { largest = min(largest, limit) }
            var best: (threads: Int32, block: Int32, count: Int32) = (0, 0, 0)
            var size = (largest + 31) / 32 * 32
            while size > 0 {
                let candidate = min(size, largest)
                let shared = sharedBytes?(candidate) ?? dynamicBytes
                var count: Int32 = 0
                let status = cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
                    &count,
                    function,
                    candidate,
                    shared,
                    flags
                )
                guard status == 0 else { return status }
                let threads = count.multipliedReportingOverflow(by: candidate)
                if !threads.overflow, threads.partialValue > best.threads {
                    best = (threads.partialValue, candidate, count)
                }
                size -= 32
            }
            gridSize.pointee = best.count &* processors
            blockSize.pointee = best.block
            return Status.success
        }
    }
}
