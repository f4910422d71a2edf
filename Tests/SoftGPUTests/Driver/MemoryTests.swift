import CUDAABI
import SoftGPU
import Testing

@Suite("Memory of the software GPU")
struct MemoryTests {
    /// What is as large as a page of the GPU starts at one, as far as there is room.
    @Test func largeMemoryStartsAtAPage() throws {
        try Harness.inContext { _ in
            let small = try Harness.allocate(100)
            for bytes in [1 << 20, 3 << 20, 16_814_080] {
                let address = try Harness.allocate(bytes)
                #expect(address % (2 << 20) == 0)
                try Harness.check(SoftCalls.cuMemFree_v2(address))
            }
            try Harness.check(SoftCalls.cuMemFree_v2(small))
        }
    }

    @Test func isTakenAndGivenBack() throws {
        try Harness.inContext(of: 1) { _ in
            var (free, total) = (0, 0)
            try Harness.check(SoftCalls.cuMemGetInfo_v2(&free, &total))
            #expect(total == 64 << 20)
            let address = try Harness.allocate(10 << 20)
            var freeNow = 0
            try Harness.check(SoftCalls.cuMemGetInfo_v2(&freeNow, &total))
            #expect(free - freeNow == 10 << 20)
            try Harness.check(SoftCalls.cuMemFree_v2(address))
            try Harness.check(SoftCalls.cuMemGetInfo_v2(&freeNow, &total))
            #expect(freeNow == free)
        }
    }

    @Test func runsOut() throws {
        try Harness.inContext { _ in
            var address: UInt64 = 7
            #expect(SoftCalls.cuMemAlloc_v2(&address, 65 << 20) == 2)
            #expect(SoftCalls.cuMemAlloc_v2(&address, -1) == 2)
            #expect(SoftCalls.cuMemAlloc_v2(&address, 0) == 1)
            #expect(address == 7)
        }
    }

    @Test func isFreedOnce() throws {
        try Harness.inContext { _ in
            let address = try Harness.allocate(4096)
            #expect(SoftCalls.cuMemFree_v2(address + 256) == 1)
            #expect(SoftCalls.cuMemFree_v2(address) == 0)
            #expect(SoftCalls.cuMemFree_v2(address) == 1)
            #expect(SoftCalls.cuMemFree_v2(0) == 0)
        }
    }

    @Test func variablesOfModulesCannotBeFreed() throws {
        try Harness.inContext { _ in
            let text = Kernels.head + ".visible .global .align 4 .b8 table[1024];\n"
            var module: OpaquePointer?
            try Harness.check(text.withCString { SoftCalls.cuModuleLoadData(&module, $0) })
            var (address, bytes): (UInt64, Int) = (0, 0)
            try Harness.check(SoftCalls.cuModuleGetGlobal_v2(&address, &bytes, module, "table"))
            #expect(bytes == 1024)
            #expect(SoftCalls.cuMemFree_v2(address) == 1)
            #expect(SoftCalls.cuMemsetD8_v2(address, 5, 1024) == 0)
            #expect(SoftCalls.cuMemsetD8_v2(address, 5, 1025) == 1)
        }
    }

    @Test func copiesStayWithinAllocations() throws {
        try Harness.inContext { _ in
            let address = try Harness.allocate(100)
            var host = [UInt8](repeating: 1, count: 200)
            #expect(SoftCalls.cuMemcpyHtoD_v2(address, host, 100) == 0)
            #expect(SoftCalls.cuMemcpyHtoD_v2(address, host, 101) == 1)
            #expect(SoftCalls.cuMemcpyHtoD_v2(address + 50, host, 51) == 1)
            #expect(SoftCalls.cuMemcpyDtoH_v2(&host, address + 100, 1) == 1)
            #expect(SoftCalls.cuMemcpyDtoH_v2(&host, 0x1234, 1) == 1)
            #expect(SoftCalls.cuMemcpyDtoH_v2(nil, address, 1) == 1)
            #expect(SoftCalls.cuMemcpyDtoH_v2(&host, address, -1) == 1)
        }
    }

    @Test func pitchedCopiesAreCheckedAsAWhole() throws {
        try Harness.inContext { _ in
            let address = try Harness.allocate(10 * 16)
            let host = (0..<60).map { UInt8($0) }
            try host.withUnsafeBytes { source in
                var copy = CUDA_MEMCPY2D()
                copy.srcMemoryType = 1
                copy.srcHost = source.baseAddress
                copy.srcPitch = 6
                copy.dstMemoryType = 2
                copy.dstDevice = address
                copy.dstPitch = 16
                copy.WidthInBytes = 6
                copy.Height = 10
                try Harness.check(SoftCalls.cuMemcpy2D_v2(&copy))
                copy.dstPitch = 18
                #expect(SoftCalls.cuMemcpy2D_v2(&copy) == 1)
                copy.dstPitch = 5
                #expect(SoftCalls.cuMemcpy2D_v2(&copy) == 1)
                copy.dstPitch = Int.max
                #expect(SoftCalls.cuMemcpy2D_v2(&copy) == 1)
            }
            var back = [UInt8](repeating: 0, count: 160)
            try Harness.check(SoftCalls.cuMemcpyDtoH_v2(&back, address, 160 - 10))
            #expect(Array(back[16..<22]) == Array(host[6..<12]))
            #expect(Array(back[144..<150]) == Array(host[54..<60]))
        }
    }

    @Test func endsWithItsContext() throws {
        var kept: UInt64 = 0
        try Harness.inContext { _ in kept = try Harness.allocate(4096) }
        try Harness.inContext { _ in
            var byte: UInt8 = 0
            #expect(SoftCalls.cuMemcpyDtoH_v2(&byte, kept, 1) == 1)
        }
    }

    @Test func pinnedMemoryIsKnown() throws {
        try Harness.inContext { context in
            var pointer: UnsafeMutableRawPointer?
            try Harness.check(SoftCalls.cuMemHostAlloc(&pointer, 5000, 0))
            let address = UInt64(UInt(bitPattern: pointer))
            var type: UInt32 = 0
            try Harness.check(SoftCalls.cuPointerGetAttribute(&type, 2, address + 4999))
            #expect(type == 1)
            #expect(SoftCalls.cuPointerGetAttribute(&type, 2, address + 5000) == 1)
            var owner: OpaquePointer?
            try Harness.check(SoftCalls.cuPointerGetAttribute(&owner, 1, address))
            #expect(owner == context)
            #expect(SoftCalls.cuMemHostRegister_v2(pointer, 100, 0) == 712)
            #expect(SoftCalls.cuMemHostUnregister(pointer) == 713)
            #expect(SoftCalls.cuMemFreeHost(pointer) == 0)
            #expect(SoftCalls.cuMemFreeHost(pointer) == 1)
        }
    }
}
