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
        #expect(text.contains("196 608 bytes"))
        #expect(WireFormat.maxRequest == 196_608)
        #expect(text.contains("128 KiB") && WireFormat.maxData == 128 << 10)
        #expect(text.contains("1 MiB") && WireFormat.window == 1 << 20)
        #expect(text.contains("256 KiB") && WireFormat.acknowledgeAfter == 256 << 10)
        #expect(WireFormat.maxReply == 64 << 20)
        #expect(WireFormat.headerSize == 16)
        #expect(WireFormat.version == 2)
    }
}
