package import CUDAABI
internal import Driver
internal import SoftDevice

// Clusters of blocks. Kernels that are executed have clusters of one block only; with launches that are
// not executed, clusters are those of compute capability 9.0.
extension SoftCalls {
    /// Blocks that every GPU with clusters can put into one, by the programming guide.
    private static let portableClusterSize = 8

    package static func cuOccupancyMaxActiveClusters(
        _ clusters: UnsafeMutablePointer<Int32>?,
        _ function: CUfunction?,
        _ config: UnsafePointer<CUlaunchConfig>?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let (clusters, config) = (try required(clusters), try required(config).pointee)
            let extents = try LaunchAttributes(config).cluster
            let size = Int(extents.x) * Int(extents.y) * Int(extents.z)
            guard size <= largestCluster(context) else {
                throw Failure(FERRY_CUDA_ERROR_INVALID_CLUSTER_SIZE)
            }
            let multiprocessors = context.device.description.resources.multiprocessors
            var resident = 1
            if let function {
                let facts = try KernelFacts(context.driver.function(function), in: context)
                let threads =
                    Int(config.blockDimX) * Int(config.blockDimY) * Int(config.blockDimZ)
                let shared = Int(config.sharedMemBytes)
                resident = facts.residentBlocks(threads: threads, dynamicShared: shared)
            }
            clusters.pointee = Int32(resident * multiprocessors / size)
        }
    }

    package static func cuOccupancyMaxPotentialClusterSize(
        _ size: UnsafeMutablePointer<Int32>?,
        _ function: CUfunction?,
        _ config: UnsafePointer<CUlaunchConfig>?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let (size, config) = (try required(size), try required(config).pointee)
            _ = try LaunchAttributes(config)
            if let function { _ = try KernelFacts(context.driver.function(function), in: context) }
            size.pointee = Int32(largestCluster(context))
        }
    }

    private static func largestCluster(_ context: Context) -> Int {
        let hasClusters =
            context.launches != .run && context.device.description.capability.number >= 90
        return hasClusters ? portableClusterSize : 1
    }
}
