/// PTX written by hand in the manner of the compilers that programs come from.
enum Corpus {
    static let all = [typed, untyped, calls, plain, jit, modern, debug]

    /// Typed code, as for compute_75.
    static let typed = """
        //
        // written by hand
        //
        .version 8.5
        .target sm_75
        .address_size 64

        \t// .globl\tsaxpy
        .global .align 4 .b8 names[8] = {115, 97, 120, 112, 121};
        .const .align 4 .f32 factors[3] = {0f3F800000, 0f40000000, 0f40400000};

        .visible .entry saxpy(
        \t.param .u32 saxpy_param_0,
        \t.param .f32 saxpy_param_1,
        \t.param .u64 saxpy_param_2,
        \t.param .u64 saxpy_param_3
        )
        .maxntid 256, 1, 1
        .minnctapersm 2
        {
        \t.reg .pred \t%p<3>;
        \t.reg .f32 \t%f<5>;
        \t.reg .b32 \t%r<8>;
        \t.reg .b64 \t%rd<10>;
        \t// demoted variable
        \t.shared .align 4 .b8 tile[1024];

        \tld.param.u32 \t%r2, [saxpy_param_0];
        \tld.param.f32 \t%f1, [saxpy_param_1];
        \tld.param.u64 \t%rd1, [saxpy_param_2];
        \tld.param.u64 \t%rd2, [saxpy_param_3];
        \tmov.u32 \t%r3, %ctaid.x;
        \tmov.u32 \t%r4, %ntid.x;
        \tmov.u32 \t%r5, %tid.x;
        \tmad.lo.s32 \t%r1, %r3, %r4, %r5;
        \tsetp.ge.s32 \t%p1, %r1, %r2;
        \t@%p1 bra \t$L__BB0_3;

        \tcvta.to.global.u64 \t%rd3, %rd1;
        \tmul.wide.s32 \t%rd4, %r1, 4;
        \tadd.s64 \t%rd5, %rd3, %rd4;
        \tcvta.to.global.u64 \t%rd6, %rd2;
        \tadd.s64 \t%rd7, %rd6, %rd4;
        \tld.global.nc.f32 \t%f2, [%rd5];
        \tld.global.f32 \t%f3, [%rd7];
        \tfma.rn.f32 \t%f4, %f1, %f2, %f3;
        \tst.global.f32 \t[%rd7], %f4;
        \tmov.u64 \t%rd8, tile;
        \tld.shared.u32 \t%r6, [tile+8];
        \tld.const.f32 \t%f1, [factors+4];
        \tsetp.eq.s32 \t%p2, %r6, 0;
        \tselp.b32 \t%r7, 1, 0, %p2;

        $L__BB0_3:
        \tret;

        }
        """

    /// Code without types, as for compute_120.
    static let untyped = """
        .version 9.0
        .target sm_120
        .address_size 64

        .extern .shared .align 16 .b8 scratch[];
        .global .align 8 .u64 pointers[3] = {generic(names), generic(names)+4, 0};
        .global .align 1 .b8 names[6] = {97, 98, 99, 0, 100};

        .visible .entry reduce(
        \t.param .u64 .ptr .align 1 reduce_param_0,
        \t.param .align 8 .b8 reduce_param_1[24],
        \t.param .u32 reduce_param_2
        )
        {
        \t.reg .pred \t%p<4>;
        \t.reg .b16 \t%rs<3>;
        \t.reg .b32 \t%r<14>;
        \t.reg .b64 \t%rd<6>;

        \tld.param.b64 \t%rd1, [reduce_param_0];
        \tld.param.b32 \t%r1, [reduce_param_2];
        \tld.param.v2.b32 \t{%r2, %r3}, [reduce_param_1+8];
        \tmov.u32 \t%r4, %tid.x;
        \tshl.b32 \t%r5, %r4, 2;
        \tmov.b32 \t%r6, scratch;
        \tadd.s32 \t%r7, %r6, %r5;
        \tst.shared.b32 \t[%r7], %r2;
        \tbar.sync \t0;
        $L__BB0_1:
        \tshr.u32 \t%r1, %r1, 1;
        \tsetp.eq.b32 \t%p1, %r1, 0;
        \t@%p1 bra \t$L__BB0_3;
        \tshfl.sync.down.b32 \t%r8|%p2, %r2, %r1, 31, -1;
        \t@!%p2 mov.b32 \t%r8, 0f00000000;
        \tadd.f32 \t%r2, %r2, %r8;
        \tbra.uni \t$L__BB0_1;
        $L__BB0_3:
        \t// begin inline asm
        \t{ .reg .b16 low;
        \t.reg.b32 t<2>;
        \t cvt.rn.f16.f32 low, %r2; mov.b32 t1, {low, low}; mov.b32 %r9, t1; }
        \t// end inline asm
        \tcvta.to.global.u64 \t%rd2, %rd1;
        \tatom.global.add.f32 \t%r10, [%rd2], %r2;
        \tred.global.max.s32 \t[%rd2+4], %r9;
        \tst.global.v4.b32 \t[%rd2+16], {%r2, %r3, %r8, %r9};
        \tret;
        }
        """

