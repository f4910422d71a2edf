import CLinux
import SoftGPU
import Testing

/// Divergence, barriers, and threads that wait for one another.
@Suite struct SchedulingTests {
    @Test(arguments: KernelTests.files) func spinLock(_ file: String) throws {
        let device = try Device()
        let count = try device.zeros(1, Int32.self)
        try device.run(
            device.module(file: file),
            "spinLock",
            grid: Dimensions(3),
            block: Dimensions(64)
        ) { $0.append(count) }
        #expect(device.download(count, 1, Int32.self) == [192])
    }

    /// Lanes that have nothing to do in an inner loop wait for the others before the next iteration of
    /// the outer one, although their way back to it is shorter: CuPy's partition depends on it.
    @Test(arguments: [false, true]) func lanesMeetAtTheHeadOfALoop(_ isFirstIdle: Bool) throws {
        let idle = isFirstIdle ? "lt" : "ge"
        let writer = isFirstIdle ? 31 : 0
        let source = """
            .version 7.5
            .target sm_75
            .address_size 64
            .visible .entry rounds(.param .u64 result)
            {
                .shared .u32 value;
                .reg .pred %p<6>;
                .reg .b32 %r<8>;
                .reg .b64 %d<6>;
                ld.param.u64 %d1, [result];
                mov.u32 %r1, %tid.x;
                mul.wide.u32 %d2, %r1, 4;
                add.s64 %d1, %d1, %d2;
                mov.u32 %r2, 0;
                st.shared.u32 [value], %r2;
                bar.sync 0;
            HEAD:
                ld.shared.u32 %r3, [value];
                st.global.u32 [%d1], %r3;
                add.s64 %d1, %d1, 128;
                add.u32 %r2, %r2, 1;
                setp.ge.u32 %p1, %r2, 8;
                @%p1 bra DONE;
                setp.\(idle).u32 %p2, %r1, 16;
                @%p2 bra HEAD;
                mov.u32 %r4, 0;
            INNER:
                add.u32 %r4, %r4, 1;
                setp.lt.u32 %p3, %r4, %r1;
                @%p3 bra INNER;
                setp.ne.u32 %p4, %r1, \(writer);
                @%p4 bra HEAD;
                st.shared.u32 [value], %r2;
                bra.uni HEAD;
            DONE:
                ret;
            }
            """
        let device = try Device()
        let out = try device.zeros(256, UInt32.self)
        try device.run(device.module(source), "rounds") { $0.append(out) }
        #expect(device.download(out, 256, UInt32.self) == (0..<256).map { UInt32($0 / 32) })
    }

    /// The halves of a warp ask for all lanes at instructions of their own: cuGraph's kernels do when its rows
    /// are of different lengths, and exchange values within the halves only.
    @Test func partsOfAWarpLetEachOtherGo() throws {
        let source = """
            .version 7.5
            .target sm_75
            .address_size 64
            .visible .entry halves(.param .u64 result)
            {
                .reg .pred %p<4>;
                .reg .b32 %r<8>;
                .reg .b64 %d<6>;
                ld.param.u64 %d1, [result];
                mov.u32 %r1, %tid.x;
                mul.wide.u32 %d2, %r1, 4;
                add.s64 %d1, %d1, %d2;
                setp.ge.u32 %p1, %r1, 16;
                @%p1 bra HIGH;
                shfl.sync.idx.b32 %r2, %r1, 3, 0x100F, 0xFFFFFFFF;
                add.u32 %r2, %r2, 100;
                bra.uni DONE;
            HIGH:
                shfl.sync.idx.b32 %r2, %r1, 15, 0x100F, 0xFFFFFFFF;
                add.u32 %r2, %r2, 200;
            DONE:
                shfl.sync.bfly.b32 %r3, %r2, 16, 0x1F, 0xFFFFFFFF;
                st.global.u32 [%d1], %r3;
                ret;
            }
            """
        let device = try Device()
        let out = try device.zeros(32, UInt32.self)
        try device.run(device.module(source), "halves") { $0.append(out) }
        let expected = (0..<32).map { UInt32($0 < 16 ? 231 : 103) }
        #expect(device.download(out, 32, UInt32.self) == expected)
    }

