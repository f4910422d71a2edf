import Testing

/// Files and functions that a person can take in.
@Suite struct SizeTests {
    private static let longestFile = 700
    private static let longestFunction = 100

    @Test func `there is something to look at`() {
        #expect(Repository.sources.count > 100)
        #expect(Repository.tests.count > 20)
        #expect(Repository.c.count > 10)
    }

    @Test func `no hand-written file is too long`() {
        for file in Repository.sources + Repository.tests + Repository.c where !file.isGenerated {
            #expect(file.lines.count <= Self.longestFile, "\(file.path)")
        }
    }

    @Test func `no line is too long`() {
        for file in Repository.sources + Repository.tests where !file.isGenerated {
            for (index, line) in file.lines.enumerated() where line.count > 140 {
                Issue.record("\(file.path):\(index + 1): \(line.count) characters")
            }
        }
    }

    /// A function reaches from its line to the brace with the same indentation.
    @Test func `no function is too long`() {
        for file in Repository.sources + Repository.tests where !file.isGenerated {
            for (name, line, length) in functions(of: file) where length > Self.longestFunction {
                Issue.record("\(file.path):\(line): \(name) has \(length) lines")
            }
        }
    }

    @Test func `functions are found`() {
        let text =
            "struct A {\n    func b(\n        c: Int\n    ) {\n        d()\n    }\n    init() { }\n}\n"
        let file = Repository.File(path: "x.swift", text: text)
        let found = functions(of: file)
        #expect(found.map { "\($0.0) \($0.1) \($0.2)" } == ["func b( 2 5", "init() { } 7 1"])
    }

    private func functions(of file: Repository.File) -> [(String, Int, Int)] {
        let lines = file.lines
        var found: [(String, Int, Int)] = []
        for (index, line) in lines.enumerated() {
            let code = line.drop { $0 == " " }
            let words = code.prefix { $0 != "(" && $0 != "{" }.split(separator: " ")
            guard words.contains("func") || words.last == "init" || words.last == "init?",
                !code.hasPrefix("//"), !code.hasPrefix("\""), !code.contains("= {")
            else { continue }
            let indentation = line.prefix { $0 == " " }
            guard let end = end(of: lines, from: index, indentation) else { continue }
            found.append((String(code), index + 1, end - index + 1))
        }
        return found
    }

    /// The line that ends a function; `nil` for one without a body.
    private func end(of lines: [Substring], from start: Int, _ indentation: Substring) -> Int? {
        if lines[start].hasSuffix("}") { return start }
        for index in (start + 1)..<max(lines.count, start + 1) {
            let line = lines[index]
            if line == indentation + "}" { return index }
            // Something else of the same depth begins: it was a requirement of a protocol.
            let isSameDepth = line.prefix { $0 == " " }.count <= indentation.count
            let continues = line.drop { $0 == " " }.first.map { ")}>{-".contains($0) } ?? true
            if isSameDepth, !continues, !line.drop(while: { $0 == " " }).hasPrefix("where") {
                return nil
            }
        }
        return nil
    }
}
