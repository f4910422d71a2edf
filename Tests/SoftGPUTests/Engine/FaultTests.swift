import SoftGPU
import Testing

/// What a kernel does wrong ends the launch with the right error, and nothing else.
@Suite struct FaultTests {
    @Test(arguments: KernelTests.files) func outOfBounds(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        let p = try device.zeros(33, Int32.self)
        try device.run(module, "outOfBounds") {
            $0.append(p)
            $0.append(Int32(1))
        }
        let fault = device.fault {
            try device.run(module, "outOfBounds") {
                $0.append(p)
                $0.append(Int32(2))
            }
        }
        #expect(fault?.code == 700)
        #expect(fault?.message.contains("'outOfBounds'") == true)
        #expect(fault?.message.contains("thread (31, 0, 0)") == true)
        #expect(fault?.message.contains("0 bytes behind the end of the allocation of 132") == true)
    }

    @Test(arguments: KernelTests.files) func nullPointer(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        let fault = device.fault {
            try device.run(module, "outOfBounds") {
                $0.append(UInt64(0))
                $0.append(Int32(0))
            }
        }
        #expect(fault?.code == 700)
    }

    @Test(arguments: KernelTests.files) func freedMemory(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        let p = try device.zeros(64, Int32.self)
        #expect(device.memory.free(p))
        let fault = device.fault {
            try device.run(module, "outOfBounds") {
                $0.append(p)
                $0.append(Int32(0))
            }
        }
        #expect(fault?.code == 700)
    }

    @Test(arguments: KernelTests.files) func misaligned(_ file: String) throws {
        let device = try Device()
        let p = try device.zeros(64, Int32.self)
        let fault = device.fault {
            try device.run(try device.module(file: file), "misaligned") { $0.append(p) }
        }
        #expect(fault?.code == 716)
        #expect(fault?.message.contains("thread (1, 0, 0)") == true)
    }

    @Test(arguments: KernelTests.files) func sharedOutOfBounds(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        let out = try device.zeros(32, Int32.self)
        try device.run(module, "sharedOut") {
            $0.append(out)
            $0.append(Int32(0))
        }
        #expect(device.download(out, 32, Int32.self) == (0..<32).map { Int32(31 - $0) })
        let fault = device.fault {
            try device.run(module, "sharedOut") {
                $0.append(out)
                $0.append(Int32(1))
            }
        }
        #expect(fault?.code == 700)
    }

    @Test(arguments: KernelTests.files) func trap(_ file: String) throws {
        let device = try Device()
        let fault = device.fault {
            try device.run(try device.module(file: file), "trapping") { $0.append(Int32(7)) }
        }
        #expect(fault?.code == 719)
        #expect(fault?.message.contains("thread (7, 0, 0)") == true)
    }

    /// NCCL's kernels have such instructions, and do not come to them without multicast objects.
    @Test(arguments: [(0, nil), (1, 717)] as [(Int32, Int32?)]) func multicast(
        _ isReached: Int32,
        _ code: Int32?
    ) throws {
        let device = try Device()
        let source = """
            .version 8.1
            .target sm_90
            .address_size 64
            .visible .entry reduce(.param .u64 address, .param .u32 isReached) {
                .reg .pred %p<2>; .reg .b32 %r<3>; .reg .b64 %rd<3>;
                ld.param.u64 %rd1, [address];
                ld.param.u32 %r1, [isReached];
                setp.eq.u32 %p1, %r1, 0;
                @%p1 bra done;
                multimem.ld_reduce.acquire.sys.global.min.u64 %rd2, [%rd1];
                multimem.red.relaxed.sys.global.add.u32 [%rd1], %r1;
                multimem.st.global.v4.f32 [%rd1], {%r1, %r1, %r1, %r1};
            done:
                ret;
            }
            """
        let module = try device.module(source)
        let memory = try device.allocate(32)
        let fault = device.fault {
            try device.run(module, "reduce") {
                $0.append(memory)
                $0.append(isReached)
            }
        }
        #expect(fault?.code == code)
        #expect(fault?.message.contains("multicast object") ?? true)
    }

    @Test func stackOverflow() throws {
        let device = try Device()
        let source = """
            .version 8.0
            .target sm_75
            .address_size 64
            .func down(.param .b32 x) {
                .reg .b32 %r<3>;
                ld.param.u32 %r1, [x];
                add.u32 %r2, %r1, 1;
                { .param .b32 p; st.param.b32 [p], %r2; call.uni down, (p); }
                ret;
            }
            .visible .entry start() {
                { .param .b32 p; st.param.b32 [p], 0; call.uni down, (p); }
                ret;
            }
            """
        let module = try device.module(source)
        let fault = device.fault { try device.run(module, "start") }
        #expect(fault?.code == 714)
        #expect(fault?.message.contains("stack overflow") == true)
    }

    @Test func barrierNeverReached() throws {
        let device = try Device()
        let source = """
            .version 8.0
            .target sm_75
            .address_size 64
            .visible .entry start() {
                .reg .pred %p<2>;
                .reg .b32 %r<2>;
                mov.u32 %r1, %tid.x;
                setp.lt.u32 %p1, %r1, 32;
                @%p1 bar.sync 1, 64;
                bar.sync 2;
                ret;
            }
            """
        let module = try device.module(source)
        let fault = device.fault { try device.run(module, "start", block: Dimensions(64)) }
        #expect(fault?.code == 702)
        #expect(fault?.message.contains("barrier 1") == true)
    }

    @Test func tooManyThreads() throws {
        let device = try Device()
        let module = try device.module(
            ".version 8.0\n.target sm_75\n.address_size 64\n"
                + ".visible .entry k() .maxntid 64 { ret; }"
        )
        #expect(module.kernel(named: "k")?.maxThreadsPerBlock == 64)
        #expect(device.fault { try device.run(module, "k", block: Dimensions(65)) }?.code == 1)
        #expect(device.fault { try device.run(module, "k", block: Dimensions(0)) }?.code == 1)
    }

    @Test func unsupportedInstructionNamesItself() throws {
        let device = try Device()
        let module = try device.module(
            """
            .version 8.0
            .target sm_90
            .address_size 64
            .visible .entry k() {
                wgmma.fence.sync.aligned;
                ret;
            }
            """
        )
        let kernel = try #require(module.kernel(named: "k"))
        let error = #expect(throws: CompileError.self) { try kernel.prepare() }
        #expect(error?.line == 5)
        #expect(error?.message.contains("wgmma.fence.sync.aligned") == true)
        #expect(device.fault { try device.run(module, "k") }?.code == 200)
    }
}
