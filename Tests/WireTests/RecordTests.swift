import Testing
import Wire

@Suite struct RecordTests {
    @Test func `a header survives writing and reading`() {
        let header = RecordHeader(
            size: 0x0102_0308,
            opcode: .cuLaunchKernel,
            flags: RecordHeader.Flags.wantsReply,
            sequence: 0xA1B2_C3D4,
            context: 0x0506_0708
        )
        let bytes = written(header)
        #expect(
            bytes.withUnsafeBytes { RecordHeader(reading: UnsafeRawPointer($0.baseAddress!)) }
                == header
        )
        // Little-endian: size, opcode, flags, sequence, context.
        let opcode = Opcode.cuLaunchKernel.rawValue
        let expected: [UInt8] = [
            0x08, 0x03, 0x02, 0x01, UInt8(opcode & 0xFF), UInt8(opcode >> 8), 1, 0,
            0xD4, 0xC3, 0xB2, 0xA1, 0x08, 0x07, 0x06, 0x05,
        ]
        #expect(bytes == expected)
    }

    @Test(arguments: [UInt32(0), 8, 15, 17, 20, 100, 0xFFFF_FFFF])
    func `sizes that no record has`(_ size: UInt32) {
        #expect(header(size).violation(limit: .max) == .badSize(size))
    }

    @Test func `the receiver's limit`() {
        #expect(header(64).violation(limit: 64) == nil)
        #expect(header(72).violation(limit: 64) == .tooLarge(72))
        #expect(header(16).violation(limit: 64) == nil)
    }

    @Test func `an unknown opcode is told apart`() {
        var raw = header(16)
        raw.opcode = 0xEEEE
        #expect(throws: ProtocolViolation.unknownOpcode(0xEEEE)) {
            _ = try Record(raw, body: UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    @Test func `expected sizes of bodies`() throws {
        let body: [UInt64] = [1, 2]
        try body.withUnsafeBytes { bytes in
            let record = try Record(header(32), body: bytes)
            try record.expect(size: 16)
            try record.expect(atLeast: 16)
            #expect(throws: ProtocolViolation.malformed(.reply)) { try record.expect(size: 8) }
            #expect(throws: ProtocolViolation.malformed(.reply)) { try record.expect(atLeast: 17) }
            #expect(record.load(8, as: UInt64.self) == 2)
        }
    }

    @Test func `codes of violations are stable`() {
        let all: [ProtocolViolation] = [
            .badSize(1), .tooLarge(1), .unknownOpcode(1), .badSequence(expected: 1, found: 2),
            .malformed(.reply), .truncated,
        ]
        #expect(all.map(\.code) == [1, 2, 3, 4, 5, 6])
    }

    @Test func `padding`() {
        #expect(
            [0, 1, 7, 8, 9, 1 << 20].map { WireFormat.padded($0) } == [0, 8, 8, 8, 16, 1 << 20]
        )
    }

    private func header(_ size: UInt32) -> RecordHeader {
        RecordHeader(size: Int(size), opcode: .reply, flags: 0, sequence: 1, context: 0)
    }
}
