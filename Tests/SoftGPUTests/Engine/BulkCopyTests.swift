import SoftGPU
import Testing

/// `cp.async.bulk`: to shared memory and back, and what cannot be copied so.
@Suite struct BulkCopyTests {
    /// through(in, out, bytes): thread 0 fetches, all add 1 to their words, thread 0 brings back.
    private static func source(_ space: String) -> String {
        """
        .version 8.6
        .target sm_90
        .address_size 64
        .visible .entry through(.param .u64 p_in, .param .u64 p_out, .param .u32 p_bytes)
        {
          .reg .pred %p<3>;
          .reg .b32 %r<8>;
          .reg .b64 %rd<6>;
          .shared .align 16 .b8 buffer[1024];
          .shared .align 8 .b64 barrier;
          ld.param.u64 %rd1, [p_in];
          ld.param.u64 %rd2, [p_out];
          ld.param.u32 %r1, [p_bytes];
          cvta.to.global.u64 %rd1, %rd1;
          cvta.to.global.u64 %rd2, %rd2;
          mov.u32 %r2, %tid.x;
          mov.u32 %r3, buffer;
          mov.u32 %r4, barrier;
          setp.ne.u32 %p1, %r2, 0;
          @%p1 bra wait;
          mbarrier.init.shared::cta.b64 [%r4], 1;
          cp.async.bulk.shared::\(space).global.mbarrier::complete_tx::bytes [%r3], [%rd1], %r1, [%r4];
          mbarrier.arrive.expect_tx.shared::cta.b64 %rd3, [%r4], %r1;
        wait:
          bar.sync 0;
        again:
          mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r4], 0;
          @!%p2 bra again;
          shl.b32 %r5, %r2, 2;
          add.u32 %r5, %r3, %r5;
          ld.shared.u32 %r6, [%r5];
          add.u32 %r6, %r6, 1;
          st.shared.u32 [%r5], %r6;
          bar.sync 0;
          @%p1 bra end;
          fence.proxy.async.shared::cta;
          cp.async.bulk.global.shared::cta.bulk_group [%rd2], [%r3], %r1;
          cp.async.bulk.commit_group;
          cp.async.bulk.wait_group.read 0;
        end:
          ret;
        }
        """
    }

    private func run(
        _ device: Device,
        _ space: String,
        _ from: UInt64,
        _ to: UInt64,
        _ bytes: UInt32
    )
        throws
    {
        let module = try device.module(Self.source(space))
        try device.run(module, "through", block: Dimensions(64)) {
            $0.append(from)
            $0.append(to)
            $0.append(bytes)
        }
    }

    @Test(arguments: ["cta", "cluster"]) func thereAndBack(_ space: String) throws {
        let device = try Device()
        let (from, to) = (
            try device.upload((0..<64).map { UInt32($0) }), try device.zeros(64, UInt32.self)
        )
        try run(device, space, from, to, 240)
        let expected = (0..<64).map { UInt32($0 < 60 ? $0 + 1 : 0) }
        #expect(device.download(to, 64, UInt32.self) == expected)
    }

    /// Bytes that the allocation does not have, that are no multiple of 16, an address that is none.
    @Test(arguments: [(UInt64(0), UInt32(272), Int32(700)), (0, 8, 716), (8, 16, 716)])
    func whatCannotBeCopied(_ offset: UInt64, _ bytes: UInt32, _ code: Int32) throws {
        let device = try Device()
        let (from, to) = (try device.zeros(64, UInt32.self), try device.zeros(64, UInt32.self))
        let fault = device.fault { try run(device, "cta", from + offset, to, bytes) }
        #expect(fault?.code == code)
    }
}
