import CUDAABI
import SoftGPU
import Testing

@Suite("Launches on the software GPU")
struct LaunchTests {
    private static let bounded =
        Kernels.head + """
            .visible .entry bounded(.param .u64 unused) .maxntid 128, 1, 1
            {
                .shared .align 4 .b8 scratch[1024];
                .reg .b32 %r<2>;
                mov.u32 %r1, 0;
                st.shared.u32 [scratch], %r1;
                ret;
            }
            """

    private func launch(
        _ function: OpaquePointer,
        _ grid: (UInt32, UInt32, UInt32),
        _ block: (UInt32, UInt32, UInt32),
        shared: UInt32 = 0
    ) -> CUresult {
        var value: UInt64 = 0
        return withUnsafeMutablePointer(to: &value) { value in
            var parameters: [UnsafeMutableRawPointer?] = [UnsafeMutableRawPointer(value)]
            return SoftCalls.cuLaunchKernel(
                function,
                grid.0,
                grid.1,
                grid.2,
                block.0,
                block.1,
                block.2,
                shared,
                nil,
                &parameters,
                nil
            )
        }
    }

    @Test func extentsAreChecked() throws {
        try Harness.inContext { _ in
            let kernel = try Harness.kernel(Self.bounded, "bounded")
            #expect(launch(kernel, (1, 1, 1), (128, 1, 1)) == 0)
            #expect(launch(kernel, (0, 1, 1), (1, 1, 1)) == 1)
            #expect(launch(kernel, (1, 1, 1), (1, 0, 1)) == 1)
            #expect(launch(kernel, (1, 1, 1), (129, 1, 1)) == 1)
            #expect(launch(kernel, (1, 1, 1), (1, 1, 65)) == 1)
            #expect(launch(kernel, (1, 65_536, 1), (1, 1, 1)) == 1)
            #expect(launch(kernel, (1, 1, 65_536), (1, 1, 1)) == 1)
            try Harness.check(SoftCalls.cuCtxSynchronize())
        }
    }

    @Test func sharedMemoryMustBeAskedFor() throws {
        try Harness.inContext { _ in
            let kernel = try Harness.kernel(Self.bounded, "bounded")
            var value: Int32 = 0
            try Harness.check(SoftCalls.cuFuncGetAttribute(&value, 8, kernel))
            #expect(value == 49_152 - 1024)
            #expect(launch(kernel, (1, 1, 1), (1, 1, 1), shared: 49_152 - 1024) == 0)
            #expect(launch(kernel, (1, 1, 1), (1, 1, 1), shared: 49_152) == 1)
            try Harness.check(SoftCalls.cuFuncSetAttribute(kernel, 8, 60_000))
            #expect(launch(kernel, (1, 1, 1), (1, 1, 1), shared: 60_000) == 0)
            #expect(SoftCalls.cuFuncSetAttribute(kernel, 8, 1 << 20) == 1)
            #expect(SoftCalls.cuFuncSetAttribute(kernel, 8, -1) == 1)
            try Harness.check(SoftCalls.cuCtxSynchronize())
        }
    }

    @Test func attributesDescribeTheKernel() throws {
        try Harness.inContext { _ in
            let kernel = try Harness.kernel(Self.bounded, "bounded")
            func attribute(_ number: Int32) -> Int32? {
                var value: Int32 = -1
                return SoftCalls.cuFuncGetAttribute(&value, number, kernel) == 0 ? value : nil
            }
            #expect(attribute(0) == 128)
            #expect(attribute(1) == 1024)
            #expect(attribute(5) == 75)
            #expect(attribute(6) == 120)
            #expect(attribute(16) == nil)
        }
    }

    @Test func parametersAreNeeded() throws {
        try Harness.inContext { _ in
            let kernel = try Harness.kernel(Kernels.append, "append")
            func bare(_ extra: UnsafeMutablePointer<UnsafeMutableRawPointer?>?) -> CUresult {
                SoftCalls.cuLaunchKernel(kernel, 1, 1, 1, 1, 1, 1, 0, nil, nil, extra)
            }
            #expect(bare(nil) == 1)
            let list = try Harness.allocate(64)
            try Harness.check(SoftCalls.cuMemsetD32_v2(list, 0, 16))
            var block: [UInt64] = [list, 77]
            var size = 16
            try block.withUnsafeMutableBytes { block in
                try withUnsafeMutableBytes(of: &size) { size in
                    var extra: [UnsafeMutableRawPointer?] = [
                        .init(bitPattern: 1), block.baseAddress, .init(bitPattern: 2),
                        size.baseAddress, nil,
                    ]
                    try Harness.check(bare(&extra))
                    // What is left out is zero.
                    size.storeBytes(of: 8, as: Int.self)
                    try Harness.check(bare(&extra))
                    size.storeBytes(of: -1, as: Int.self)
                    #expect(bare(&extra) == 1)
                }
            }
            #expect(try Harness.read(list, count: 3) == [2, 77, 0])
        }
    }

    @Test func occupancyFollowsTheResources() throws {
        try Harness.inContext { _ in
            let kernel = try Harness.kernel(Kernels.append, "append")
            var blocks: Int32 = 0
            func resident(_ size: Int32, _ shared: Int) throws -> Int32 {
                try Harness.check(
                    SoftCalls.cuOccupancyMaxActiveBlocksPerMultiprocessor(
                        &blocks,
                        kernel,
                        size,
                        shared
                    )
                )
                return blocks
            }
            #expect(try resident(1024, 0) == 1)
            #expect(try resident(512, 0) == 3)
            #expect(try resident(32, 0) == 24)
            #expect(try resident(32, 48 << 10) == 2)
            #expect(try resident(32, 1 << 20) == 0)
            var (grid, block): (Int32, Int32) = (0, 0)
            try Harness.check(
                SoftCalls.cuOccupancyMaxPotentialBlockSize(&grid, &block, kernel, nil, 0, 0)
            )
            #expect(Int(grid) * Int(block) == 16 * 1536)
        }
    }

    /// A kernel may name far more registers than a real one has: blocks of the size that its
    /// attributes promise must fit all the same: CUB divides by their number, and cuFFT gives a
    /// plan up (its kernel for 101 points has blocks of 408).
    @Test(arguments: [
        ("", 1024, 1), (".maxntid 408, 1, 1", 408, 1),
        (".maxntid 408, 1, 1 .minnctapersm 3", 408, 3),
        (".maxntid 1000, 1, 1 .minnctapersm 9", 1000, 1),
    ])
    func kernelsWithManyRegistersFit(limits: String, most: Int32, least: Int32) throws {
        let sums = (1..<300).map { "add.u32 %r\($0), %r\($0 - 1), \($0);" }
        let text =
            Kernels.head + """
                .visible .entry many(.param .u64 unused) \(limits)
                {
                    .reg .b32 %r<300>;
                    mov.u32 %r0, %tid.x;
                    \(sums.joined(separator: "\n"))
                    ret;
                }
                """
        try Harness.inContext { _ in
            let kernel = try Harness.kernel(text, "many")
            var (threads, registers, blocks): (Int32, Int32, Int32) = (0, 0, 0)
            try Harness.check(SoftCalls.cuFuncGetAttribute(&threads, 0, kernel))
            try Harness.check(SoftCalls.cuFuncGetAttribute(&registers, 4, kernel))
            try Harness.check(
                SoftCalls.cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, threads, 0)
            )
            #expect(threads == most)
            #expect(blocks >= least)
            #expect(registers * threads * least <= 65_536)
        }
    }
}
