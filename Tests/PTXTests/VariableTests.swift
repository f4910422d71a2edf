import PTX
import Testing

@Suite struct VariableTests {
    private func variable(_ text: String) throws -> Syntax.Variable {
        try #require(try module(text).variables.first)
    }

    @Test func spacesTypesAndLinkage() throws {
        let module = try module(
            """
            .global .u32 a;
            .visible .const .align 16 .f64 b[4];
            .extern .shared .align 16 .b8 c[];
            .weak .global .attribute(.managed) .v4 .f32 d;
            .common .global .s16 e[2][3];
            .shared.align 4.b8 f[12];
            .const[3] .u8 g;
            .global .u64 h, i[2];
            .visible .global .attribute(.unified(1, 2)) .b32 j;
            """
        )
        let v = module.variables
        #expect(v.map(\.name) == ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"])
        #expect(
            v.map(\.space) == [
                .global, .constant, .shared, .global, .global, .shared, .constant, .global, .global,
                .global,
            ]
        )
        #expect(v.map(\.size) == [4, 32, 0, 16, 12, 12, 1, 8, 16, 4])
        #expect(v.map(\.alignment) == [4, 16, 16, 16, 2, 4, 1, 8, 8, 4])
        #expect(
            v.map(\.linkage) == [
                .module, .visible, .external, .weak, .common, .module, .module, .module, .module,
                .visible,
            ]
        )
        #expect(v.map(\.isUnsized) == v.map { $0.name == "c" })
        #expect(v.map(\.isManaged) == v.map { $0.name == "d" })
        #expect(v[4].dimensions == [2, 3])
        #expect(v[3].vectorWidth == 4)
        #expect(module.variable(named: "i") == Syntax.GlobalID(8))
        #expect(module.variable(named: "z") == nil)
    }

    @Test(arguments: [
        (".global .u32 x = 5;", [5, 0, 0, 0] as [UInt8]),
        (".global .b8 x[4] = {1, 2};", [1, 2]),
        (".global .s16 x[] = {-1, 0x0102, 3+4};", [255, 255, 2, 1, 7, 0]),
        (".global .f32 x = 0f3F800000;", [0, 0, 128, 63]),
        (".global .f32 x = 1.0;", [0, 0, 128, 63]),
        (".global .f64 x = 0f3F800000;", [0, 0, 0, 0, 0, 0, 240, 63]),
        (".global .f64 x = 0d4000000000000000;", [0, 0, 0, 0, 0, 0, 0, 64]),
        (".global .b32 x = 0f3F800000;", [0, 0, 128, 63]),
        (".global .b64 x[1] = {1.0};", [0, 0, 0, 0, 0, 0, 240, 63]),
        (".global .b8 x[2][3] = {{1}, {2, 3}};", [1, 0, 0, 2, 3]),
        (".global .b8 x[][2] = {{1, 2}, {3}, {}};", [1, 2, 3]),
        (".global .v2 .b8 x[2] = {{1, 2}, {3, 4}};", [1, 2, 3, 4]),
        (".global .v2 .b16 x = {1, 2};", [1, 0, 2, 0]),
        (".global .u8 x = 0xFF00(0xABCD);", [0xAB]),
        (".global .b32 x = WARP_SZ;", [32, 0, 0, 0]),
        (".global .b8 x[3] = {};", []),
    ])
    func initialBytes(source: String, expected: [UInt8]) throws {
        let variable = try variable(source)
        #expect(variable.initializer?.bytes == expected)
        #expect(variable.size >= expected.count)
    }

    @Test func unsizedArraysTakeTheirExtentFromTheInitialiser() throws {
        #expect(try variable(".global .b32 x[] = {1, 2, 3};").dimensions == [3])
        #expect(try variable(".global .b32 x[] = {1, 2, 3};").size == 12)
        #expect(try variable(".global .b8 x[][2] = {{1, 2}, {3}, {}};").dimensions == [3, 2])
        #expect(try !variable(".global .b32 x[] = {1};").isUnsized)
    }

    @Test func addresses() throws {
        let module = try module(
            """
            .global .u64 table[7] = {a, a+4, generic(a), generic(a)+8, generic(a+2)-1, f, 9};
            .global .b8 bytes[3] = {0xFF(a), 0xFF00(generic(a)), 0xFF0000(a+4)};
            .global .u32 a[4];
            .func f() { ret; }
            """
        )
        let table = try #require(module.variables[0].initializer)
        #expect(table.bytes.count == 56)
        #expect(table.bytes[48] == 9)
        #expect(table.relocations.map(\.offset) == [0, 8, 16, 24, 32, 40])
        #expect(table.relocations.map(\.addend) == [0, 4, 0, 8, 1, 0])
        #expect(table.relocations.map(\.isGeneric) == [false, false, true, true, true, false])
        #expect(table.relocations.allSatisfy { $0.size == 8 && $0.mask == .max })
        #expect(table.relocations[0].target == .variable(Syntax.GlobalID(2)))
        #expect(table.relocations[5].target == .function(Syntax.FunctionID(0)))
        let bytes = try #require(module.variables[1].initializer)
        #expect(bytes.relocations.map(\.mask) == [0xFF, 0xFF00, 0xFF0000])
        #expect(bytes.relocations.map(\.addend) == [0, 0, 4])
        #expect(bytes.relocations.map(\.isGeneric) == [false, true, false])
        #expect(bytes.relocations.map(\.size) == [1, 1, 1])
    }

    @Test func opaqueVariables() throws {
        let module = try module(
            """
            .global .samplerref s = { addr_mode_0 = clamp_to_border, filter_mode = nearest };
            .global .texref t; .tex .u32 old; .global .surfref u = {};
            """
        )
        #expect(module.variables[0].opaqueFields.map(\.name) == ["addr_mode_0", "filter_mode"])
        #expect(module.variables[0].opaqueFields.map(\.value) == ["clamp_to_border", "nearest"])
        #expect(module.variables.map(\.type) == [.samplerref, .texref, .u32, .surfref])
    }

    @Test func definitionReplacesDeclaration() throws {
        let module = try module(
            ".extern .global .u32 x; .visible .global .u32 x = 3; .extern .global .u32 x;"
        )
        #expect(module.variables.count == 1)
        #expect(module.variables[0].linkage == .visible)
        #expect(module.variables[0].initializer?.bytes == [3, 0, 0, 0])
    }

    @Test(arguments: [
        (".global .u32 x; .global .u32 x;", "'x' is declared already"),
        (".extern .global .u32 x; .shared .u32 x;", "'x' is declared already"),
        (".global .u32 x; .func x() { ret; }", "'x' is declared already"),
        (".func x() { ret; } .global .u32 x;", "'x' is declared already"),
        (".global .f32 x = 1;", "does not suit the type '.f32'"),
        (".global .u32 x = 1.0;", "does not suit the type '.u32'"),
        (".global .b32 x[2] = {1, 2, 3};", "more initialisers than the 2 elements"),
        (".global .b32 x[2] = 5;", "'{' expected"),
        (".global .b32 x = {5};", "in initialiser"),
        (".global .b32 x[][] = {{1}};", "size out of range"),
        (".global .b32 x[];", "array 'x' has no size"),
        (".global .b32 x[0];", "array 'x' has no size"),
        (".global .b32 x[-1];", "array extent out of range"),
        (".global .b32 x[1<<20][1<<21];", "size of 'x' out of range"),
        (".global .pred x;", "variable 'x' of type '.pred'"),
        (".global .u64 x = y;", "undeclared symbol 'y' in initialiser"),
        (".global x;", "type expected"),
        (".global .b32 5;", "name of variable expected"),
        (".global .b32 x = 0(1);", "mask 0"),
        (".global .b8 x[3][1<<30] = {{1}, {2}, {3}};", "too far apart"),
        (".global .align 6 .b32 x;", "alignment 6 is not a power of two"),
        (".global .b32 x", "unexpected end of text in declaration, ';' expected"),
    ])
    func refused(source: String, message: String) {
        let failure = moduleFailure(source)
        #expect(failure?.contains(message) == true, "\(failure ?? "no error")")
    }

    @Test func localVariables() throws {
        let body = try body(
            """
            .local .align 16 .b8 __local_depot0[64]; .shared .align 4 .f32 tile[16][17];
            .extern .shared .b8 dynamic[]; .const .b64 c = g;
            """,
            module: ".global .b32 g;"
        )
        #expect(body.variables.map(\.space) == [.local, .shared, .shared, .constant])
        #expect(body.variables.map(\.size) == [64, 16 * 17 * 4, 0, 8])
        #expect(body.variables.map(\.linkage) == [.module, .module, .external, .module])
        #expect(body.variables[3].initializer?.relocations.count == 1)
    }
}
