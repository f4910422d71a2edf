import PTX
import Testing

@Suite struct ModuleTests {
    private func parse(_ text: String) throws -> Syntax.Module {
        try Syntax.Module(Array(text.utf8))
    }

    @Test func header() throws {
        let module = try parse(".version 8.10\n.target sm_90a, debug, texmode_independent\n")
        #expect(module.version == Syntax.Version(major: 8, minor: 10))
        #expect(module.version > Syntax.Version(major: 8, minor: 9))
        #expect(module.target.architecture == 90)
        #expect(module.target.suffix == "a")
        #expect(module.target.options == ["debug", "texmode_independent"])
        #expect(module.addressSize == 32)
        let other = try parse(".version 9.0 .target sm_120f .address_size 64")
        #expect(other.target.architecture == 120)
        #expect(other.target.suffix == "f")
        #expect(other.addressSize == 64)
    }

    @Test(arguments: [
        ("", "line 1: unexpected end of text, '.version' expected"),
        ("hello", "line 1: unexpected token 'hello', '.version' expected"),
        (".version 8", "line 1: unexpected token '8' in '.version'"),
        (".version 8.5", "line 1: no '.target' directive"),
        (".version 8.5\n.target sm_x", "line 2: unknown target 'sm_x'"),
        (".version 8.5 .target sm_90q", "line 1: unknown target 'sm_90q'"),
        (".version 8.5 .target debug", "line 1: no '.target' directive"),
        (".version 8.5 .target sm_80 .address_size 48", "line 1: address size 48"),
        (".version 8.5 .target sm_80\n\n.foo", "line 3: unexpected token '.foo' in module"),
        (".version 8.5 .target sm_80 .visible .loc", "a function or variable expected"),
        (".version 8.5 .target sm_80 \u{1}", "unexpected byte 1 in module"),
        (".version 8.5 .target sm_80 .entry f() {", "line 1: '{' without its '}'"),
        (".version 8.5 .target sm_80 .section .x 5", "unexpected token '5' in '.section'"),
    ])
    func refused(text: String, message: String) {
        #expect {
            try parse(text)
        } throws: {
            "\($0)".contains(message)
        }
    }

    @Test func nulEndsTheText() throws {
        let text = Array(".version 8.5 .target sm_80 .global .b32 x;\n".utf8)
        #expect(try Syntax.Module(text + [0]).variables.count == 1)
        #expect(try Syntax.Module(text + [0, 0, 0]).variables.count == 1)
        #expect(try Syntax.Module(text + [0] + Array("garbage".utf8)).variables.count == 1)
        let count = text.withUnsafeBytes { try? Syntax.Module($0).variables.count }
        #expect(count == 1)
    }

    @Test func functionsAndDirectives() throws {
        let module = try module(
            """
            .visible .entry k() .maxntid 256, 2, 1 .minnctapersm 2 .maxnreg 64 { ret; }
            .entry a() .reqntid 128 .pragma "nounroll", "x"; { ret; }
            .entry c() .explicitcluster .reqnctapercluster 2, 1, 1 .maxclusterrank 4
                .blocksareclusters { ret; }
            .weak .func .noreturn w() { trap; }
            .func (.param .b32 r) n(.param .b32 p) .noreturn .abi_preserve 4
                .abi_preserve_control 2 ;
            .func .attribute(.unified(3, 4)) u() { ret; }
            """
        )
        let f = module.functions
        #expect(f.map(\.name) == ["k", "a", "c", "w", "n", "u"])
        #expect(f.map(\.isEntry) == [true, true, true, false, false, false])
        #expect(f.map(\.hasBody) == [true, true, true, true, false, true])
        #expect(f.map(\.linkage) == [.visible, .module, .module, .weak, .module, .module])
        #expect(f[0].directives.maxThreads == Syntax.Extents(x: 256, y: 2, z: 1))
        #expect(f[0].directives.maxThreads?.product == 512)
        #expect(f[0].directives.minBlocksPerMultiprocessor == 2)
        #expect(f[0].directives.maxRegisters == 64)
        #expect(f[1].directives.requiredThreads == Syntax.Extents(x: 128, y: 1, z: 1))
        #expect(f[1].directives.pragmas == ["nounroll", "x"])
        #expect(f[2].directives.hasExplicitCluster)
        #expect(f[2].directives.blocksAreClusters)
        #expect(f[2].directives.requiredClusterSize == Syntax.Extents(x: 2, y: 1, z: 1))
        #expect(f[2].directives.maxClusterRank == 4)
        #expect(f[3].directives.isNoReturn)
        #expect(f[4].directives.isNoReturn)
        #expect(!f[5].directives.isNoReturn)
        #expect(f[4].returns.map(\.name) == ["r"])
        #expect(throws: PTXError(line: 6, message: "function 'n' has no body here")) {
            try f[4].parseBody()
        }
    }

    @Test func declarationAndDefinitionAreOne() throws {
        let module = try module(
            """
            .visible .func f(.param .b32 a); .entry k() { call f, (1); ret; }
            .func f(.param .b32 b) { ret; } .func f(.param .b32 c);
            """
        )
        #expect(module.functions.map(\.name) == ["f", "k"])
        #expect(module.functions[0].hasBody)
        #expect(module.functions[0].linkage == .visible)
        #expect(module.functions[0].parameters[0].name == "b")
        #expect(moduleFailure(".func f() {} .func f() {}") == "line 1: 'f' is declared already")
        #expect(moduleFailure(".func f(); .entry f() {}") == "line 1: 'f' is declared already")
        #expect(
            moduleFailure(".func f(.param .b32 a);\n.func f(.param .b64 a) {}")
                == "line 2: parameters of 'f' differ from line 1"
        )
    }

    @Test func aliases() throws {
        let module = try module(".func a(); .func b() { ret; } .alias a, b;")
        #expect(module.function(named: "a") == Syntax.FunctionID(1))
        #expect(module.aliases == [Syntax.FunctionID(0): Syntax.FunctionID(1)])
        #expect(moduleFailure(".func a(); .alias a, b;")?.contains("undeclared function") == true)
        #expect(moduleFailure(".func a(); .func b(); .alias a, b;")?.contains("no body") == true)
    }

    @Test func debugInformationIsSkipped() throws {
        let text = """
            # 1 "a.cu"
            #line 2
            .version 8.5 // comment
            .target sm_80, debug /* comment
            over lines */ .address_size 64
            .file 1 "a { \\" .cu", 12, 34
            .pragma "module pragma";
            @@DWARF .section .debug_line { not tokens
            .section .debug_str { $info0: .b8 95,1 // }
            "}" /* } */ .b8 0 }
            .section .debug_info { { .b32 .debug_abbrev } }
            .visible .entry k() {
            .loc 1 10 5
            .loc 1 11 5, function_name $info0, inlined_at 1 3 4
            .loc 1 11 5, function_name $info0+8, inlined_at 1 3 4
            .pragma "nounroll";
            .file 2 "b.cu"
            # 3 "a.cu"
            @@DWARF {
            bogus; }
            """
        let module = try parse(text)
        #expect(module.pragmas == ["module pragma"])
        #expect(throws: PTXError(line: 20, message: "unknown instruction 'bogus'")) {
            try module.functions[0].parseBody()
        }
    }

    @Test func bodiesAreParsedLazily() throws {
        let module = try module(".entry bad() { bogus; } .entry good() { ret; }")
        #expect(try module.functions[1].parseBody().instructions.count == 1)
        #expect(throws: PTXError.self) { try module.functions[0].parseBody() }
    }
}