    /// Calls: direct, indirect, with structures, and of the runtime.
    static let calls = """
        .version 8.0
        .target sm_80
        .address_size 64
        .extern .func  (.param .b32 func_retval0) vprintf
        (
        \t.param .b64 vprintf_param_0,
        \t.param .b64 vprintf_param_1
        )
        ;
        .extern .func __assertfail
        (
        \t.param .b64 __assertfail_param_0,
        \t.param .b32 __assertfail_param_1
        )
        .noreturn;
        .func  (.param .b64 func_retval0) _Z3fibi(.param .b32 _Z3fibi_param_0);
        .global .align 8 .u64 table[2] = {_Z3fibi, _Z3fibi};
        .global .align 1 .b8 $str[4] = {37, 100, 10};

        .func  (.param .b64 func_retval0) _Z3fibi(
        \t.param .b32 _Z3fibi_param_0
        )
        {
        \t.reg .pred \t%p<2>;
        \t.reg .b32 \t%r<4>;
        \t.reg .b64 \t%rd<5>;
        \tld.param.u32 \t%r1, [_Z3fibi_param_0];
        \tsetp.lt.s32 \t%p1, %r1, 2;
        \tcvt.s64.s32 \t%rd4, %r1;
        \t@%p1 bra \t$L__BB0_2;
        \tadd.s32 \t%r2, %r1, -1;
        \t{ // callseq 0, 0
        \t.reg .b32 temp_param_reg;
        \t.param .b32 param0;
        \tst.param.b32 \t[param0+0], %r2;
        \t.param .b64 retval0;
        \tcall.uni (retval0),
        \t_Z3fibi,
        \t(
        \tparam0
        \t);
        \tld.param.b64 \t%rd4, [retval0+0];
        \t} // callseq 0
        $L__BB0_2:
        \tst.param.b64 \t[func_retval0+0], %rd4;
        \tret;
        }

        .visible .entry main_kernel(.param .u64 main_kernel_param_0)
        {
        \t.local .align 8 .b8 \t__local_depot1[16];
        \t.reg .b64 \t%SP;
        \t.reg .b64 \t%SPL;
        \t.reg .b32 \t%r<4>;
        \t.reg .b64 \t%rd<8>;
        \tmov.u64 \t%SPL, __local_depot1;
        \tcvta.local.u64 \t%SP, %SPL;
        \tadd.u64 \t%rd1, %SP, 0;
        \tst.local.u32 \t[%SPL+4], %r1;
        \tld.global.u64 \t%rd2, [table+8];
        \t{
        \t.param .b32 param0;
        \tst.param.b32 \t[param0+0], %r1;
        \t.param .b64 retval0;
        \tprototype_1 : .callprototype (.param .b64 _) _ (.param .b32 _);
        \tcall (retval0),
        \t%rd2,
        \t(
        \tparam0
        \t)
        \t, prototype_1;
        \tld.param.b64 \t%rd3, [retval0+0];
        \t}
        \tmov.u64 \t%rd4, $str;
        \tcvta.global.u64 \t%rd5, %rd4;
        \t{
        \t.param .b64 param0;
        \tst.param.b64 \t[param0+0], %rd5;
        \t.param .b64 param1;
        \tst.param.b64 \t[param1+0], %rd1;
        \t.param .b32 retval0;
        \tcall.uni (retval0), vprintf, (param0, param1);
        \tld.param.b32 \t%r2, [retval0+0];
        \t}
        \tret;
        }
        """

    /// The manner of the LLVM back end.
    static let plain = """
        //
        // Generated by LLVM NVPTX Back-End
        //
        .version 7.0
        .target sm_80
        .address_size 64
        .visible .entry switcher(
        \t.param .u64 .ptr .align 1 switcher_param_0
        )
        {
        \t.reg .pred \t%p<2>;
        \t.reg .b32 \t%r<4>;
        \t.reg .b64 \t%rd<2>;
        // %bb.0:
        \tld.param.u64 \t%rd1, [switcher_param_0];
        \tld.u32 \t%r1, [%rd1];
        \tsetp.gt.u32 \t%p1, %r1, 2;
        \t@%p1 bra \t$L__BB0_4;
        \t$L_brx_0: .branchtargets
        \t\t$L__BB0_1,
        \t\t$L__BB0_2,
        \t\t$L__BB0_4;
        \tbrx.idx \t%r1, $L_brx_0;
        $L__BB0_1:
        \tst.u32 \t[%rd1], 5;
        \tbra.uni \t$L__BB0_4;
        $L__BB0_2:                              // %two
        \tst.u32 \t[%rd1+4], -7;
        $L__BB0_4:
        \tret;
                                                // -- End function
        }
        """

