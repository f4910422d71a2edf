package import CUDAABI
internal import Driver

// Managed memory is the GPU's memory, which the host can use as well: nothing moves, so advice is
// checked and otherwise ignored.
extension SoftCalls {
    package static func cuMemPrefetchAsync(
        _ address: CUdeviceptr,
        _ count: Int,
        _ device: CUdevice,
        _ stream: CUstream?
    ) -> CUresult {
        checkManaged(address, count, stream)
    }

    package static func cuMemPrefetchAsync_v2(
        _ address: CUdeviceptr,
        _ count: Int,
        _ location: CUmemLocation,
        _ flags: UInt32,
        _ stream: CUstream?
    ) -> CUresult {
        checkManaged(address, count, stream)
    }

    package static func cuMemPrefetchAsync_ptsz(
        _ address: CUdeviceptr,
        _ count: Int,
        _ device: CUdevice,
        _ stream: CUstream?
    ) -> CUresult {
        checkManaged(address, count, perThread(stream))
    }

    package static func cuMemPrefetchAsync_v2_ptsz(
        _ address: CUdeviceptr,
        _ count: Int,
        _ location: CUmemLocation,
        _ flags: UInt32,
        _ stream: CUstream?
    ) -> CUresult {
        checkManaged(address, count, perThread(stream))
    }

    package static func cuMemAdvise(
        _ address: CUdeviceptr,
        _ count: Int,
        _ advice: CUmem_advise,
        _ device: CUdevice
    ) -> CUresult {
        checkManaged(address, count, nil)
    }

    package static func cuMemAdvise_v2(
        _ address: CUdeviceptr,
        _ count: Int,
        _ advice: CUmem_advise,
        _ location: CUmemLocation
    ) -> CUresult {
        checkManaged(address, count, nil)
    }

    package static func cuStreamAttachMemAsync(
        _ stream: CUstream?,
        _ address: CUdeviceptr,
        _ length: Int,
        _ flags: UInt32
    ) -> CUresult {
        guard [1, 2, 4].contains(flags) else { return Status.invalidValue }
        return checkManaged(address, length, stream)
    }

    package static func cuStreamAttachMemAsync_ptsz(
        _ stream: CUstream?,
        _ address: CUdeviceptr,
        _ length: Int,
        _ flags: UInt32
    ) -> CUresult {
        cuStreamAttachMemAsync(perThread(stream), address, length, flags)
    }

    private static func checkManaged(
        _ address: CUdeviceptr,
        _ count: Int,
        _ stream: CUstream?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let target = try driver.stream(stream)
            // Advice comes without a stream.
            if stream != nil { try target.forbidCapture() }
            let isManaged =
                switch driver.region(at: address) {
                case .device(let device, let base, _):
                    device.allocations.find(base)?.isManaged == true
                case .pinned(let block): block.isManaged
                case .other: false
                }
            guard isManaged else { throw .invalidValue }
            _ = try driver.deviceRange(address, count)
        }
    }
}
