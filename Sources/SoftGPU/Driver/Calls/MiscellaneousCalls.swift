package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuFlushGPUDirectRDMAWrites(
        _ target: CUflushGPUDirectRDMAWritesTarget,
        _ scope: CUflushGPUDirectRDMAWritesScope
    ) -> CUresult {
        withContext { (_) throws(Failure) in throw .notSupported }
    }
}
