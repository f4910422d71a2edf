import CLinux
import CUDAABI
import SoftGPU
import Synchronization
import Testing

@Suite("The software GPU used by many threads")
struct ConcurrencyTests {
    /// Runs `body` on threads of their own and waits for them.
    private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        final class Box {
            let run: @Sendable () -> Void
            init(_ run: @escaping @Sendable () -> Void) { self.run = run }
        }
        var threads: [pthread_t] = []
        for index in 0..<count {
            let box = Unmanaged.passRetained(Box { body(index) })
            var thread = pthread_t()
            let status = pthread_create(
                &thread,
                nil,
                {
                    if let argument = $0 {
                        Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().run()
                    }
                    return nil
                },
                box.toOpaque()
            )
            #expect(status == 0)
            threads.append(thread)
        }
        for thread in threads { pthread_join(thread, nil) }
    }

    /// Appends with one stream: memory, kernels, events and copies of many threads at once.
    @Test func threadsShareAContext() throws {
        try Harness.inContext { context in
            let append = UInt64(
                UInt(bitPattern: try Harness.kernel(Kernels.append, "append"))
            )
            let shared = UInt64(UInt(bitPattern: context))
            let wrong = Atomic<Int>(0)
            onThreads(6) { thread in
                for round in 0..<20 where !work(append, shared, UInt64(thread * 100 + round)) {
                    wrong.add(1, ordering: .relaxed)
                }
            }
            #expect(wrong.load(ordering: .relaxed) == 0)
            try Harness.check(SoftCalls.cuCtxSynchronize())
        }
    }

    private func work(_ append: UInt64, _ context: UInt64, _ value: UInt64) -> Bool {
        guard let function = OpaquePointer(bitPattern: UInt(append)),
            SoftCalls.cuCtxSetCurrent(OpaquePointer(bitPattern: UInt(context))) == 0
        else { return false }
        var list: UInt64 = 0
        var (stream, event): (OpaquePointer?, OpaquePointer?) = (nil, nil)
        guard SoftCalls.cuMemAlloc_v2(&list, 256) == 0,
            SoftCalls.cuStreamCreate(&stream, UInt32(value % 2)) == 0,
            SoftCalls.cuEventCreate(&event, 2) == 0
        else { return false }
        var statuses = [SoftCalls.cuMemsetD32Async(list, 0, 64, stream)]
        for step in 0..<5 {
            statuses.append(Harness.launch(function, stream: stream, [list, value + UInt64(step)]))
        }
        statuses.append(SoftCalls.cuEventRecord(event, stream))
        // The legacy stream sees the work only after the event, if the stream does not block.
        statuses.append(SoftCalls.cuStreamWaitEvent(nil, event, 0))
        var words = [UInt32](repeating: 0, count: 6)
        statuses.append(SoftCalls.cuMemcpyDtoH_v2(&words, list, 24))
        statuses.append(SoftCalls.cuEventDestroy_v2(event))
        statuses.append(SoftCalls.cuStreamDestroy_v2(stream))
        statuses.append(SoftCalls.cuMemFree_v2(list))
        let expected = [5] + (0..<5).map { UInt32(value) + $0 }
        return statuses.allSatisfy { $0 == 0 } && words == expected
    }

    @Test func threadsMakeContextsOfTheirOwn() throws {
        #expect(Harness.isStarted)
        let wrong = Atomic<Int>(0)
        onThreads(4) { thread in
            for _ in 0..<10 {
                var context: OpaquePointer?
                var address: UInt64 = 0
                let made = SoftCalls.cuCtxCreate_v2(&context, 0, Int32(thread % 2))
                let taken = SoftCalls.cuMemAlloc_v2(&address, 1 << 20)
                let filled = SoftCalls.cuMemsetD8_v2(address, 1, 1 << 20)
                let ended = SoftCalls.cuCtxDestroy_v2(context)
                if [made, taken, filled, ended].contains(where: { $0 != 0 }) {
                    wrong.add(1, ordering: .relaxed)
                }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
    }

    @Test func aThreadHasADefaultStreamOfItsOwn() throws {
        try Harness.inContext { context in
            let perThread = try #require(SoftCalls.perThread(nil))
            var id: UInt64 = 0
            try Harness.check(SoftCalls.cuStreamGetId(perThread, &id))
            let mine = id
            let other = Atomic<UInt64>(0)
            let shared = UInt64(UInt(bitPattern: context))
            onThreads(1) { _ in
                _ = SoftCalls.cuCtxSetCurrent(OpaquePointer(bitPattern: UInt(shared)))
                var id: UInt64 = 0
                _ = SoftCalls.cuStreamGetId(SoftCalls.perThread(nil), &id)
                other.store(id, ordering: .relaxed)
            }
            #expect(mine > 2)
            #expect(other.load(ordering: .relaxed) > 2)
            #expect(other.load(ordering: .relaxed) != mine)
        }
    }
}
