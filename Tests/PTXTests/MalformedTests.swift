import PTX
import Testing

/// Whatever the bytes are, the parser ends: with a tree or with an error.
@Suite struct MalformedTests {
    /// Parses everything; true when there was no error.
    @discardableResult
    private func survives(_ text: [UInt8]) -> Bool {
        guard let module = try? Syntax.Module(text) else { return false }
        var hasParsed = true
        for function in module.functions where function.hasBody {
            guard let body = try? function.parseBody() else {
                hasParsed = false
                continue
            }
            if let found = violation(in: body, of: function, module) {
                Issue.record("\(found) of \(function.name)")
            }
        }
        for variable in module.variables {
            if let found = violation(in: variable, module) { Issue.record("\(found)") }
        }
        return hasParsed
    }

    @Test(arguments: Corpus.all)
    func truncatedAtEveryByte(text: String) {
        let bytes = Array(text.utf8)
        #expect(survives(bytes))
        // Inside the last function nothing but an error can come out.
        var parsed = 0
        for end in bytes.indices where survives(Array(bytes[..<end])) { parsed += 1 }
        #expect(parsed < bytes.count / 2)
    }

    @Test(arguments: Corpus.all)
    func oneByteLost(text: String) {
        var bytes = Array(text.utf8)
        for index in bytes.indices {
            let byte = bytes.remove(at: index)
            survives(bytes)
            bytes.insert(byte, at: index)
        }
        #expect(survives(bytes))
    }

    @Test(arguments: Corpus.all)
    func oneByteChanged(text: String) {
        var generator = Generator(state: 7)
        let original = Array(text.utf8)
        let replacements = Array("{}[]();,.:@!|<>-+%$\"/*#_09azU\n\0\u{7F}".utf8)
        for _ in 0..<5000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[index] = replacements.randomElement(using: &generator) ?? 0
            }
            survives(bytes)
        }
        #expect(survives(original))
    }

    @Test func everyByteAlone() {
        let head = Array(".version 8.5 .target sm_80 .entry k() { ".utf8)
        for byte in UInt8.min...UInt8.max {
            survives([byte])
            #expect(survives(head + [byte]) == (byte == UInt8(ascii: "}")))
            survives(head + [byte, UInt8(ascii: "}")])
        }
    }

    /// Texts that would take hours, or all of the stack, if anything were quadratic or recursive.
    @Test(arguments: [
        String(repeating: "{", count: 2_000_000),
        String(repeating: "/", count: 2_000_001),
        String(repeating: "/*", count: 1_000_000),
        String(repeating: "\"", count: 2_000_001),
        "mov.b32 " + String(repeating: "{", count: 1_000_000),
        "mov.b32 " + String(repeating: "[1,", count: 1_000_000),
        "mov.b32 " + String(repeating: "x", count: 2_000_000) + ";",
        "mov" + String(repeating: " .b32", count: 200_000) + ";",
        "mov" + String(repeating: ".b32", count: 200_000) + ";",
        String(repeating: "bra L;", count: 300_000) + "L:",
        (0..<200_000).map { "L\($0):bra L\(199_999 - $0);" }.joined(),
        (0..<100_000).map { "{.reg .b32 x<9>,y;mov.b32 x1,x2;bra L\($0);}L\($0):" }.joined(),
        ".reg .b32 x<9>;" + String(repeating: "{.reg .b32 x<9>;mov.b32 x1,x2;}", count: 100_000),
        (0..<100_000).map { ".reg .b32 x\($0)<9>;" }.joined(),
        (0..<100_000).map { "{.param .b32 a\($0);st.param.b32 [a\($0)],1;}" }.joined(),
        "T: .branchtargets L" + String(repeating: ",L", count: 300_000) + ";L:",
    ])
    func largeStatements(statements: String) {
        let head = ".version 8.5 .target sm_80 .entry k() { "
        let start = ContinuousClock.now
        survives(Array((head + statements + "}").utf8))
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    /// Every kind of statement, many times over: an array copied at each would show.
    @Test(arguments: [
        "setp.lt.s32 p|_, r1, r2;", "vmad.s32.s32.s32 r1, -r2, r3, r4;", "mov.b64 rd1, {r1, r2};",
        "mov.b64 rd1, s+4;", "mov.b64 rd1, s[2];", "mov.b64 rd1, g+4;", "call (q), f, (q);",
        "tex.2d.v4.f32.f32 {r1,r2,r3,r4}, [rd1, {r5,r6}];",
        "vadd.u32.u32.u32 r1, r2.b0, r3.b1, r4;",
        "mov.u32 r1, %tid.x;", "mov.u32 r1, 1+2*3;", "@!p ret;", "ld.b32 r1, [rd1-4];",
        "and.pred p, p, !p;", "ld.b32 r1, [16];", "{.reg .b32 z; mov.b32 z, 1;}", "{bra Z; Z:}",
        "{T: .branchtargets Z; brx.idx r1, T; Z:}", ".loc 1 2 3 mov.b32 r1, r2;",
        "{P: .callprototype _ (.param .b32 _); call rd1, (q), P;}", "mov .b32 r1, r2;",
        "{.shared .b32 z; st.shared.b32 [z+4], r1;}", "{.const .b64 z = g; ld.b32 r1, [z];}",
    ])
    func manyStatements(statement: String) throws {
        let head = """
            .global .b32 g[3]; .func (.param .b64 r) f(.param .b64 a); .entry k() {
            .reg .b32 r<9>; .reg .pred p; .reg .b64 rd<9>; .param .b64 q; .shared .b32 s[4];

            """
        let module = try module(head + String(repeating: statement, count: 50_000) + "}")
        let start = ContinuousClock.now
        _ = try module.functions[1].parseBody()
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test(arguments: [
        (0..<100_000).map { ".global .b32 v\($0);" }.joined(),
        (0..<100_000).map { ".func f\($0)();" }.joined(),
        String(repeating: ".func f();", count: 100_000),
        ".global .b32 x[] = {1" + String(repeating: ",1", count: 500_000) + "};",
        ".global .b32 x[] = {" + String(repeating: "{", count: 500_000),
        ".global .b64 x[] = {x" + String(repeating: ",x+8", count: 200_000) + "};",
        ".global .b8 x[]" + String(repeating: "[1]", count: 100_000) + ";",
        ".entry k(.param .b32 a" + String(repeating: ",.param .b32 a", count: 100_000) + ") {}",
        ".global .b64 x[][1099511627775] = {" + String(repeating: "{},", count: 500_000) + "{}};",
        "@@" + String(repeating: "D", count: 1_000_000),
    ])
    func largeModules(text: String) {
        let start = ContinuousClock.now
        survives(Array((".version 8.5 .target sm_80 " + text).utf8))
        #expect(ContinuousClock.now - start < .seconds(5))
    }
}

/// A small generator with a fixed start.
struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}
