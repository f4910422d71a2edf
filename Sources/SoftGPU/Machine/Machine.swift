import CLanes
import CLinux

/// The processor of one software GPU: executes kernels on host threads.
///
/// `run` may be called from several threads at once (streams); the calling thread takes part in
/// the work, helped by a pool. Blocks are started in order of their index; with one host thread
/// the execution of a kernel that looks at no clock is deterministic, but for when a block that waits
/// long gets company. With a seed one thread executes one kernel after the other, blocks and warps in
/// an order drawn from the seed.
public final class Machine: @unchecked Sendable {
    /// The memory that kernels see.
    public let memory: DeviceMemory
    /// Host threads that one launch uses at most.
    public let threads: Int
    /// What `%nsmid` says; blocks of a cooperative launch are not limited by it.
    public let multiprocessorCount: Int

    private let seed: UInt64?
    /// With a seed: held by the kernel that runs.
    private let turn = Lock()
    private let pool: HelperPool
    private let heap: DeviceHeap
    /// What kernels say of the conditional nodes of graphs.
    public let conditionals = ConditionalValues()
    private let lock = Lock()
    private var idle: [Worker] = []
    private var launches: UInt32 = 0
    private var stackLimit = 1024
    private let cancelled: UnsafeMutablePointer<UInt32>

    /// A machine with `threads` host threads (at least 1), the caller's included; with a seed it has one.
    public init(
        memory: DeviceMemory,
        threads: Int,
        multiprocessorCount: Int = 16,
        seed: UInt64? = nil
    ) {
        let threads = seed == nil ? threads : 1
        self.memory = memory
        self.threads = max(1, threads)
        self.seed = seed
        self.multiprocessorCount = multiprocessorCount
        pool = HelperPool(threads: max(1, threads) - 1)
        heap = DeviceHeap(memory: memory)
        cancelled = .allocate(capacity: 1)
        cancelled.initialize(to: 0)
    }

    deinit {
        pool.shutDown()
        cancelled.deallocate()
    }

    /// Bytes of stack per thread for calls (`CU_LIMIT_STACK_SIZE`); at least 64 KiB is there.
    public var stackBytes: Int {
        get { lock.withLock { stackLimit } }
        set { lock.withLock { stackLimit = max(0, min(newValue, 512 << 10)) } }
    }

    /// Bytes that `malloc` in kernels may hand out in all (`CU_LIMIT_MALLOC_HEAP_SIZE`, 8 MiB).
    public var heapBytes: Int {
        get { heap.limit }
        set { heap.limit = max(0, newValue) }
    }

    /// Ends all running launches with fault 201, and all later ones until `resume`; for a process
    /// that wants to end.
    public func cancel() { lane_atomic_store_u32(cancelled, 1) }

    /// Lets launches run again after `cancel`.
    public func resume() { lane_atomic_store_u32(cancelled, 0) }

    /// Gives back what kernels allocated with `malloc` and did not free (a context reset).
    public func resetHeap() { heap.reset() }

    /// Executes a kernel; returns when it has ended.
    ///
    /// - Parameters:
    ///   - parameters: the kernel's parameter block, copied; what is missing of it reads as zero.
    ///   - output: receives what the kernel prints.
    /// - Throws: the first fault; memory is then as the kernel left it.
    public func run(
        _ kernel: Kernel,
        _ configuration: LaunchConfiguration,
        parameters: UnsafeRawBufferPointer,
        output: any DeviceOutput
    ) throws(LaunchFault) {
        try check(kernel, configuration)
        let program: Program
        do {
            program = try kernel.compiled()
        } catch {
            throw LaunchFault(code: 200, message: "kernel '\(kernel.name)': \(error)")
        }
        let workspace = try makeWorkspace(configuration)
        defer { if workspace != 0 { _ = memory.free(workspace) } }
        let number = lock.withLock { () -> UInt32 in
            launches &+= 1
            return launches
        }
        let launch = Launch(
            kernel: kernel,
            program: program,
            configuration: configuration,
            memory: memory,
            heap: heap,
            conditionals: conditionals,
            output: output,
            parameters: parameters,
            workspace: workspace,
            number: number,
            stackBytes: stackBytes,
            multiprocessorCount: multiprocessorCount,
            cancelled: cancelled,
            schedule: seed.map { Schedule(seed: $0, launch: number) }
        )
        execute(launch)
        if let fault = launch.fault { throw fault }
        if lane_atomic_load_u32(cancelled) != 0 {
            throw LaunchFault(code: 201, message: "kernel '\(kernel.name)' was cancelled")
        }
    }

    private func check(
        _ kernel: Kernel,
        _ configuration: LaunchConfiguration
    ) throws(LaunchFault) {
        let block = configuration.block
        let grid = configuration.grid
        let extents = [block.x, block.y, block.z, grid.x, grid.y, grid.z]
        guard extents.allSatisfy({ $0 > 0 }), block.x <= 1024, block.y <= 1024, block.z <= 64,
            block.count <= 1024, grid.x <= 0x7fff_ffff, grid.y <= 65535, grid.z <= 65535,
            configuration.dynamicSharedBytes >= 0, configuration.dynamicSharedBytes <= 1 << 20
        else {
            throw LaunchFault(code: 1, message: "kernel '\(kernel.name)': invalid extents")
        }
        guard block.count <= kernel.maxThreadsPerBlock else {
            throw LaunchFault(
                code: 1,
                message: "kernel '\(kernel.name)' runs with at most \(kernel.maxThreadsPerBlock) "
                    + "threads per block, not \(block.count)"
            )
        }
    }

    /// The memory that a grid-wide barrier counts in; 0 for launches that are not cooperative.
    private func makeWorkspace(
        _ configuration: LaunchConfiguration
    ) throws(LaunchFault) -> UInt64 {
        guard configuration.cooperative else { return 0 }
        let bytes = 256
        guard let address = memory.allocate(bytes),
            let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address))
        else { throw LaunchFault(code: 2, message: "no memory for the grid's barrier") }
        memset(pointer, 0, bytes)
        return address
    }

    private func execute(_ launch: Launch) {
        if seed != nil { return turn.withLock { work(launch, multiprocessor: 0) } }
        let helpers = launch.blockCount > 1 ? min(threads - 1, launch.blockCount - 1) : 0
        let group =
            helpers > 0
            ? pool.start(helpers) { [self] k in
                work(launch, multiprocessor: k + 1)
            } : nil
        work(launch, multiprocessor: 0)
        group?.finish()
    }

    private func work(_ launch: Launch, multiprocessor: Int) {
        let worker = lock.withLock { idle.popLast() } ?? Worker()
        worker.run(launch, multiprocessor: multiprocessor)
        lock.withLock { idle.append(worker) }
    }
}
