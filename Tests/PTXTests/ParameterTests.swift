import PTX
import Testing

@Suite struct ParameterTests {
    @Test func layoutRoundsToAlignment() throws {
        // char, struct of 24 bytes aligned 8, short, pointer, struct of 20 bytes aligned 16.
        let module = try module(
            """
            .visible .entry k(
                .param .u8 k_param_0,
                .param .align 8 .b8 k_param_1[24],
                .param .u16 k_param_2,
                .param .u64 .ptr .global .align 16 k_param_3,
                .param .align 16 .b8 k_param_4[20],
                .param .b32 k_param_5
            ) { ret; }
            """
        )
        let kernel = module.functions[0]
        #expect(kernel.parameters.map(\.offset) == [0, 8, 32, 40, 48, 68])
        #expect(kernel.parameters.map(\.size) == [1, 24, 2, 8, 20, 4])
        #expect(kernel.parameters.map(\.alignment) == [1, 8, 2, 8, 16, 4])
        #expect(kernel.parameters.map(\.elements) == [nil, 24, nil, nil, 20, nil])
        #expect(kernel.parameterBytes == 72)
        #expect(kernel.parameters[3].pointer == kernel.parameters[3].pointer)
        #expect(kernel.parameters[3].pointer?.space == .global)
        #expect(kernel.parameters[3].pointer?.alignment == 16)
        #expect(kernel.parameters[0].pointer == nil)
    }

    @Test func pointerDefaults() throws {
        let module = try module(
            """
            .entry k(.param .b64 .ptr a, .param .b64 .ptr .align 1 b, .param .u64 .ptr .const c,
                .param .u64 .ptr .shared .align 8 d) { ret; }
            """
        )
        let pointers = module.functions[0].parameters.map(\.pointer)
        #expect(pointers.map { $0?.space } == [nil, nil, .constant, .shared])
        #expect(pointers.map { $0?.alignment } == [4, 1, 4, 8])
    }

    @Test func noParameters() throws {
        let module = try module(".entry a { ret; } .entry b() { ret; }")
        #expect(module.functions.map(\.parameterBytes) == [0, 0])
        #expect(module.functions.allSatisfy { $0.parameters.isEmpty })
    }

    @Test func arraysVectorsAndVariableArguments() throws {
        let module = try module(
            """
            .func f(.param .align 4 .b32 a[3], .param .v4 .f32 b, .param .b8 c[],
                .param .b32 m[2][3]) { ret; }
            """
        )
        let parameters = module.functions[0].parameters
        #expect(parameters.map(\.offset) == [0, 16, 32, 32])
        #expect(parameters.map(\.size) == [12, 16, 0, 24])
        #expect(parameters.map(\.elements) == [3, nil, 0, 6])
        #expect(parameters.map(\.alignment) == [4, 16, 1, 4])
        #expect(parameters[1].vectorWidth == 4)
    }

    @Test func refused() {
        #expect(moduleFailure(".entry k(.param .pred p) {}") == "line 1: '.param' of type '.pred'")
        #expect(
            moduleFailure(".entry k(.param .align 3 .b8 p[4]) {}")?.contains("power of two") == true
        )
        #expect(moduleFailure(".entry k(.global .b32 p) {}") != nil)
        #expect(moduleFailure(".entry k(.param .b32 p, ) {}") != nil)
        #expect(moduleFailure(".entry k(.param .b32 p[1099511627777]) {}") != nil)
        #expect(moduleFailure(".entry k(.param .b32 p[8][1099511627776]) {}") != nil)
    }
}
