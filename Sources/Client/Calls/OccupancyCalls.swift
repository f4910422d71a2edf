package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// How many blocks fit is asked of the server once for each shape of block. Block sizes are found by
// asking that, as the driver's own helper does.

extension ClientCalls {
    /// Answers a question, from what was answered before if possible.
    ///
    /// - Parameter ask: Asks the server; receives the answer.
    private static func answer(
        _ function: CUfunction?,
        _ blockSize: Int32,
        _ sharedBytes: Int,
        _ flags: UInt64,
        _ ask: (UInt64, inout Int) -> CUresult
    ) -> (status: CUresult, answer: Int) {
        var answer = 0
        let status = withContext(givesWork: false) { state, context in
            guard let identifier = Handles.function(function) else { return Status.invalidHandle }
            let question = OccupancyCache.Question(
                function: UInt64(UInt(bitPattern: function)),
                context: context,
                blockSize: blockSize,
                sharedBytes: sharedBytes,
                flags: flags
            )
            if let known = state.pointee.occupancy.answer(question) {
                answer = known
                return Status.success
            }
            let status = ask(identifier, &answer)
            if status == 0 { state.pointee.occupancy.note(question, answer) }
            return status
        }
        return (status, answer)
    }

    /// `cuOccupancyMaxActiveBlocksPerMultiprocessor`
    package static func cuOccupancyMaxActiveBlocksPerMultiprocessor(
        _ blocks: UnsafeMutablePointer<Int32>?,
        _ function: CUfunction?,
        _ blockSize: Int32,
        _ sharedBytes: Int
    ) -> CUresult {
        guard let blocks else { return Status.invalidValue }
        typealias Request = Request_cuOccupancyMaxActiveBlocksPerMultiprocessor
        let opcode = Opcode.cuOccupancyMaxActiveBlocksPerMultiprocessor
        let (status, answer) = answer(function, blockSize, sharedBytes, 0) { function, answer in
            Session.wait(opcode, size: Request.size, replySize: 16) {
                Request.encode(
                    to: $0,
                    function: function,
                    blockSize: blockSize,
                    dynamicSMemSize: UInt64(truncatingIfNeeded: sharedBytes)
                )
            } reply: {
                answer = Int($0.loadUnaligned(fromByteOffset: 8, as: Int32.self))
            }
        }
        if status == 0 { blocks.pointee = Int32(truncatingIfNeeded: answer) }
        return status
    }

    /// `cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags`
    package static func cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
        _ blocks: UnsafeMutablePointer<Int32>?,
        _ function: CUfunction?,
        _ blockSize: Int32,
        _ sharedBytes: Int,
        _ flags: UInt32
    ) -> CUresult {
        guard let blocks else { return Status.invalidValue }
        typealias Request = Request_cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags
        let opcode = Opcode.cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags
        let (status, answer) = answer(function, blockSize, sharedBytes, UInt64(flags)) {
            function,
            answer in
            Session.wait(opcode, size: Request.size, replySize: 16) {
                Request.encode(
                    to: $0,
                    function: function,
                    blockSize: blockSize,
                    dynamicSMemSize: UInt64(truncatingIfNeeded: sharedBytes),
                    flags: flags
                )
            } reply: {
                answer = Int($0.loadUnaligned(fromByteOffset: 8, as: Int32.self))
            }
        }
        if status == 0 { blocks.pointee = Int32(truncatingIfNeeded: answer) }
        return status
    }

    /// `cuOccupancyAvailableDynamicSMemPerBlock`
    package static func cuOccupancyAvailableDynamicSMemPerBlock(
        _ bytes: UnsafeMutablePointer<Int>?,
        _ function: CUfunction?,
        _ blocks: Int32,
        _ blockSize: Int32
    ) -> CUresult {
        guard let bytes else { return Status.invalidValue }
        typealias Request = Request_cuOccupancyAvailableDynamicSMemPerBlock
        let opcode = Opcode.cuOccupancyAvailableDynamicSMemPerBlock
        let free = OccupancyCache.Question.freeMemory
        let (status, answer) = answer(function, blockSize, Int(blocks), free) { function, answer in
            Session.wait(opcode, size: Request.size, replySize: 16) {
                Request.encode(
                    to: $0,
                    function: function,
                    numBlocks: blocks,
                    blockSize: blockSize
                )
            } reply: {
                answer = $0.loadUnaligned(fromByteOffset: 8, as: Int.self)
            }
        }
        if status == 0 { bytes.pointee = answer }
        return status
    }

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
        withContext(givesWork: false) { state, _ in
            guard let gridSize, let blockSize, limit >= 0 else { return Status.invalidValue }
            guard let entry = Handles.entry(function) else { return Status.invalidHandle }
            var device: CUdevice = 0
            _ = cuCtxGetDevice(&device)
            let processors = state.pointee.devices.attribute(device, 16)
            let mostThreads = state.pointee.devices.attribute(device, 39)
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
                // No smaller block can do better than a full multiprocessor.
                if mostThreads > 0, best.threads >= mostThreads { break }
                size -= 32
            }
            gridSize.pointee = best.count &* processors
            blockSize.pointee = best.block
            return Status.success
        }
    }
}
