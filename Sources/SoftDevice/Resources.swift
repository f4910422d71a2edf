/// What a multiprocessor of the claimed compute capability has, by the table of technical
/// specifications in the CUDA programming guide.
///
/// Occupancy and the limits of launches are derived from it. The number of multiprocessors is
/// fixed, so that programs that choose their grid by it compute the same on every machine.
package struct Resources: Equatable, Sendable {
    /// Number of multiprocessors.
    package var multiprocessors = 16
    /// Lanes of a warp.
    package var warpSize = 32
    /// Threads that a block may have.
    package var threadsPerBlock = 1024
    /// Threads resident at once in a multiprocessor.
    package var threadsPerMultiprocessor: Int
    /// Blocks resident at once in a multiprocessor.
    package var blocksPerMultiprocessor: Int
    /// 32-bit registers of a multiprocessor, and of a block.
    package var registers = 65_536
    /// Shared memory of a multiprocessor in bytes.
    package var sharedPerMultiprocessor: Int
    /// Shared memory that the driver keeps for itself of each block, in bytes.
    package var sharedReservedPerBlock: Int
    /// Shared memory that a block may use without asking, in bytes.
    package var sharedPerBlock = 49_152
    /// Shared memory that a block may use after `cuFuncSetAttribute`, in bytes.
    package var sharedPerBlockOptIn: Int
    /// Constant memory of a module in bytes.
    package var constant = 65_536

    /// The resources of a capability; those of the nearest known one for a capability that does
    /// not exist.
    package init(capability: Configuration.Capability) {
        let (threads, blocks, sharedKiB) =
            switch capability.number {
            case ..<75: (2048, 32, 96)
            case 75..<80: (1024, 16, 64)
            case 80: (2048, 32, 164)
            case 81..<89: (1536, 16, 100)
            case 89: (1536, 24, 100)
            case 90..<120: (2048, 32, 228)
            case 120..<130: (1536, 24, 100)
            default: (2048, 32, 228)
            }
        threadsPerMultiprocessor = threads
        blocksPerMultiprocessor = blocks
        sharedPerMultiprocessor = sharedKiB * 1024
        sharedReservedPerBlock = capability.number >= 80 ? 1024 : 0
        sharedPerBlockOptIn = sharedPerMultiprocessor - sharedReservedPerBlock
    }
}
