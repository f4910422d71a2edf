import PTX
import Testing

@Suite struct OperandTests {
    static let registers = """
        .reg .pred %p<4>; .reg .b32 %r<10>; .reg .b64 %rd<5>; .reg .f32 %f<5>; .reg .v4 .f32 %v;

        """

    /// Statement, and its normal form.
    static let cases: [(String, String)] = [
        ("ret;", "ret"),
        ("add.s32 %r1,%r2,%r3;", "add.s32 %r1#0, %r2#1, %r3#2"),
        ("add.s32 %r1, %r1, -5;", "add.s32 %r1#0, %r1#0, -5"),
        ("@%p1 ret;", "@%p1#0 ret"),
        ("@!%p1 ret;", "@!%p1#0 ret"),
        ("@ ! %p1 ret;", "@!%p1#0 ret"),
        ("setp.lt.s32 %p1|%p2, %r1, 7;", "setp.lt.s32 %p1#0|%p2#1, %r1#2, 7"),
        ("setp.lt.s32 %p1|_, %r1, 7;", "setp.lt.s32 %p1#0|_, %r1#1, 7"),
        ("setp.eq.and.s32 _|%p1, %r1, 7, !%p2;", "setp.eq.and.s32 _|%p1#0, %r1#1, 7, !%p2#2"),
        (
            "shfl.sync.down.b32 %r1|%p1, %r2, 16, 31, -1;",
            "shfl.sync.down.b32 %r1#0|%p1#1, %r2#2, 16, 31, -1"
        ),
        ("atom.add.u32 _, [%rd1], 1;", "atom.add.u32 _, [%rd1#0], 1"),
        ("ld.global.u32 %r1, [%rd1];", "ld.global.u32 %r1#0, [%rd1#1]"),
        ("ld.global.u32 %r1, [%rd1+4];", "ld.global.u32 %r1#0, [%rd1#1+4]"),
        ("ld.global.u32 %r1, [%rd1+-4];", "ld.global.u32 %r1#0, [%rd1#1+-4]"),
        ("ld.global.u32 %r1, [ %rd1 - 4 ];", "ld.global.u32 %r1#0, [%rd1#1+-4]"),
        ("ld.global.u32 %r1, [%rd1+4*2+1];", "ld.global.u32 %r1#0, [%rd1#1+9]"),
        ("ld.global.u32 %r1, [16];", "ld.global.u32 %r1#0, [absolute+16]"),
        ("ld.global.u32 %r1, [var];", "ld.global.u32 %r1#0, [global0]"),
        ("ld.global.u32 %r1, [var+8];", "ld.global.u32 %r1#0, [global0+8]"),
        ("ld.global.u32 %r1, var[2];", "ld.global.u32 %r1#0, [global0+8]"),
        ("mov.u64 %rd1, var[2];", "mov.u64 %rd1#0, &global0+8"),
        ("mov.u64 %rd1, var;", "mov.u64 %rd1#0, &global0"),
        ("mov.u64 %rd1, var+12;", "mov.u64 %rd1#0, &global0+12"),
        ("mov.u64 %rd1, device;", "mov.u64 %rd1#0, &function0"),
        (
            "ld.global.v4.f32 {%f1,%f2,_,%f3}, [%rd1];",
            "ld.global.v4.f32 {%f1#0, %f2#1, _, %f3#2}, [%rd1#3]"
        ),
        ("ld.b32 %r1, [%rd1].unified;", "ld.b32 %r1#0, [%rd1#1]"),
        ("mov.b64 %rd1, {%r1, 0};", "mov.b64 %rd1#0, {%r1#1, 0}"),
        ("mov.f32 %f1, %v.y;", "mov.f32 %f1#0, %v#1.y"),
        ("mov.f32 %f1, %v.a;", "mov.f32 %f1#0, %v#1.w"),
        ("mov.u32 %r1, %tid.x;", "mov.u32 %r1#0, %tid[0]"),
        ("mov.u32 %r1, %nctaid.z;", "mov.u32 %r1#0, %nctaid[2]"),
        ("mov.v4.u32 {%r1,%r2,%r3,_}, %tid;", "mov.v4.u32 {%r1#0, %r2#1, %r3#2, _}, %tid[*]"),
        ("mov.u32 %r1, %envreg31;", "mov.u32 %r1#0, %envreg[31]"),
        ("mov.u32 %r1, %pm7;", "mov.u32 %r1#0, %pm[7]"),
        ("mov.u64 %rd1, %pm3_64;", "mov.u64 %rd1#0, %pm64[3]"),
        ("mov.u32 %r1, %lanemask_lt;", "mov.u32 %r1#0, %lanemask_lt[0]"),
        ("mov.u64 %rd1, %clock64;", "mov.u64 %rd1#0, %clock64[0]"),
        ("mov.f32 %f1, 0f3F800000;", "mov.f32 %f1#0, 1.0f"),
        ("mov.f32 %f1, 0fBf800000;", "mov.f32 %f1#0, -1.0f"),
        ("mov.f64 %rd1, 0d4000000000000000;", "mov.f64 %rd1#0, 2.0d"),
        ("mov.f64 %rd1, -1.5e2;", "mov.f64 %rd1#0, -150.0d"),
        (
            "tex.2d.v4.f32.f32 {%f1,%f2,%f3,%f4}, [tex, {%f1,%f2}];",
            "tex.2d.v4.f32.f32 {%f1#0, %f2#1, %f3#2, %f4#3}, [[global1], {%f1#0, %f2#1}]"
        ),
        (
            "tex.2d.v4.f32.f32 {%f1,%f2,%f3,%f4}|%p1, [%rd1, samp, {%f1,%f2}];",
            """
            tex.2d.v4.f32.f32 {%f1#0, %f2#1, %f3#2, %f4#3}|%p1#4, \
            [[%rd1#5], &global2, {%f1#0, %f2#1}]
            """
        ),
        (
            "sust.b.1d.b32.trap [%rd1, {%r1}], {%r2};",
            "sust.b.1d.b32.trap [[%rd1#0], {%r1#1}], {%r2#2}"
        ),
        (
            "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes "
                + "[%r1], [%rd1, {%r2, %r3}], [%r4];",
            "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes "
                + "[%r1#0], [[%rd1#1], {%r2#2, %r3#3}], [%r4#4]"
        ),
        (
            "vadd.u32.u32.u32 %r1.h1, %r2.b0, %r3.b3, %r4;",
            "vadd.u32.u32.u32 %r1#0.h1, %r2#1.b0, %r3#2.b3, %r4#3"
        ),
        (
            "vmad.s32.s32.u32 %r1, %r2, -%r3.h0, -%r4;",
            "vmad.s32.s32.u32 %r1#0, %r2#1, -%r3#2.h0, -%r4#3"
        ),
        (
            "vadd4.u32.u32.u32 %r1.b310, %r2.b7654, %r3, %r4;",
            """
            vadd4.u32.u32.u32 %r1#0.bytes(count: 3, selectors: 784), \
            %r2#1.bytes(count: 4, selectors: 30292), %r3#2, %r4#3
            """
        ),
        (
            "vadd2.u32.u32.u32 %r1.h10, %r2.h32, %r3, %r4;",
            """
            vadd2.u32.u32.u32 %r1#0.halves(selectors: 16), %r2#1.halves(selectors: 50), \
            %r3#2, %r4#3
            """
        ),
        ("bar.sync 0;", "bar.sync 0"),
        (
            "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%f1,%f2}, %rd1, %rd2, 1, 1, 1, 0, 0;",
            """
            wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%f1#0, %f2#1}, %rd1#2, %rd2#3, \
            1, 1, 1, 0, 0
            """
        ),
    ]

    @Test(arguments: cases)
    func hasNormalForm(source: String, expected: String) throws {
        let globals = """
            .global .b32 var[4]; .global .texref tex; .global .samplerref samp;
            .func device() { ret; }
            """
        #expect(try printed(Self.registers + source, module: globals) == [expected])
    }

    @Test func parameterAddresses() throws {
        let module = try module(
            """
            .func (.param .b32 out, .reg .b64 ro) f(.param .b32 a, .param .b64 b, .reg .u32 r) {
                .reg .b32 x;
                ld.param.b32 x, [b+4];
                st.param.b32 [out], x;
                mov.b32 x, r;
                mov.b64 ro, b;
            }
            """
        )
        let function = module.functions[0]
        let body = try function.parseBody()
        #expect(
            body.instructions.map { print($0, in: body) } == [
                "ld.param.b32 x#2, [parameter1+4]", "st.param.b32 [return0], x#2",
                "mov.b32 x#2, r#1", "mov.b64 ro#0, &parameter1",
            ]
        )
        #expect(body.parameterRegisters.map { $0?.index } == [nil, nil, 1])
        #expect(body.returnRegisters.map { $0?.index } == [nil, 0])
        #expect(body.register(Syntax.RegisterID(1)).type == .u32)
    }
}