    @Test(arguments: [1, 2]) func blocksThatWaitForLaterOnes(_ threads: Int) throws {
        let device = try Device(threads: threads)
        let flag = try device.zeros(1, Int32.self)
        let data = try device.zeros(1, Int32.self)
        try device.run(
            device.module(file: "suite75.ptx"),
            "producer",
            grid: Dimensions(10),
            block: Dimensions(64)
        ) {
            $0.append(flag)
            $0.append(data)
        }
        #expect(device.download(data, 1, Int32.self) == [123])
    }

    @Test(arguments: KernelTests.files) func barrierReductions(_ file: String) throws {
        let device = try Device()
        let values = (0..<96).map { Int32($0 % 3) }
        let a = try device.upload(values)
        let out = try device.zeros(96, Int32.self)
        let module = try device.module(file: file)
        try device.run(module, "barrierReduce", block: Dimensions(96)) {
            $0.append(a)
            $0.append(out)
        }
        #expect(device.download(out, 96, Int32.self).allSatisfy { $0 == 64 * 4 + 1 })
    }

    @Test(arguments: KernelTests.files) func votes(_ file: String) throws {
        let device = try Device()
        let values = (0..<32).map { Int32($0 * 11 % 20) }
        let a = try device.upload(values)
        let out = try device.zeros(32, UInt32.self)
        try device.run(device.module(file: file), "votes") {
            $0.append(a)
            $0.append(out)
        }
        func mask(_ holds: (Int32) -> Bool) -> UInt32 {
            (0..<32).reduce(0) { holds(values[$1]) ? $0 | 1 << UInt32($1) : $0 }
        }
        let any: UInt32 = values.contains(5) ? 1 : 0
        let expected = values.map { v in
            mask { $0 > 3 } ^ (mask { $0 & 7 == v & 7 } &* 3) ^ 2 ^ any
        }
        #expect(device.download(out, 32, UInt32.self) == expected)
    }

    @Test(arguments: KernelTests.files) func exitReleasesBarrier(_ file: String) throws {
        let device = try Device()
        let out = try device.zeros(100, Int32.self)
        try device.run(device.module(file: file), "earlyExit", block: Dimensions(100)) {
            $0.append(out)
        }
        let expected = (0..<100).map { $0 % 3 == 0 ? Int32(0) : Int32($0) }
        #expect(device.download(out, 100, Int32.self) == expected)
    }

