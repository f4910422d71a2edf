import CLanes
import CLinux
import Lanes

/// Executes blocks of a launch on one host thread. Not thread-safe; reused from launch to launch
/// because of the memory for calls.
final class Worker {
    private let engine: UnsafeMutablePointer<Engine>
    private let runtime: UnsafeMutablePointer<RuntimeState>
    /// The scratch memory of handlers: 32 pointers, then what the largest matrices need, then 16
    /// addresses of loads.
    private let pointers: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>>
    private var frames = FramePool()
    private let mappings = MappingCache()
    private var schedule: Schedule?

    /// Nanoseconds of pure waiting after which another block is started beside the waiting ones.
    private static let patience: UInt64 = 2_000_000
    /// Blocks that are resident at once on one host thread, but for cooperative launches.
    private static let mostResident = 64
    /// Blocks that a schedule lets run beside each other without need, at most.
    private static let mostBeside = 8

    init() {
        engine = .allocate(capacity: 1)
        runtime = .allocate(capacity: 1)
        let bytes = 32 * MemoryLayout<UnsafeMutablePointer<UInt8>>.stride
        let more = MatrixOps.scratchBytes + 16 * MemoryLayout<UInt64>.stride
        let scratch = UnsafeMutableRawPointer.allocate(byteCount: bytes + more, alignment: 64)
        scratch.initializeMemory(as: UInt8.self, repeating: 0, count: bytes + more)
        pointers = scratch.bindMemory(to: UnsafeMutablePointer<UInt8>.self, capacity: 32)
        let start = scratch.assumingMemoryBound(to: UInt8.self)
        pointers.initialize(repeating: start, count: 32)
    }

    deinit {
        frames.removeAll()
        engine.deallocate()
        runtime.deallocate()
        UnsafeMutableRawPointer(pointers).deallocate()
    }

    /// Executes blocks until there are none left to start and its own have ended, or the launch is
    /// stopped.
    func run(_ launch: Launch, multiprocessor: Int) {
        runtime.initialize(to: launch.runtimeState(multiprocessor: multiprocessor))
        schedule = launch.schedule
        guard let first = launch.takeBlock() else { return }
        let placeholder = UnsafeMutablePointer<Block>.allocate(capacity: 1)
        defer { placeholder.deallocate() }
        engine.initialize(
            to: Engine(
                frames: frames,
                program: launch.program.image,
                block: placeholder,
                runtime: runtime
            )
        )
        frames = FramePool(limit: 0)
        execute(launch, first)
        frames = engine.move().frames
        // A fault leaves calls behind whose frames nobody gives back.
        if launch.isStopped { frames.removeAll() }
    }

    private func execute(_ launch: Launch, _ first: Int) {
        var resident: [BlockMemory] = []
        var spare: [BlockMemory] = []
        func start(_ index: Int) -> Bool {
            guard
                let memory = spare.popLast()
                    ?? BlockMemory(
                        launch: launch,
                        engine: engine,
                        pointers: pointers,
                        cache: mappings
                    )
            else {
                launch.end(LaunchFault(code: 2, message: "no memory for another block"))
                return false
            }
            memory.start(index, grid: launch.configuration.grid, engine: engine)
            resident.append(memory)
            return true
        }
        guard start(first) else { return }
        // With a schedule several blocks run beside each other from the start.
        let company = schedule?.next(below: min(launch.blockCount, Self.mostBeside)) ?? 0
        for _ in 0..<company {
            guard let index = launch.takeBlock() else { break }
            guard start(index) else { return }
        }
        let isCooperative = launch.configuration.cooperative
        var waitingSince: UInt64 = 0
        var idle = 0
        var k = 0
        while !resident.isEmpty, !launch.isStopped {
            if k >= resident.count { k = 0 }
            k = schedule?.next(below: resident.count) ?? k
            let memory = resident[k]
            engine.pointee.block = memory.block
            switch runBlock(launch, memory.block) {
            case .ended:
                resident.remove(at: k)
                spare.append(memory)
                idle = 0
                if resident.count <= company, let index = launch.takeBlock(), !start(index) {
                    return
                }
            case .computing:
                idle = 0
                k += 1
            case .waiting:
                if idle == 0 { waitingSince = Self.now() }
                idle += 1
                k += 1
                // Chosen at random, some come more often than others.
                guard idle >= resident.count * (schedule == nil ? 1 : 8) else { continue }
                // In a drawn order a block may wait for any other, as it never does in that of a GPU.
                let mayGrow =
                    isCooperative || schedule != nil
                    || (resident.count < Self.mostResident
                        && Self.now() &- waitingSince > Self.patience)
                if mayGrow, let index = launch.takeBlock() {
                    guard start(index) else { return }
                    idle = 0
                } else {
                    sched_yield()
                }
            case .faulted: return
            }
        }
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    private enum Outcome {
        case ended, computing, waiting, faulted
    }

    /// Lets each warp of a block have turns until the block has ended or all only wait for others.
    private func runBlock(_ launch: Launch, _ block: UnsafeMutablePointer<Block>) -> Outcome {
        while true {
            var isAlive = false
            var hasYielded = false
            runtime.pointee.computed = false
            let count = Int(block.pointee.warpCount)
            let first = schedule?.next(below: count) ?? 0
            for place in first..<(first + count) {
                let warp = block.pointee.warps + (place < count ? place : place - count)
                guard warp.pointee.count > 0 else { continue }
                switch runWarp(warp, engine) {
                case .waiting: break
                case .yielded: hasYielded = true
                case .faulted:
                    launch.end(describeFault(launch, block, warp))
                    return .faulted
                }
                if warp.pointee.count > 0 { isAlive = true }
            }
            if !isAlive { return .ended }
            if launch.isStopped { return .faulted }
            if hasYielded { return runtime.pointee.computed ? .computing : .waiting }
            if !canContinue(block) {
                launch.end(describeDeadlock(launch, block))
                return .faulted
            }
        }
    }

    /// Whether some fragment is not waiting, after a round in which each warp ran until it waited:
    /// a barrier was completed by a later warp.
    private func canContinue(_ block: UnsafeMutablePointer<Block>) -> Bool {
        for w in 0..<Int(block.pointee.warpCount) {
            let warp = block.pointee.warps + w
            for k in 0..<Int(warp.pointee.count)
            where warp.pointee.fragments[k].state.rawValue <= FragmentState.yielded.rawValue {
                return true
            }
        }
        return false
    }
}
