import CUDAABI
import SoftDevice
import SoftGPU
import Testing

/// `FERRY_SOFT_GPU_LAUNCH`: launches that are checked and not executed.
@Suite("Pretended launches on the software GPU")
struct PretendedLaunchTests {
    private static let invalidValue: CUresult = 1
    private static let invalidHandle: CUresult = 400

    /// Launches `append` some times in a context whose launches are `launches`; what it has written.
    private func appended(_ launches: Configuration.Launch, times: Int) throws -> UInt32 {
        var words: [UInt32] = []
        try Harness.inContext { context in
            try Harness.check(SoftCalls.setLaunches(launches, in: context))
            let kernel = try Harness.kernel(Kernels.append, "append")
            let list = try Harness.allocate(64)
            try Harness.check(SoftCalls.cuMemsetD8_v2(list, 0, 64))
            for _ in 0..<times { #expect(Harness.launch(kernel, [list, 7]) == 0) }
            try Harness.check(SoftCalls.cuCtxSynchronize())
            words = try Harness.read(list, count: 1)
        }
        return try #require(words.first)
    }

    @Test func nothingIsExecuted() throws {
        #expect(try appended(.run, times: 3) == 3)
        #expect(try appended(.null, times: 3) == 0)
        #expect(try appended(.busy(nanoseconds: 10), times: 3) == 0)
    }

    @Test func theThreadIsKeptBusy() throws {
        try Harness.inContext { context in
            try Harness.check(SoftCalls.setLaunches(.busy(nanoseconds: 2_000_000), in: context))
            let kernel = try Harness.kernel(Kernels.append, "append")
            let clock = ContinuousClock()
            let first = clock.measure { #expect(Harness.launch(kernel, [0, 0]) == 0) }
            let second = clock.measure { #expect(Harness.launch(kernel, [0, 0]) == 0) }
            #expect(first >= .milliseconds(2))
            #expect(second >= .milliseconds(2))
        }
    }

    @Test func checksStay() throws {
        try Harness.inContext { context in
            try Harness.check(SoftCalls.setLaunches(.null, in: context))
            let kernel = try Harness.kernel(Kernels.append, "append")
            for _ in 0..<2 {
                #expect(Harness.launch(kernel, [0, 0]) == 0)
                #expect(Harness.launch(kernel, grid: 0, [0, 0]) == Self.invalidValue)
                #expect(Harness.launch(kernel, block: 2048, [0, 0]) == Self.invalidValue)
                let missing = SoftCalls.cuLaunchKernel(
                    kernel,
                    1,
                    1,
                    1,
                    1,
                    1,
                    1,
                    0,
                    nil,
                    nil,
                    nil
                )
                #expect(missing == Self.invalidValue)
            }
        }
    }

    @Test func endedHandlesAreRefused() throws {
        try Harness.inContext { context in
            try Harness.check(SoftCalls.setLaunches(.null, in: context))
            var module: OpaquePointer?
            var function: OpaquePointer?
            var stream: OpaquePointer?
            try Harness.check(
                Kernels.append.withCString { SoftCalls.cuModuleLoadData(&module, $0) }
            )
            try Harness.check(SoftCalls.cuModuleGetFunction(&function, module, "append"))
            try Harness.check(SoftCalls.cuStreamCreate(&stream, 0))
            let kernel = try #require(function)
            for _ in 0..<2 {
                #expect(Harness.launch(kernel, stream: stream, [0, 0]) == 0)
            }
            try Harness.check(SoftCalls.cuStreamDestroy_v2(stream))
            #expect(Harness.launch(kernel, stream: stream, [0, 0]) == Self.invalidHandle)
            #expect(Harness.launch(kernel, [0, 0]) == 0)
            try Harness.check(SoftCalls.cuModuleUnload(module))
            #expect(Harness.launch(kernel, [0, 0]) == Self.invalidHandle)
        }
    }

    @Test func aChangedAttributeCounts() throws {
        try Harness.inContext { context in
            try Harness.check(SoftCalls.setLaunches(.null, in: context))
            let kernel = try Harness.kernel(Kernels.append, "append")
            for _ in 0..<2 { #expect(Harness.launch(kernel, shared: 16_384, [0, 0]) == 0) }
            // The most dynamic shared memory that the kernel may have.
            try Harness.check(SoftCalls.cuFuncSetAttribute(kernel, 8, 8192))
            #expect(Harness.launch(kernel, shared: 16_384, [0, 0]) == Self.invalidValue)
        }
    }
}
