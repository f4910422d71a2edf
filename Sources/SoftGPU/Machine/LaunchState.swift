import CLanes
import Lanes

/// A kernel that is running: what the host threads that execute its blocks share.
final class Launch: @unchecked Sendable {
    let kernel: Kernel
    let program: Program
    let configuration: LaunchConfiguration
    let memory: DeviceMemory
    let heap: DeviceHeap
    let conditionals: ConditionalValues
    let output: any DeviceOutput
    let sharedBytes: Int
    let localStride: Int
    let parameters: UnsafeMutablePointer<UInt8>
    let parameterBytes: Int
    let workspace: UInt64
    let number: UInt32
    let blockCount: Int
    let multiprocessorCount: Int
    /// The order in which blocks and warps are executed, if it was asked for.
    let schedule: Schedule?
    private let order: BlockOrder?
    /// The next block to start, and whether to stop: set by a fault or from outside.
    let next: UnsafeMutablePointer<UInt64>
    let stop: UnsafeMutablePointer<UInt32>
    /// Set by `Machine.cancel`.
    let cancelled: UnsafeMutablePointer<UInt32>
    private let lock = Lock()
    private var firstFault: LaunchFault?

    init(
        kernel: Kernel,
        program: Program,
        configuration: LaunchConfiguration,
        memory: DeviceMemory,
        heap: DeviceHeap,
        conditionals: ConditionalValues,
        output: any DeviceOutput,
        parameters source: UnsafeRawBufferPointer,
        workspace: UInt64,
        number: UInt32,
        stackBytes: Int,
        multiprocessorCount: Int,
        cancelled: UnsafeMutablePointer<UInt32>,
        schedule: Schedule?
    ) {
        self.kernel = kernel
        self.program = program
        self.configuration = configuration
        self.memory = memory
        self.heap = heap
        self.conditionals = conditionals
        self.output = output
        self.workspace = workspace
        self.number = number
        self.multiprocessorCount = multiprocessorCount
        self.cancelled = cancelled
        sharedBytes = program.dynamicSharedOffset + configuration.dynamicSharedBytes
        let stack = program.needsStack ? max(stackBytes, 64 << 10) : 0
        localStride = (program.entryLocalBytes + stack + 63) & ~63
        parameterBytes = kernel.parameterBytes
        parameters = .allocate(capacity: parameterBytes + 16)
        parameters.initialize(repeating: 0, count: parameterBytes + 16)
        let given = min(source.count, parameterBytes)
        if given > 0, let from = source.baseAddress {
            UnsafeMutableRawPointer(parameters).copyMemory(from: from, byteCount: given)
        }
        blockCount = configuration.grid.count
        var schedule = schedule
        order = schedule?.order(blockCount)
        self.schedule = schedule
        next = .allocate(capacity: 1)
        next.initialize(to: 0)
        stop = .allocate(capacity: 1)
        stop.initialize(to: 0)
    }

    deinit {
        parameters.deallocate()
        next.deallocate()
        stop.deallocate()
    }

    /// Whether host threads should leave off.
    @inline(__always)
    var isStopped: Bool {
        lane_atomic_load_u32(stop) != 0 || lane_atomic_load_u32(cancelled) != 0
    }

    /// The fault that ended the launch, if any.
    var fault: LaunchFault? { lock.withLock { firstFault } }

    /// Ends the launch with a fault; only the first counts.
    func end(_ fault: LaunchFault) {
        lock.withLock { if firstFault == nil { firstFault = fault } }
        lane_atomic_store_u32(stop, 1)
    }

    /// The index of a block nobody has started; nil when there is none.
    func takeBlock() -> Int? {
        let index = lane_atomic_add_u64(next, 1)
        guard index < UInt64(blockCount) else { return nil }
        return order?[index] ?? Int(index)
    }

    /// What a warp of this launch starts with.
    func context(
        shared: UnsafeMutablePointer<UInt8>,
        local: UnsafeMutablePointer<UInt8>,
        pointers: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>>,
        threads: Int
    ) -> LaneContext {
        let existing = threads >= 32 ? UInt32.max : (UInt32(1) << UInt32(threads)) - 1
        let scratch = UnsafeMutableRawPointer(pointers + 32)
        return LaneContext(
            mask: 0,
            live: existing,
            existing: existing,
            spin: 0,
            arenaBase: memory.base,
            arenaSize: memory.size,
            shadow: UnsafePointer(memory.shadow),
            ranges: memory.foreignRanges,
            shared: shared,
            sharedBytes: UInt64(sharedBytes),
            local: local,
            localStride: UInt64(localStride),
            localFrame: 0,
            parameters: UnsafePointer(parameters),
            parameterBytes: UInt64(parameterBytes),
            pointers: pointers,
            scratch: scratch,
            textures: UnsafePointer(TextureTable.shared.slots),
            textureCount: UInt64(TextureTable.capacity),
            recent: (scratch + MatrixOps.scratchBytes).assumingMemoryBound(to: UInt64.self),
            faultCode: 0,
            faultLane: 0,
            faultAddress: 0,
            faultBytes: 0,
            faultIsWrite: 0,
            faultInstruction: nil
        )
    }

    /// What a host thread needs of the launch.
    func runtimeState(multiprocessor: Int) -> RuntimeState {
        RuntimeState(
            grid: configuration.grid,
            blockSize: configuration.block,
            dynamicSharedBytes: UInt32(configuration.dynamicSharedBytes),
            totalSharedBytes: UInt32(sharedBytes),
            workspace: workspace,
            multiprocessor: UInt32(multiprocessor),
            multiprocessorCount: UInt32(multiprocessorCount),
            gridNumber: number,
            launch: .passUnretained(self)
        )
    }
}
