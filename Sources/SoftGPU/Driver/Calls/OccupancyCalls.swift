package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuOccupancyMaxActiveBlocksPerMultiprocessor(
        _ blocks: UnsafeMutablePointer<Int32>?,
        _ function: CUfunction?,
        _ blockSize: Int32,
        _ dynamicShared: Int
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let blocks = try required(blocks)
            let facts = try KernelFacts(context.driver.function(function), in: context)
            guard blockSize > 0, (0...1 << 30).contains(dynamicShared) else {
                throw .invalidValue
            }
            blocks.pointee = Int32(
                facts.residentBlocks(threads: Int(blockSize), dynamicShared: dynamicShared)
            )
        }
    }

    package static func cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
        _ blocks: UnsafeMutablePointer<Int32>?,
        _ function: CUfunction?,
        _ blockSize: Int32,
        _ dynamicShared: Int,
        _ flags: UInt32
    ) -> CUresult {
        guard flags <= 1 else { return Status.invalidValue }
        return cuOccupancyMaxActiveBlocksPerMultiprocessor(
            blocks,
            function,
            blockSize,
            dynamicShared
        )
    }

    package static func cuOccupancyMaxPotentialBlockSize(
        _ gridSize: UnsafeMutablePointer<Int32>?,
        _ blockSize: UnsafeMutablePointer<Int32>?,
        _ function: CUfunction?,
        _ sharedOfBlock: CUoccupancyB2DSize?,
        _ dynamicShared: Int,
        _ limit: Int32
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let (gridSize, blockSize) = (try required(gridSize), try required(blockSize))
            let facts = try KernelFacts(context.driver.function(function), in: context)
            guard limit >= 0, (0...1 << 30).contains(dynamicShared) else { throw .invalidValue }
            let best = facts.bestBlock(limit: Int(limit)) { threads in
                let bytes = sharedOfBlock.map { Int($0(Int32(threads))) } ?? dynamicShared
                return max(0, min(bytes, 1 << 30))
            }
            gridSize.pointee = Int32(best.grid)
            blockSize.pointee = Int32(best.block)
        }
    }

    package static func cuOccupancyMaxPotentialBlockSizeWithFlags(
        _ gridSize: UnsafeMutablePointer<Int32>?,
        _ blockSize: UnsafeMutablePointer<Int32>?,
        _ function: CUfunction?,
        _ sharedOfBlock: CUoccupancyB2DSize?,
        _ dynamicShared: Int,
        _ limit: Int32,
        _ flags: UInt32
    ) -> CUresult {
        guard flags <= 1 else { return Status.invalidValue }
        return cuOccupancyMaxPotentialBlockSize(
            gridSize,
            blockSize,
            function,
            sharedOfBlock,
            dynamicShared,
            limit
        )
    }

    package static func cuOccupancyAvailableDynamicSMemPerBlock(
        _ bytes: UnsafeMutablePointer<Int>?,
        _ function: CUfunction?,
        _ blocks: Int32,
        _ blockSize: Int32
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let bytes = try required(bytes)
            let facts = try KernelFacts(context.driver.function(function), in: context)
            guard blocks > 0, blockSize > 0 else { throw .invalidValue }
            bytes.pointee = facts.dynamicShared(for: Int(blocks), threads: Int(blockSize))
        }
    }
}
