import PTX
import Testing

@Suite struct ErrorTests {
    @Test(arguments: [
        (".reg .b32 x;\n\nadd.s32 x, ;", "line 3: unexpected token ';' in operand of 'add.s32'"),
        (".reg .b32 x; add.s32 x x;", "line 1: unexpected token 'x' in operand of 'add.s32'"),
        (
            ".reg .b32 x; ld.b32 x, [x;",
            "line 1: unexpected token ';' in operand of 'ld.b32', ']' expected"
        ),
        (".reg .b32 x; ld.b32 x, [];", "line 1: unexpected token ']' in operand of 'ld.b32'"),
        (".reg .b32 x; ld.b32 x, [x+x];", "line 1: unexpected token 'x' in operand of 'ld.b32'"),
        (".reg .b32 x; ld.b32 x, [y];", "line 1: undeclared name 'y' in operand of 'ld.b32'"),
        (".reg .b32 x; ld.b32 x, [%tid];", "line 1: '%tid' as address in operand of 'ld.b32'"),
        (".reg .b32 x; mov.b32 x, y;", "line 1: undeclared name 'y'"),
        (".reg .b32 x; mov.b32 x, y.x;", "line 1: undeclared name 'y.x' in operand of 'mov.b32'"),
        (".reg .b32 x; mov.b32 x, x.q;", "line 1: unexpected token 'x.q' in operand of 'mov.b32'"),
        (
            ".reg .b32 x; mov.b32 x, %laneid.x;",
            "line 1: unexpected token '%laneid.x' in operand of 'mov.b32'"
        ),
        (
            ".reg .b32 x; mov.b32 x, {x, x; }",
            "line 1: unexpected token ';' in operand of 'mov.b32', '}' expected"
        ),
        (".reg .b32 x; mov.b32 x, %envreg32;", "line 1: undeclared name '%envreg32'"),
        ("@x ret;", "line 1: guard 'x' is not a register"),
        ("@ ;", "line 1: unexpected token ';' in guard"),
        (".reg .pred p; @p ;", "line 1: unexpected token ';' in guarded instruction"),
        ("ret", "line 1: unexpected token '}' in operand of 'ret'"),
        ("ret; 5;", "line 1: unexpected token '5' in body"),
        ("\"text\"", "line 1: unexpected token '\"text\"' in body"),
        (".entry", "line 1: unexpected token '.entry' in body"),
        ("bra 5;", nil),
        ("bra %r1;", "line 1: undeclared name '%r1'"),
        ("mov.b32 \u{7F};", "line 1: unexpected byte 127 in operand of 'mov.b32'"),
        (".reg .b32;", "line 1: unexpected token ';', name of register expected"),
        (".reg .b32 x<;", "line 1: unexpected token ';', integer expected as number of registers"),
        (".loc 1;", "line 1: unexpected token ';', integer expected as number in '.loc'"),
        ("call (", "line 1: unexpected token '}' in operand of 'call'"),
        ("a.b: ret;", "line 1: unexpected token 'a.b' in label"),
        ("P: .callprototype 5;", "line 1: unexpected token '5', name of prototype expected"),
    ])
    func message(source: String, expected: String?) {
        #expect(failure(source) == expected)
    }

    @Test func longTokensAreCut() {
        let name = String(repeating: "x", count: 5000)
        let message = failure("mov.b32 \(name) \(name);") ?? ""
        #expect(message.utf8.count < 300)
        #expect(failure("\(name).s32;").map { $0.utf8.count < 300 } == true)
    }
}
