import PTX
import Testing

@Suite struct ScopeTests {
    @Test func innerNamesShadow() throws {
        let statements = """
            .reg .b32 x; mov.b32 x, 1;
            { .reg .b64 x; mov.b64 x, 2; { .reg .f32 x; mov.f32 x, 0f00000000; } mov.b64 x, 3; }
            mov.b32 x, 4;
            """
        let body = try body(statements)
        #expect(
            body.instructions.map { print($0, in: body) } == [
                "mov.b32 x#0, 1", "mov.b64 x#1, 2", "mov.f32 x#2, 0.0f", "mov.b64 x#1, 3",
                "mov.b32 x#0, 4",
            ]
        )
        #expect(body.registers.map(\.type) == [.b32, .b64, .f32])
    }

    @Test func rangesShadowRangesAndNames() throws {
        let statements = """
            .reg .b32 %r<10>; mov.b32 %r1, 1; mov.b32 %r2, 1;
            { .reg .b64 %r<2>; mov.b64 %r1, 2; mov.b32 %r2, 2; }
            mov.b32 %r1, 3;
            { .reg .f32 %r1; mov.f32 %r1, 4; { .reg .b16 %r<5>; mov.b16 %r1, 5; } mov.f32 %r1, 6; }
            mov.b32 %r1, 7;
            """
        #expect(
            try printed(statements) == [
                "mov.b32 %r1#0, 1", "mov.b32 %r2#1, 1", "mov.b64 %r1#2, 2", "mov.b32 %r2#1, 2",
                "mov.b32 %r1#0, 3", "mov.f32 %r1#3, 4", "mov.b16 %r1#4, 5", "mov.f32 %r1#3, 6",
                "mov.b32 %r1#0, 7",
            ]
        )
    }

    @Test func onlyUsedRegistersExist() throws {
        let body = try body(".reg .b32 %r<4294967296>, y; mov.b32 %r4294967295, %r0;")
        #expect(body.registers.count == 2)
        #expect(body.name(Syntax.RegisterID(0)) == "%r4294967295")
    }

    @Test func rangeEndsWhereDeclared() throws {
        #expect(
            failure(".reg .b32 %r<10>; mov.b32 %r10, 0;")
                == "line 1: undeclared name '%r10'"
        )
        #expect(failure(".reg .b32 %r<10>; mov.b32 %r01, 0;") != nil)
        #expect(failure("{ .reg .b32 %r<10>; } mov.b32 %r1, 0;") != nil)
        #expect(failure("{ .reg .b32 x; } mov.b32 x, 0;") != nil)
        #expect(
            try printed(".reg .b32 %r<3>, %r1<5>; mov.b32 %r14, %r2;")
                == ["mov.b32 %r14#0, %r2#1"]
        )
    }

    @Test func callSequenceParametersAreNewEachTime() throws {
        let statements = """
            { .param .b32 param0; .param .align 8 .b8 retval0[24]; st.param.b32 [param0], 1; }
            { .param .b64 param0; st.param.b64 [param0+4], 2; }
            """
        let body = try body(statements)
        #expect(
            body.instructions.map { print($0, in: body) } == [
                "st.param.b32 [param0@0], 1", "st.param.b64 [param0@2+4], 2",
            ]
        )
        #expect(body.variables.map(\.size) == [4, 24, 8])
        #expect(body.variables.map(\.alignment) == [4, 8, 8])
        #expect(body.variables.map(\.space) == [.parameter, .parameter, .parameter])
    }

    @Test func labelsAreScoped() throws {
        let statements = """
            { bra L; ret; L: } { bra L; exit; L: trap; }
            bra END; { bra END; } END:
            """
        #expect(
            try printed(statements) == [
                "bra L->2", "ret", "bra L->4", "exit", "trap", "bra END->7", "bra END->7",
            ]
        )
        #expect(failure("bra L; { L: ret; }") == "line 1: undeclared name 'L'")
        #expect(failure("L: ret; L: ret;") == "line 1: label 'L' is defined already")
    }

    @Test func labelMayShareItsNameWithAVariable() throws {
        #expect(
            try printed(".reg .b32 x; bra x; x: mov.b32 x, x;") == ["bra x->1", "mov.b32 x#0, x#0"]
        )
    }

    @Test func declaringTwiceIsAnError() {
        #expect(failure(".reg .b32 x, x;")?.contains("'x' is declared already") == true)
        #expect(failure(".reg .b32 x<2>; .reg .b64 x<3>;")?.contains("'x' is") == true)
        #expect(failure(".reg .b32 x; .shared .b32 x;")?.contains("'x' is") == true)
    }

    @Test func nestingIsLimited() {
        let deep = String(repeating: "{", count: 1000) + String(repeating: "}", count: 1000)
        #expect(failure(deep)?.contains("nested too deep") == true)
        let wide = String(repeating: "{}", count: 10_000)
        #expect(failure(wide) == nil)
    }

    @Test func inlineAssemblyWithoutBlanks() throws {
        #expect(
            try printed("{.reg.b16 x,y;\n.reg.b32 t<3>;mov.u16 x,y;mov.b32 t0,t2;}")
                == ["mov.u16 x#0, y#1", "mov.b32 t0#2, t2#3"]
        )
    }
}
