internal import CUDAABI
internal import Driver

extension DriverTable {
    /// Copies memory of the GPU to this process and waits for it. Its context is current.
    ///
    /// - Parameter stream: The stream that the copy is a part of; `nil`: as `cuMemcpyDtoH`.
    func fetch(
        _ source: CUdeviceptr,
        _ size: Int,
        to destination: UnsafeMutableRawPointer,
        stream: UInt?
    ) -> CUresult {
        guard let stream else {
            return cuMemcpyDtoH_v2?(destination, source, size) ?? Status.notFound
        }
        guard let copy = cuMemcpyDtoHAsync_v2, let wait = cuStreamSynchronize else {
            return Status.notFound
        }
        let handle = CUstream(bitPattern: stream)
        let status = copy(destination, source, size, handle)
        // Also after an error, so that nothing writes to the memory any more.
        let end = wait(handle)
        return status == Status.success ? end : status
    }
}
