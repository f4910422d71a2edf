internal import Driver
internal import SoftDevice

/// What a kernel needs and what its GPU has: limits of launches, attributes and occupancy.
struct KernelFacts {
    let kernel: Kernel
    let settings: DeviceFunction.Settings
    let description: DeviceDescription

    init(_ function: DeviceFunction, in context: Context) throws(Failure) {
        kernel = try function.kernel(in: context)
        do {
            try kernel.prepare()
        } catch {
            Diagnostics.note("kernel '\(kernel.name)': \(error)")
            throw Failure(CodeFailure(error).status)
        }
        settings = function.settings(in: context)
        description = context.device.description
    }

    private var resources: Resources { description.resources }

    /// Dynamic shared memory that a launch may ask for, in bytes.
    var maximumDynamicShared: Int {
        settings.maximumDynamicShared
            ?? max(0, resources.sharedPerBlock - kernel.staticSharedBytes)
    }

    /// Registers of a thread: as many as the largest blocks leave to each, if the kernel has more
    /// names than that; the compiler for a real GPU would spill the rest. A multiprocessor holds
    /// one such block, or as many as `.minnctapersm` says.
    var registers: Int {
        let warps = self.warps(of: kernel.maxThreadsPerBlock)
        let blocks = max(1, min(kernel.minBlocksPerMultiprocessor, slots / max(1, warps)))
        let perWarp = resources.registers / max(1, warps * blocks) & ~255
        return min(kernel.registers, max(8, perWarp / resources.warpSize))
    }

    private func warps(of threads: Int) -> Int {
        (threads + resources.warpSize - 1) / resources.warpSize
    }

    /// Warps that a multiprocessor holds.
    private var slots: Int { resources.threadsPerMultiprocessor / resources.warpSize }

    /// A `CUfunction_attribute`.
    func attribute(_ number: Int32) throws(Failure) -> Int32 {
        switch number {
        case 0: Int32(kernel.maxThreadsPerBlock)
        case 1: Int32(clamping: kernel.staticSharedBytes)
        case 2: Int32(clamping: kernel.constBytes)
        case 3: Int32(clamping: kernel.localBytes)
        case 4: Int32(clamping: registers)
        case 5: Int32(kernel.target)
        case 6: Int32(description.capability.number)
        case 7: 1  // caches in level 1 as asked for
        case 8: Int32(clamping: maximumDynamicShared)
        case 9: settings.carveout ?? -1
        case 10...15: 0  // clusters
        default: throw Failure.invalidValue
        }
    }

    /// Blocks of a size that a multiprocessor holds at once.
    func residentBlocks(threads: Int, dynamicShared: Int) -> Int {
        guard threads > 0, threads <= kernel.maxThreadsPerBlock else { return 0 }
        let warps = warps(of: threads)
        var blocks = min(resources.blocksPerMultiprocessor, slots / warps)
        // Registers are given out to warps, 256 at a time.
        let perWarp = (registers * resources.warpSize + 255) & ~255
        if perWarp > 0 { blocks = min(blocks, resources.registers / (perWarp * warps)) }
        guard dynamicShared <= maximumDynamicShared else { return 0 }
        let shared = kernel.staticSharedBytes + dynamicShared
        if shared > 0 {
            let perBlock = (shared + resources.sharedReservedPerBlock + 127) & ~127
            blocks = min(blocks, resources.sharedPerMultiprocessor / perBlock)
        }
        return blocks
    }

    /// Dynamic shared memory that blocks may use so that `count` of them fit a multiprocessor; not more than a launch
    /// may ask for, which is what cuDF does with the answer.
    func dynamicShared(for count: Int, threads: Int) -> Int {
        guard count > 0, residentBlocks(threads: threads, dynamicShared: 0) >= count else {
            return 0
        }
        let share = (resources.sharedPerMultiprocessor / count) & ~127
        let free = share - resources.sharedReservedPerBlock - kernel.staticSharedBytes
        return max(0, min(free, maximumDynamicShared))
    }

    /// The block size that fills a multiprocessor best, and the blocks that fill the GPU with it.
    func bestBlock(limit: Int, dynamicShared: (Int) -> Int) -> (grid: Int, block: Int) {
        let top = limit > 0 ? min(limit, kernel.maxThreadsPerBlock) : kernel.maxThreadsPerBlock
        var best = (grid: 0, block: 0, threads: 0)
        var size = (top + resources.warpSize - 1) / resources.warpSize * resources.warpSize
        while size > 0 {
            let threads = min(size, top)
            let blocks = residentBlocks(threads: threads, dynamicShared: dynamicShared(threads))
            if blocks * threads > best.threads {
                best = (blocks * resources.multiprocessors, threads, blocks * threads)
            }
            size -= resources.warpSize
        }
        return (best.grid, best.block)
    }

    private func refusal(_ reason: String) -> Failure {
        Diagnostics.note("kernel '\(kernel.name)' cannot be launched so: \(reason)")
        return .invalidValue
    }

    /// Checks a launch as the driver does.
    func check(_ launch: LaunchConfiguration) throws(Failure) {
        let (grid, block) = (launch.grid, launch.block)
        for extent in [grid.x, grid.y, grid.z, block.x, block.y, block.z] where extent == 0 {
            throw .invalidValue
        }
        guard grid.x <= Int32.max, grid.y <= 65_535, grid.z <= 65_535,
            block.x <= 1024, block.y <= 1024, block.z <= 64,
            block.count <= resources.threadsPerBlock, block.count <= kernel.maxThreadsPerBlock
        else { throw refusal("its grid or block is too large") }
        if let required = kernel.requiredThreads, required != block {
            throw refusal("it is for blocks of another size")
        }
        guard launch.dynamicSharedBytes <= maximumDynamicShared,
            launch.dynamicSharedBytes + kernel.staticSharedBytes <= resources.sharedPerBlockOptIn
        else {
            throw refusal(
                "\(launch.dynamicSharedBytes) bytes of dynamic shared memory; \(maximumDynamicShared) "
                    + "are allowed, and a block has \(resources.sharedPerBlockOptIn)"
            )
        }
        guard launch.cooperative else { return }
        let resident = residentBlocks(
            threads: block.count,
            dynamicShared: launch.dynamicSharedBytes
        )
        guard grid.count <= resident * resources.multiprocessors else {
            throw Failure(Status.cooperativeLaunchTooLarge)
        }
    }
}
