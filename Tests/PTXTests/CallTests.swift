import PTX
import Testing

@Suite struct CallTests {
    static let declarations = """
        .extern .func (.param .b32 func_retval0) vprintf
        (
            .param .b64 vprintf_param_0,
            .param .b64 vprintf_param_1
        )
        ;
        .func f(.param .b32 a) { ret; }
        .func g() { ret; }

        """

    static let statements = """
        .reg .b32 %r<3>; .reg .b64 %rd<3>;
        .param .b32 r0; .param .b64 p0; .param .b64 p1;

        """

    @Test(arguments: [
        ("call.uni g;", "call.uni (), &function2, (), absent"),
        ("call g, ();", "call (), &function2, (), absent"),
        ("call f, (r0);", "call (), &function1, (&r0@0), absent"),
        ("call (r0), g;", "call (&r0@0), &function2, (), absent"),
        (
            "call.uni (r0), vprintf, (p0, p1);",
            "call.uni (&r0@0), &function0, (&p0@1, &p1@2), absent"
        ),
        (
            "call.uni (r0), \n vprintf, \n (\n p0, // text\n p1\n );",
            "call.uni (&r0@0), &function0, (&p0@1, &p1@2), absent"
        ),
        ("call f, (%r1);", "call (), &function1, (%r1#0), absent"),
        ("call f, (5);", "call (), &function1, (5), absent"),
        ("call (_), vprintf, (p0, p1);", "call (_), &function0, (&p0@1, &p1@2), absent"),
        (
            "P: .callprototype (.param .b32 _) _ (.param .b64 _, .param .align 8 .b8 _[16]); "
                + "call (r0), %rd1, (p0, p1), P;",
            "call (&r0@0), %rd1#0, (&p0@1, &p1@2), prototype0"
        ),
        ("T: .calltargets f, g; call %rd1, T;", "call (), %rd1#0, (), targets0"),
        (
            "call %rd1, (r0), P; P: .callprototype _ (.param .b32 _) .noreturn;",
            "call (), %rd1#0, (&r0@0), prototype0"
        ),
    ])
    func hasFourOperands(source: String, expected: String) throws {
        #expect(try printed(Self.statements + source, module: Self.declarations) == [expected])
    }

    @Test func prototypesAndTargets() throws {
        let body = try body(
            """
            P: .callprototype (.param .b32 _) _ (.param .b8 _, .param .align 16 .b8 _[20]) .noreturn;
            Q: .callprototype () _ ();
            R: .callprototype _;
            T: .calltargets g, f;
            """,
            module: Self.declarations
        )
        #expect(body.prototypes.count == 3)
        #expect(body.prototypes[0].parameters.map(\.offset) == [0, 16])
        #expect(body.prototypes[0].parameters.map(\.size) == [1, 20])
        #expect(body.prototypes[0].returns.map(\.type) == [.b32])
        #expect(body.prototypes[0].isNoReturn)
        #expect(!body.prototypes[1].isNoReturn)
        #expect(body.callTargets == [[Syntax.FunctionID(2), Syntax.FunctionID(1)]])
    }

    @Test func branchTables() throws {
        let body = try body(
            """
            .reg .b32 %r1;
            T: .branchtargets A, B, A;
            brx.idx %r1, T;
            A: ret;
            B: exit;
            """
        )
        #expect(body.branchTables.count == 1)
        #expect(body.branchTables[0].map { body.labels[$0].instruction } == [1, 2, 1])
        #expect(print(body.instructions[0], in: body) == "brx.idx %r1#0, table0")
        #expect(failure("T: .branchtargets A;") == "line 1: undeclared name 'A'")
        #expect(failure("T: .branchtargets U; U: .branchtargets T;") != nil)
    }

    @Test func undeclaredFunction() {
        #expect(failure("call nothing;") == "line 1: undeclared function 'nothing'")
        #expect(failure(".param .b32 x; call x;") == "line 1: 'x' is not a function")
        #expect(failure("T: .calltargets nothing;") == "line 1: undeclared function 'nothing'")
    }
}
