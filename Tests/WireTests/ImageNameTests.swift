import Testing
import Wire

@Suite struct ImageNameTests {
    private func name(of text: String) -> ImageName {
        Array(text.utf8).withUnsafeBytes { ImageName(of: $0) }
    }

    private func parse(_ body: [UInt8]) throws -> ImageName {
        let header = RecordHeader(
            size: 16 + body.count,
            opcode: .image,
            flags: 0,
            sequence: 1,
            context: 0
        )
        return try body.withUnsafeBytes { try ImageName(Record(header, body: $0)) }
    }

    private func written(_ name: ImageName) -> [UInt8] {
        var body = [UInt8](repeating: 0xEE, count: ImageName.bodySize)
        body.withUnsafeMutableBytes { if let base = $0.baseAddress { name.write(to: base) } }
        return body
    }

    @Test func `a name goes there and back`() throws {
        let name = name(of: "abc")
        let body = written(name)
        #expect(
            Array(body[..<32])
                == bytes("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        )
        #expect(Array(body[32...]) == [3, 0, 0, 0, 0, 0, 0, 0])
        let read = try parse(body)
        #expect(array(read.hash) == array(name.hash))
        #expect(read.size == 3)
        #expect(read.prefix == 0xBF16_78BA)
    }

    @Test(arguments: [0, UInt64(WireFormat.maxImage) + 1, .max, 1 << 63])
    func `sizes that no image has`(_ size: UInt64) {
        var body = written(name(of: "abc"))
        for index in 0..<8 {
            body[32 + index] = UInt8(truncatingIfNeeded: size >> UInt64(8 * index))
        }
        #expect(throws: ProtocolViolation.malformed(.image)) { try parse(body) }
    }

    @Test(arguments: [0, 8, 32, 48])
    func `bodies of another size`(_ count: Int) {
        #expect(throws: ProtocolViolation.malformed(.image)) {
            try parse([UInt8](repeating: 1, count: count))
        }
    }

    @Test func `what is missing is no status`() {
        #expect(ImageName.missing < 0)
    }
}
