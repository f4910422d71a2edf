import CUDAABI
import SoftGPU
import Testing

@Suite("Contexts of the software GPU")
struct ContextTests {
    /// `poke(address)`: writes there.
    private static let poke =
        Kernels.head + """
            .visible .entry poke(.param .u64 address)
            {
                .reg .b64 %rd<2>;
                ld.param.u64 %rd1, [address];
                st.global.u32 [%rd1], 1;
                ret;
            }
            """

    @Test func anErrorOfAKernelStays() throws {
        try Harness.inContext { _ in
            let poke = try Harness.kernel(Self.poke, "poke")
            let address = try Harness.allocate(16)
            try Harness.check(Harness.launch(poke, [address + 12]))
            try Harness.check(SoftCalls.cuCtxSynchronize())
            try Harness.check(Harness.launch(poke, [address + 16]))
            #expect(SoftCalls.cuCtxSynchronize() == 700)
            #expect(SoftCalls.cuMemFree_v2(address) == 700)
            #expect(Harness.launch(poke, [address]) == 700)
            var stream: OpaquePointer?
            #expect(SoftCalls.cuStreamCreate(&stream, 0) == 700)
        }
        // The next context knows nothing of it.
        try Harness.inContext { _ in
            _ = try Harness.allocate(16)
            try Harness.check(SoftCalls.cuCtxSynchronize())
        }
    }

    /// As CuPy asks before it has a context.
    @Test func pointersAreDescribedWithoutOne() throws {
        try Harness.inContext { _ in
            let address = try Harness.allocate(16)
            var popped: OpaquePointer?
            try Harness.check(SoftCalls.cuCtxPopCurrent_v2(&popped))
            defer { _ = SoftCalls.cuCtxPushCurrent_v2(popped) }
            var device: Int32 = 0
            #expect(SoftCalls.cuCtxGetDevice(&device) == 201)
            var type: UInt32 = 77
            func ask(_ pointer: UInt64) -> CUresult {
                withUnsafeMutableBytes(of: &type) { type in
                    var attributes: [Int32] = [2]
                    var targets: [UnsafeMutableRawPointer?] = [type.baseAddress]
                    return SoftCalls.cuPointerGetAttributes(1, &attributes, &targets, pointer)
                }
            }
            try Harness.check(ask(0x1000))
            #expect(type == 0)
            try Harness.check(ask(address))
            #expect(type == 2)
            #expect(SoftCalls.cuPointerGetAttribute(&type, 2, 0x1000) == 1)
            try Harness.check(SoftCalls.cuPointerGetAttribute(&type, 2, address))
        }
    }

    @Test func areStacked() throws {
        try Harness.inContext { first in
            try Harness.inContext(of: 1) { second in
                var (current, device): (OpaquePointer?, Int32) = (nil, 9)
                try Harness.check(SoftCalls.cuCtxGetDevice(&device))
                #expect(device == 1)
                try Harness.check(SoftCalls.cuCtxPushCurrent_v2(first))
                try Harness.check(SoftCalls.cuCtxGetDevice(&device))
                #expect(device == 0)
                try Harness.check(SoftCalls.cuCtxPopCurrent_v2(&current))
                #expect(current == first)
                try Harness.check(SoftCalls.cuCtxGetCurrent(&current))
                #expect(current == second)
            }
        }
    }

    @Test func aDestroyedOneIsRefused() throws {
        var gone: OpaquePointer?
        try Harness.inContext { gone = $0 }
        #expect(SoftCalls.cuCtxPushCurrent_v2(gone) == 709)
        #expect(SoftCalls.cuCtxDestroy_v2(gone) == 201)
        #expect(SoftCalls.cuCtxSetCurrent(OpaquePointer(bitPattern: 0x1234)) == 201)
    }

    @Test func thePrimaryOneKeepsItsHandle() throws {
        #expect(Harness.isStarted)
        var (flags, active): (UInt32, Int32) = (9, 9)
        try Harness.check(SoftCalls.cuDevicePrimaryCtxGetState(1, &flags, &active))
        #expect(active == 0)
        var (first, second): (OpaquePointer?, OpaquePointer?) = (nil, nil)
        try Harness.check(SoftCalls.cuDevicePrimaryCtxRetain(&first, 1))
        try Harness.check(SoftCalls.cuDevicePrimaryCtxRetain(&second, 1))
        #expect(first == second)
        try Harness.check(SoftCalls.cuDevicePrimaryCtxRelease_v2(1))
        try Harness.check(SoftCalls.cuDevicePrimaryCtxGetState(1, &flags, &active))
        #expect(active == 1)
        try Harness.check(SoftCalls.cuCtxSetCurrent(first))
        _ = try Harness.allocate(64)
        try Harness.check(SoftCalls.cuDevicePrimaryCtxReset_v2(1))
        var address: UInt64 = 0
        #expect(SoftCalls.cuMemAlloc_v2(&address, 64) == 709)
        // A reset releases nothing.
        try Harness.check(SoftCalls.cuDevicePrimaryCtxRelease_v2(1))
        #expect(SoftCalls.cuDevicePrimaryCtxRelease_v2(1) == 201)
        try Harness.check(SoftCalls.cuDevicePrimaryCtxRetain(&second, 1))
        #expect(first == second)
        _ = try Harness.allocate(64)
        try Harness.check(SoftCalls.cuDevicePrimaryCtxRelease_v2(1))
        try Harness.check(SoftCalls.cuCtxSetCurrent(nil))
        #expect(SoftCalls.cuCtxSynchronize() == 201)
    }

    @Test func limitsAreKept() throws {
        try Harness.inContext { _ in
            var value = 0
            try Harness.check(SoftCalls.cuCtxSetLimit(1, 1 << 22))
            try Harness.check(SoftCalls.cuCtxGetLimit(&value, 1))
            #expect(value == 1 << 22)
            #expect(SoftCalls.cuCtxGetLimit(&value, 99) == 215)
            #expect(SoftCalls.cuCtxSetLimit(0, -1) == 1)
        }
    }

    @Test func handlesOfOneKindAreNoneOfAnother() throws {
        try Harness.inContext { context in
            var event: OpaquePointer?
            try Harness.check(SoftCalls.cuEventCreate(&event, 0))
            #expect(SoftCalls.cuStreamSynchronize(event) == 400)
            #expect(SoftCalls.cuEventQuery(context) == 400)
            #expect(SoftCalls.cuModuleUnload(event) == 400)
            #expect(SoftCalls.cuLibraryUnload(event) == 400)
            #expect(Harness.launch(context, []) == 400)
        }
    }
}
