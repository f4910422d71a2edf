import Foundation
import Testing
import Wire

/// docs/formats/wire.md must know every record.
@Suite struct WireDocumentTests {
    private func document() throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let file = root.appending(path: "docs/formats/wire.md")
        return try String(contentsOf: file, encoding: .utf8)
    }

    @Test func everyOpcodeIsDescribed() throws {
        let lines = try document().split(separator: "\n")
        for opcode in Opcode.allCases {
            let digits = String(opcode.rawValue, radix: 16)
            let number = "0x" + String(repeating: "0", count: 4 - digits.count) + digits
            let isThere = lines.contains { $0.contains(number) && $0.contains("`\(opcode.name)`") }
            #expect(isThere, "\(number) \(opcode.name)")
        }
    }

    @Test func limitsAreThoseOfTheCode() throws {
        let text = try document()
        #expect(text.contains("1 114 112 bytes"))
        #expect(WireFormat.maxRequest == 1_114_112)
        #expect(WireFormat.maxReply == 64 << 20)
        #expect(WireFormat.headerSize == 16)
        #expect(WireFormat.version == 1)
    }
}