    @Test(arguments: [1, 2]) func gridBarrier(_ threads: Int) throws {
        let device = try Device(threads: threads)
        let source = """
            .version 8.0
            .target sm_75
            .address_size 64
            .visible .entry sums(.param .u64 data, .param .u64 out) {
                .reg .pred %p<4>;
                .reg .b32 %r<16>;
                .reg .b64 %d<10>;
                ld.param.u64 %d1, [data];
                mov.u32 %r1, %ctaid.x;
                mov.u32 %r2, %tid.x;
                mov.u32 %r3, %nctaid.x;
                mul.wide.u32 %d2, %r1, 4;
                add.u64 %d3, %d1, %d2;
                add.u32 %r4, %r1, 1;
                st.global.u32 [%d3], %r4;
                mov.u32 %r5, %envreg1;
                mov.u32 %r6, %envreg2;
                mov.b64 %d4, {%r6, %r5};
                setp.ne.u64 %p1, %d4, 0;
                @!%p1 trap;
                barrier.sync 0;
                setp.ne.u32 %p2, %r2, 0;
                @%p2 bra JOINED;
                sub.u32 %r7, %r3, 1;
                mov.u32 %r8, 0x80000000;
                sub.u32 %r8, %r8, %r7;
                setp.ne.u32 %p3, %r1, 0;
                selp.u32 %r9, 1, %r8, %p3;
                fence.acq_rel.gpu;
                atom.add.release.gpu.u32 %r10, [%d4+4], %r9;
            WAIT:
                ld.acquire.gpu.u32 %r11, [%d4+4];
                xor.b32 %r12, %r10, %r11;
                setp.ge.s32 %p3, %r12, 0;
                @%p3 bra WAIT;
            JOINED:
                barrier.sync 0;
                mov.u32 %r13, 0;
                mov.u32 %r14, 0;
            LOOP:
                mul.wide.u32 %d5, %r13, 4;
                add.u64 %d6, %d1, %d5;
                ld.volatile.global.u32 %r15, [%d6];
                add.u32 %r14, %r14, %r15;
                add.u32 %r13, %r13, 1;
                setp.lt.u32 %p1, %r13, %r3;
                @%p1 bra LOOP;
                ld.param.u64 %d7, [out];
                add.u64 %d8, %d7, %d2;
                st.global.u32 [%d8], %r14;
                ret;
            }
            """
        let module = try device.module(source)
        let n = 40
        let data = try device.zeros(n, UInt32.self)
        let out = try device.zeros(n, UInt32.self)
        let blocks = Dimensions(UInt32(n))
        try device.run(module, "sums", grid: blocks, block: Dimensions(64), cooperative: true) {
            $0.append(data)
            $0.append(out)
        }
        let expected = [UInt32](repeating: UInt32(n * (n + 1) / 2), count: n)
        #expect(device.download(out, n, UInt32.self) == expected)
    }

    @Test(arguments: ["endless", "infinite"]) func cancellation(_ kernel: String) throws {
        let device = try Device()
        let flag = try device.zeros(1, Int32.self)
        let machine = device.machine
        let canceller = Canceller(machine)
        canceller.start()
        let fault = device.fault {
            try device.run(device.module(file: "suite75.ptx"), kernel, grid: Dimensions(4)) {
                $0.append(flag)
            }
        }
        #expect(fault?.code == 201)
        canceller.join()
        machine.resume()
    }

    @Test func manyStreams() throws {
        let device = try Device()
        let module = try device.module(file: "suite75.ptx")
        let out = try device.zeros(1, Int32.self)
        let ones = try device.upload([Int32](repeating: 1, count: 1024))
        let work = Workers(4) {
            for _ in 0..<50 {
                try? device.run(module, "warpSum", grid: Dimensions(4), block: Dimensions(256)) {
                    $0.append(ones)
                    $0.append(out)
                    $0.append(Int32(1024))
                }
            }
        }
        work.join()
        #expect(device.download(out, 1, Int32.self) == [4 * 50 * 1024])
    }
}

/// Cancels a machine's launches after a while.
private final class Canceller: @unchecked Sendable {
    private let machine: Machine
    private var thread = pthread_t()

    init(_ machine: Machine) { self.machine = machine }

    func start() {
        pthread_create(
            &thread,
            nil,
            { context in
                usleep(50_000)
                guard let context else { return nil }
                Unmanaged<Canceller>.fromOpaque(context).takeRetainedValue().machine.cancel()
                return nil
            },
            Unmanaged.passRetained(self).toOpaque()
        )
    }

    func join() { pthread_join(thread, nil) }
}

/// Threads that run the same closure.
private final class Workers: @unchecked Sendable {
    private let body: () -> Void
    private var threads: [pthread_t] = []

    init(_ count: Int, _ body: @escaping () -> Void) {
        self.body = body
        for _ in 0..<count {
            var thread = pthread_t()
            pthread_create(
                &thread,
                nil,
                { context in
                    guard let context else { return nil }
                    Unmanaged<Workers>.fromOpaque(context).takeRetainedValue().body()
                    return nil
                },
                Unmanaged.passRetained(self).toOpaque()
            )
            threads.append(thread)
        }
    }

    func join() { for thread in threads { pthread_join(thread, nil) } }
}