    /// The manner of just-in-time compilers: shared memory at module scope, mangled names.
    static let jit = """
        .version 8.4
        .target sm_80
        .address_size 64
        .visible .global .align 4 .u32 _ZN08NumbaEnv8__main__3addB2v1B94cw51cXTLSUwv1sDUaKthaIAE;
        .shared .align 4 .b8 _ZN8__main__5tile_E[1024];
        .extern .shared .align 16 .b8 global_smem[];
        .common .global .align 8 .u64 _cudapy_env;
        .visible .entry _ZN8__main__3addB2v1E5ArrayIfLi1E1C7mutable7alignedE(
        .param .u64 p_0, .param .u64 p_1, .param .u64 p_2
        )
        .maxntid 128, 1, 1
        .pragma "nounroll";
        {
        .reg .pred %p<3>; .reg .b32 %r<30>; .reg .b64 %rd<9>;
        ld.param.u64 %rd1, [p_0];
        mov.u32 %r1, %tid.x;
        and.b32 %r2, %r1, 127;
        @%p1 ld.global.v4.b32 { %r4, %r5, %r6, %r7 }, [ %rd1 + 0 ];
        mov.u32 %r8, 0x0;
        mov.u32 %r9, global_smem;
        @!%p2 st.shared.b32 [ %r9 + 0 ], { %r4 };
        mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 { %r10, %r11, %r12, %r13 },
            { %r4, %r5, %r6, %r7 }, { %r8, %r9 }, { %r10, %r11, %r12, %r13 };
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r14, %r15, %r16, %r17}, [%r9+64];
        cp.async.cg.shared.global [ %r9 + 0 ], [ %rd1 + 0 ], 0x10, %r2;
        cp.async.commit_group ;
        cp.async.wait_group 0x1 ;
        lop3.b32 %r18, %r4, %r5, %r6, 0xEA;
        prmt.b32 %r19, %r4, %r5, 0x5410U;
        ret;
        }
        """

    /// Clusters, tensor copies, barriers in memory.
    static let modern = """
        .version 8.7
        .target sm_100a
        .address_size 64
        .visible .entry clustered(.param .align 64 .b8 map[128], .param .b64 out)
        .explicitcluster
        .reqnctapercluster 2, 1, 1
        {
        .reg .pred p, complete; .reg .b32 %r<8>; .reg .b64 %rd<4>, state;
        .shared .align 8 .b64 bar; .shared .align 128 .b8 buffer[4096];
        mov.b64 %rd1, map;
        cvta.param.u64 %rd2, %rd1;
        elect.sync %r1|p, -1;
        mov.b32 %r2, bar;
        @p mbarrier.init.shared::cta.b64 [%r2], 1;
        fence.mbarrier_init.release.cluster;
        barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;
        mov.b32 %r3, buffer;
        @p mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r2], 4096;
        @p cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes
            [%r3], [%rd2, {%r4, %r5}], [%r2];
        WAIT:
        mbarrier.try_wait.parity.shared::cta.b64 complete, [%r2], 0;
        @!complete bra WAIT;
        mapa.shared::cluster.u32 %r6, %r3, 1;
        ld.shared::cluster.b32 %r7, [%r6];
        mov.u32 %r7, %cluster_ctarank;
        mov.u32 %r7, %clusterid.x;
        ret;
        }
        """

    /// Debug information.
    static let debug = """
        .version 8.5
        .target sm_80, debug
        .address_size 64
        .func f() ;
        .file 1 "kernel.cu"
        .func f()
        {
        .reg .b64 %SP;
        $L__func_begin0:
        .loc 1 3 0
        tmp1:
        .loc\t1 4 7, function_name $L__info_string0, inlined_at 1 9 3
        ret;
        tmp2:
        $L__func_end0:
        }
        \t.section\t.debug_abbrev
        \t{
        .b8 1                                   // Abbreviation Code
        .b8 17
        \t}
        \t.section\t.debug_str
        \t{
        $L__info_string0:
        .b8 102,0
        .b64 tmp1
        \t}
        \t.section\t.debug_loc\t{\t}
        """
}
