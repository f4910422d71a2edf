import PTX
import Testing

@Suite struct CorpusTests {
    private func bodies(_ text: String) throws -> (Syntax.Module, [Syntax.FunctionBody]) {
        let module = try Syntax.Module(Array(text.utf8))
        var bodies: [Syntax.FunctionBody] = []
        for function in module.functions where function.hasBody {
            bodies.append(try function.parseBody())
        }
        return (module, bodies)
    }

    @Test func typed() throws {
        let (module, bodies) = try bodies(Corpus.typed)
        let body = try #require(bodies.first)
        #expect(module.functions[0].parameters.map(\.offset) == [0, 4, 8, 16])
        #expect(module.functions[0].directives.maxThreads?.x == 256)
        #expect(module.variables[1].initializer?.bytes.count == 12)
        #expect(body.instructions.count == 25)
        #expect(body.labels.map(\.instruction) == [24])
        #expect(body.variables.map(\.name) == ["tile"])
        let branch = body.instructions[9]
        #expect(print(branch, in: body) == "@%p1#8 bra $L__BB0_3->24")
        #expect(branch.line == 37)
        let multiply = body.instructions[11]
        #expect(body.mnemonic(multiply).types == [.s32])
        #expect(body.mnemonic(multiply).modifiers == [.wide])
    }

    @Test func untyped() throws {
        let (module, bodies) = try bodies(Corpus.untyped)
        let body = try #require(bodies.first)
        #expect(module.variables[0].isUnsized)
        #expect(module.variables[1].initializer?.relocations.map(\.addend) == [0, 4])
        #expect(module.functions[0].parameterBytes == 36)
        let lines = body.instructions.map { print($0, in: body) }
        #expect(lines.contains { $0.hasPrefix("setp.eq.b32 %p1#") })
        #expect(lines.contains { $0.hasPrefix("@!%p2#") && $0.hasSuffix(", 0.0f") })
        #expect(lines.contains { $0.hasPrefix("bra.uni $L__BB0_1->9") })
        #expect(body.labels.map(\.name) == ["$L__BB0_1", "$L__BB0_3"])
    }

    @Test func calls() throws {
        let (module, bodies) = try bodies(Corpus.calls)
        #expect(
            module.functions.map(\.name) == ["vprintf", "__assertfail", "_Z3fibi", "main_kernel"]
        )
        #expect(module.functions[1].directives.isNoReturn)
        #expect(module.functions[2].hasBody)
        #expect(module.variables[0].initializer?.relocations.count == 2)
        #expect(bodies[1].variables.count == 6)
        let lines = bodies[1].instructions.map { print($0, in: bodies[1]) }
        #expect(
            lines.contains {
                $0.hasPrefix("call (&retval0@2), %rd2#") && $0.hasSuffix("prototype0")
            }
        )
        #expect(lines.contains("call.uni (&retval0@5), &function0, (&param0@3, &param1@4), absent"))
    }

    @Test func branchTable() throws {
        let (_, bodies) = try bodies(Corpus.plain)
        let targets = bodies[0].branchTables.map { $0.map { bodies[0].labels[$0].name } }
        #expect(targets == [["$L__BB0_1", "$L__BB0_2", "$L__BB0_4"]])
    }

    @Test func justInTime() throws {
        let (module, bodies) = try bodies(Corpus.jit)
        #expect(module.variables.map(\.space) == [.global, .shared, .shared, .global])
        #expect(module.functions[0].directives.pragmas == ["nounroll"])
        let lines = bodies[0].instructions.map { print($0, in: bodies[0]) }
        #expect(lines[6].hasPrefix("@!%p2#"))
        #expect(lines[11] == "cp.async.wait_group 1")
        #expect(lines[13].hasSuffix(", 21520"))
    }

    @Test func modern() throws {
        let (module, bodies) = try bodies(Corpus.modern)
        #expect(module.target.suffix == "a")
        #expect(module.functions[0].parameterBytes == 136)
        let lines = bodies[0].instructions.map { print($0, in: bodies[0]) }
        #expect(lines[0].hasSuffix(", &parameter0"))
        #expect(lines.contains { $0.hasPrefix("elect.sync %r1#") && $0.contains("|p#") })
        #expect(lines.contains { $0.contains("[[%rd2#") && $0.contains("}], [%r2#") })
    }

    @Test func debugInformation() throws {
        let (module, bodies) = try bodies(Corpus.debug)
        #expect(module.functions.count == 1)
        #expect(bodies[0].labels.map(\.instruction) == [0, 0, 1, 1])
    }
}
