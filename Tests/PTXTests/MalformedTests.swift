import PTX
import Testing

/// Whatever the bytes are, the parser ends: with a tree or with an error.
@Suite struct MalformedTests {
    /// Parses everything; true when there was no error.
    @discardableResult
    private func survives(_ text: [UInt8]) -> Bool {
        guard let module = try? Syntax.Module(text) else { return false }
        return module.functions.allSatisfy { !$0.hasBody || (try? $0.parseBody()) != nil }
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
        #expect(ContinuousClock.now - start < .seconds(20))
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
        #expect(ContinuousClock.now - start < .seconds(20))
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
