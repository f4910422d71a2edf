import CLanes
import CLinux

/// A block's memory on one host thread, reused for one block of a launch after the other.
final class BlockMemory {
    let block: UnsafeMutablePointer<Block>
    /// Of the warps' kernel frames.
    private let frames: UnsafeMutablePointer<Frame>
    private let mapping: Mapping
    private let cache: MappingCache
    private let warps: Int

    /// Nil when the system has no memory.
    init?(
        launch: Launch,
        engine: UnsafeMutablePointer<Engine>,
        pointers: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>>,
        cache: MappingCache
    ) {
        let entry = launch.program.entry
        let threads = launch.configuration.block.count
        warps = (threads + 31) / 32
        func rounded(_ n: Int) -> Int { (n + 127) & ~127 }
        let frameBytes = rounded(Int(entry.pointee.frameBytes))
        let sharedBytes = rounded(launch.sharedBytes)
        let localBytes = launch.localStride * 32
        let bytes = max(4096, warps * (frameBytes + localBytes) + sharedBytes)
        guard let mapping = cache.take(bytes) else { return nil }
        self.mapping = mapping
        self.cache = cache
        let memory = mapping.start
        block = .allocate(capacity: 1)
        frames = .allocate(capacity: warps)
        let warpMemory = UnsafeMutablePointer<Warp>.allocate(capacity: warps)
        let barriers = UnsafeMutablePointer<Barrier>.allocate(capacity: Block.barrierCount)
        barriers.initialize(repeating: Barrier(), count: Block.barrierCount)
        block.initialize(
            to: Block(
                warps: warpMemory,
                warpCount: Int32(warps),
                liveThreads: 0,
                barriers: barriers
            )
        )
        let shared = memory.assumingMemoryBound(to: UInt8.self)
        for w in 0..<warps {
            let registers = memory + sharedBytes + w * frameBytes
            let local = memory + sharedBytes + warps * frameBytes + w * localBytes
            let image = entry.pointee
            registers.copyMemory(from: image.template, byteCount: Int(image.templateBytes))
            (frames + w).initialize(
                to: Frame(
                    registers: registers,
                    code: entry,
                    parent: nil,
                    returnPC: 0,
                    site: nil,
                    depth: 0,
                    live: 0,
                    localBase: 0,
                    localTop: UInt64(image.localBytes),
                    sizeClass: 0
                )
            )
            let fragments = UnsafeMutablePointer<Fragment>.allocate(capacity: 33)
            (warpMemory + w).initialize(
                to: Warp(
                    context: launch.context(
                        shared: shared,
                        local: local.assumingMemoryBound(to: UInt8.self),
                        pointers: pointers,
                        threads: min(32, threads - w * 32)
                    ),
                    fragments: fragments,
                    count: 0,
                    entry: frames + w,
                    index: Int32(w)
                )
            )
            engine.pointee.block = block
            fillSpecials(frames + w, warpMemory + w, engine)
        }
    }

    deinit {
        for w in 0..<warps { block.pointee.warps[w].fragments.deallocate() }
        block.pointee.warps.deallocate()
        block.pointee.barriers.deallocate()
        block.deallocate()
        frames.deallocate()
        cache.give(mapping)
    }

    /// Makes it the block at a position of the grid, its threads at the start of the kernel.
    func start(_ index: Int, grid: Dimensions, engine: UnsafeMutablePointer<Engine>) {
        let inPlane = index % (Int(grid.x) * Int(grid.y))
        block.pointee.x = UInt32(inPlane % Int(grid.x))
        block.pointee.y = UInt32(inPlane / Int(grid.x))
        block.pointee.z = UInt32(index / (Int(grid.x) * Int(grid.y)))
        engine.pointee.block = block
        var live: Int32 = 0
        for w in 0..<warps {
            let warp = block.pointee.warps + w
            let mask = warp.pointee.context.existing
            warp.pointee.context.live = mask
            warp.pointee.context.faultCode = 0
            warp.pointee.count = 0
            warp.pointee.entry.pointee.live = mask
            let localBytes = warp.pointee.entry.pointee.code.pointee.localBytes
            warp.pointee.entry.pointee.localTop = UInt64(localBytes)
            warp.pointee.push(Fragment(frame: warp.pointee.entry, pc: 0, mask: mask))
            live += Int32(mask.nonzeroBitCount)
            fillSpecials(warp.pointee.entry, warp, engine, onlyPerBlock: true)
        }
        block.pointee.liveThreads = live
        for k in 0..<Block.barrierCount { block.pointee.barriers[k] = Barrier() }
    }
}
