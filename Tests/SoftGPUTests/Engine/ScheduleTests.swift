import SoftGPU
import Testing

@Suite struct ScheduleTests {
    /// `order`: the first lane of each warp notes the warp's number where a counter says.
    /// `chain`: each block waits for the one before it, and adds its number to what that one left.
    private static let source = """
        .version 7.0
        .target sm_75
        .address_size 64
        .visible .entry order(.param .u64 list, .param .u64 counter)
        {
            .reg .pred %p; .reg .b32 %r<8>; .reg .b64 %d<4>;
            ld.param.u64 %d0, [list];
            ld.param.u64 %d1, [counter];
            mov.u32 %r0, %tid.x;
            and.b32 %r1, %r0, 31;
            setp.ne.u32 %p, %r1, 0;
            @%p bra DONE;
            mov.u32 %r2, %ctaid.x;
            mov.u32 %r3, %ntid.x;
            mad.lo.u32 %r4, %r2, %r3, %r0;
            shr.u32 %r4, %r4, 5;
            atom.global.add.u32 %r5, [%d1], 1;
            mul.wide.u32 %d2, %r5, 4;
            add.u64 %d2, %d0, %d2;
            st.global.u32 [%d2], %r4;
        DONE:
            ret;
        }
        .visible .entry chain(.param .u64 sums, .param .u64 flags)
        {
            .reg .pred %p; .reg .b32 %r<8>; .reg .b64 %d<8>;
            ld.param.u64 %d0, [sums];
            ld.param.u64 %d1, [flags];
            mov.u32 %r0, %ctaid.x;
            mul.wide.u32 %d2, %r0, 4;
            add.u64 %d3, %d0, %d2;
            add.u64 %d4, %d1, %d2;
            mov.u32 %r1, 0;
            setp.eq.u32 %p, %r0, 0;
            @%p bra READY;
        WAIT:
            ld.acquire.gpu.global.u32 %r2, [%d4+-4];
            setp.eq.u32 %p, %r2, 0;
            @%p bra WAIT;
            ld.global.u32 %r1, [%d3+-4];
        READY:
            add.u32 %r1, %r1, %r0;
            st.global.u32 [%d3], %r1;
            mov.u32 %r2, 1;
            st.release.gpu.global.u32 [%d4], %r2;
            ret;
        }
        """

    private func order(seed: UInt64?, threads: Int = 2, launches: Int = 1) throws -> [[UInt32]] {
        let device = try Device(threads: threads, megabytes: 16, seed: seed)
        let module = try device.module(Self.source)
        return try (0..<launches).map { _ in
            let list = try device.zeros(64, UInt32.self)
            let counter = try device.zeros(1, UInt32.self)
            try device.run(module, "order", grid: Dimensions(16), block: Dimensions(128)) {
                $0.append(list)
                $0.append(counter)
            }
            return device.download(list, 64, UInt32.self)
        }
    }

    @Test func `without a seed one thread goes from the first to the last`() throws {
        #expect(try order(seed: nil, threads: 1) == [Array(0..<64)])
    }

    @Test func `a seed draws an order, the same each time`() throws {
        var orders: Set<[UInt32]> = []
        for seed in 0..<8 as Range<UInt64> {
            let drawn = try order(seed: seed, launches: 3)
            #expect(try order(seed: seed, launches: 3) == drawn)
            for list in drawn { #expect(list.sorted() == Array(0..<64)) }
            #expect(Set(drawn).count == 3, "each launch has its own")
            orders.formUnion(drawn)
        }
        #expect(orders.count == 24)
        #expect(orders.contains { $0 != $0.sorted() })
    }

    @Test(arguments: 0..<16 as Range<UInt64>)
    func `blocks that wait for others come to an end in any order`(_ seed: UInt64) throws {
        let device = try Device(megabytes: 64, seed: seed)
        let module = try device.module(Self.source)
        let count = 200
        let sums = try device.zeros(count, UInt32.self)
        let flags = try device.zeros(count, UInt32.self)
        try device.run(module, "chain", grid: Dimensions(UInt32(count)), block: Dimensions(1)) {
            $0.append(sums)
            $0.append(flags)
        }
        let found = device.download(sums, count, UInt32.self)
        let right: [UInt32] = (0..<UInt32(count)).map { $0 * ($0 + 1) / 2 }
        #expect(found == right)
    }

    @Test(arguments: [1, 2, 3, 7, 64, 97, 1000])
    func `every block runs once`(_ count: Int) throws {
        for seed in 1...5 as ClosedRange<UInt64> {
            let device = try Device(megabytes: 16, seed: seed)
            let module = try device.module(Self.source)
            let list = try device.zeros(count, UInt32.self)
            let counter = try device.zeros(1, UInt32.self)
            try device.run(module, "order", grid: Dimensions(UInt32(count)), block: Dimensions(32))
            {
                $0.append(list)
                $0.append(counter)
            }
            let found = device.download(list, count, UInt32.self).sorted()
            #expect(found == Array(0..<UInt32(count)))
        }
    }
}
