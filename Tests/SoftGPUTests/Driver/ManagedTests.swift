import CLinux
import CUDAABI
import SoftGPU
import Testing

@Suite("Managed memory of the software GPU")
struct ManagedTests {
    private static let counter =
        Kernels.head + """
            .visible .global .attribute(.managed) .align 4 .u32 counter = 5;
            .visible .entry increment()
            {
                .reg .b32 %r<2>;
                ld.global.u32 %r1, [counter];
                add.u32 %r1, %r1, 1;
                st.global.u32 [counter], %r1;
                ret;
            }
            """

    @Test func variablesAreOneForAllContextsAndTheHost() throws {
        #expect(Harness.isStarted)
        try Harness.check(SoftCalls.cuCtxSetCurrent(nil))
        var (library, kernel): (OpaquePointer?, OpaquePointer?) = (nil, nil)
        let loaded = Self.counter.withCString {
            SoftCalls.cuLibraryLoadData(&library, $0, nil, nil, 0, nil, nil, 0)
        }
        try Harness.check(loaded)
        try Harness.check(SoftCalls.cuLibraryGetKernel(&kernel, library, "increment"))
        var (address, size): (UInt64, Int) = (0, 0)
        try Harness.check(SoftCalls.cuLibraryGetManaged(&address, &size, library, "counter"))
        #expect(SoftCalls.cuLibraryGetManaged(&address, &size, library, "increment") == 500)
        #expect(size == 4)
        let variable = try #require(UnsafePointer<UInt32>(bitPattern: UInt(address)))
        #expect(variable.pointee == 5)
        let increment = try #require(kernel)
        for device: Int32 in [0, 1, 0] {
            try Harness.inContext(of: device) { _ in
                try Harness.check(Harness.launch(increment, []))
                try Harness.check(SoftCalls.cuCtxSynchronize())
                var inContext: UInt64 = 0
                let found = SoftCalls.cuLibraryGetGlobal(&inContext, nil, library, "counter")
                #expect(found == 0 && inContext == address)
                var isManaged: UInt32 = 0
                try Harness.check(SoftCalls.cuPointerGetAttribute(&isManaged, 8, address))
                #expect(isManaged == 1)
                #expect(SoftCalls.cuMemFree_v2(address) == 1)
                #expect(SoftCalls.cuMemFreeHost(.init(bitPattern: UInt(address))) == 1)
            }
        }
        #expect(variable.pointee == 8)
        try Harness.check(SoftCalls.cuLibraryUnload(library))
    }

    @Test func allocationsAreUsedByTheHost() throws {
        try Harness.inContext { _ in
            var address: UInt64 = 0
            try Harness.check(SoftCalls.cuMemAllocManaged(&address, 64, 1))
            #expect(SoftCalls.cuMemAllocManaged(&address, 64, 3) == 1)
            let list = try #require(UnsafeMutablePointer<UInt32>(bitPattern: UInt(address)))
            list.update(repeating: 0, count: 16)
            let append = try Harness.kernel(Kernels.append, "append")
            try Harness.check(Harness.launch(append, [address, 77]))
            try Harness.check(SoftCalls.cuCtxSynchronize())
            #expect(list[0] == 1 && list[1] == 77)
            #expect(SoftCalls.cuMemPrefetchAsync(address, 64, 0, nil) == 0)
            #expect(SoftCalls.cuMemPrefetchAsync(address, 65, 0, nil) == 1)
            #expect(SoftCalls.cuMemPrefetchAsync(try Harness.allocate(64), 64, 0, nil) == 1)
            try Harness.check(SoftCalls.cuMemFree_v2(address))
        }
    }

    @Test func setsAndCopiesAreDoneWhenTheyReturn() throws {
        try Harness.inContext { _ in
            var address: UInt64 = 0
            try Harness.check(SoftCalls.cuMemAllocManaged(&address, 64, 1))
            let bytes = try #require(UnsafeMutablePointer<UInt8>(bitPattern: UInt(address)))
            let device = try Harness.allocate(64)
            // The default stream has something to do for a while.
            let pause: CUhostFn = { _ in usleep(100_000) }
            for value: UInt8 in [7, 9] {
                try Harness.check(SoftCalls.cuLaunchHostFunc(nil, pause, nil))
                try Harness.check(SoftCalls.cuMemsetD8_v2(address, value, 64))
                #expect(bytes[63] == value)
                try Harness.check(SoftCalls.cuMemsetD8_v2(device, value + 1, 64))
                try Harness.check(SoftCalls.cuLaunchHostFunc(nil, pause, nil))
                try Harness.check(SoftCalls.cuMemcpyDtoD_v2(address, device, 64))
                #expect(bytes[0] == value + 1)
            }
            try Harness.check(SoftCalls.cuMemFree_v2(address))
        }
    }
}
