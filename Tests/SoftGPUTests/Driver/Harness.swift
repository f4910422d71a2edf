import CLinux
import CUDAABI
import SoftGPU
import Testing

/// The driver of the test process: two GPUs of 64 MiB. Each test makes contexts of its own.
enum Harness {
    /// Starts the driver once.
    static let isStarted: Bool = {
        setenv("FERRY_SOFT_GPU_COUNT", "2", 1)
        setenv("FERRY_SOFT_GPU_MEMORY_MIB", "64", 1)
        setenv("FERRY_SOFT_GPU_COMPUTE_CAPABILITY", "12.0", 1)
        setenv("FERRY_SOFT_GPU_THREADS", "2", 1)
        unsetenv("CUDA_VISIBLE_DEVICES")
        return SoftCalls.cuInit(0) == 0
    }()

    /// Runs a test in a context of its own on a GPU, which is gone afterwards.
    static func inContext(
        of device: Int32 = 0,
        _ body: (OpaquePointer) throws -> Void
    ) throws {
        #expect(isStarted)
        var context: OpaquePointer?
        try check(SoftCalls.cuCtxCreate_v2(&context, 0, device))
        let made = try #require(context)
        defer { _ = SoftCalls.cuCtxDestroy_v2(made) }
        try body(made)
    }

    /// A call that must succeed.
    static func check(
        _ status: CUresult,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        try #require(status == 0, sourceLocation: location)
    }

    /// Device memory of the current context.
    static func allocate(_ bytes: Int) throws -> UInt64 {
        var address: UInt64 = 0
        try check(SoftCalls.cuMemAlloc_v2(&address, bytes))
        return address
    }

    /// Loads PTX text and finds a kernel in it.
    static func kernel(_ text: String, _ name: String) throws -> OpaquePointer {
        var module: OpaquePointer?
        try check(text.withCString { SoftCalls.cuModuleLoadData(&module, $0) })
        var function: OpaquePointer?
        try check(SoftCalls.cuModuleGetFunction(&function, module, name))
        return try #require(function)
    }

    /// Launches a kernel with 64-bit parameters.
    static func launch(
        _ function: OpaquePointer,
        grid: UInt32 = 1,
        block: UInt32 = 1,
        shared: UInt32 = 0,
        stream: OpaquePointer? = nil,
        _ parameters: [UInt64],
        cooperative: Bool = false
    ) -> CUresult {
        var values = parameters
        return values.withUnsafeMutableBufferPointer { values in
            var pointers = values.indices.map { index in
                values.baseAddress.map { UnsafeMutableRawPointer($0 + index) }
            }
            if cooperative {
                return SoftCalls.cuLaunchCooperativeKernel(
                    function,
                    grid,
                    1,
                    1,
                    block,
                    1,
                    1,
                    shared,
                    stream,
                    &pointers
                )
            }
            return
                SoftCalls
                .cuLaunchKernel(function, grid, 1, 1, block, 1, 1, shared, stream, &pointers, nil)
        }
    }

    /// Reads 32-bit words of the GPU.
    static func read(_ address: UInt64, count: Int) throws -> [UInt32] {
        var words = [UInt32](repeating: 0, count: count)
        try check(SoftCalls.cuMemcpyDtoH_v2(&words, address, count * 4))
        return words
    }
}

/// PTX written for the tests.
enum Kernels {
    static let head = """
        .version 8.0
        .target sm_75
        .address_size 64

        """

    /// `append(list, value)`: list[0] counts, the value goes behind what is there.
    static let append =
        head + """
            .visible .entry append(.param .u64 list, .param .u64 value)
            {
                .reg .b64 %rd<6>;
                .reg .b32 %r<3>;
                ld.param.u64 %rd1, [list];
                ld.param.u64 %rd2, [value];
                cvt.u32.u64 %r2, %rd2;
                ld.global.u32 %r1, [%rd1];
                add.u32 %r1, %r1, 1;
                st.global.u32 [%rd1], %r1;
                mul.wide.u32 %rd3, %r1, 4;
                add.u64 %rd4, %rd1, %rd3;
                st.global.u32 [%rd4], %r2;
                ret;
            }
            """

    /// `sums(values, sums)`: each block writes its number and, after all have, adds up what is there.
    static let gridSums =
        head + """
            .extern .func (.param .b64 handle) cudaCGGetIntrinsicHandle(.param .b32 scope);
            .extern .func (.param .b32 status) cudaCGSynchronize(.param .b64 h, .param .b32 flags);
            .visible .entry sums(.param .u64 values, .param .u64 sums)
            {
                .reg .b64 %rd<9>;
                .reg .b32 %r<9>;
                .reg .pred %p<2>;
                ld.param.u64 %rd1, [values];
                ld.param.u64 %rd2, [sums];
                mov.u32 %r1, %ctaid.x;
                mov.u32 %r2, %nctaid.x;
                add.u32 %r3, %r1, 1;
                mul.wide.u32 %rd3, %r1, 4;
                add.u64 %rd4, %rd1, %rd3;
                st.global.u32 [%rd4], %r3;
                {
                    .param .b32 scope;
                    .param .b64 handle;
                    st.param.b32 [scope], 1;
                    call.uni (handle), cudaCGGetIntrinsicHandle, (scope);
                    ld.param.b64 %rd5, [handle];
                }
                {
                    .param .b64 h;
                    .param .b32 flags;
                    .param .b32 status;
                    st.param.b64 [h], %rd5;
                    st.param.b32 [flags], 0;
                    call.uni (status), cudaCGSynchronize, (h, flags);
                    ld.param.b32 %r4, [status];
                }
                mov.u32 %r5, 0;
            next:
                ld.volatile.global.u32 %r6, [%rd1];
                add.u32 %r4, %r4, %r6;
                add.u64 %rd1, %rd1, 4;
                add.u32 %r5, %r5, 1;
                setp.lt.u32 %p1, %r5, %r2;
                @%p1 bra next;
                add.u64 %rd6, %rd2, %rd3;
                st.global.u32 [%rd6], %r4;
                ret;
            }
            """

    /// `spin(word)`: waits until the host writes something else than 0 there.
    static let spin =
        head + """
            .visible .entry spin(.param .u64 word)
            {
                .reg .b64 %rd<2>;
                .reg .b32 %r<2>;
                .reg .pred %p<2>;
                ld.param.u64 %rd1, [word];
            again:
                ld.volatile.global.u32 %r1, [%rd1];
                setp.eq.u32 %p1, %r1, 0;
                @%p1 bra again;
                ret;
            }
            """
}
