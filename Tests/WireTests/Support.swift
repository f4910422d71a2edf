import Testing
import Wire

/// Bytes of a header.
func written(_ header: RecordHeader) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: WireFormat.headerSize)
    bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { header.write(to: base) } }
    return bytes
}

/// Bytes of a record; the body's size is a multiple of 8.
func record(_ opcode: Opcode, sequence: UInt32, body: [UInt8]) -> [UInt8] {
    let size = WireFormat.headerSize + body.count
    let header = RecordHeader(size: size, opcode: opcode, flags: 0, sequence: sequence, context: 0)
    return written(header) + body
}

/// Bytes from hexadecimal text.
func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex)
    return stride(from: 0, to: digits.count, by: 2).compactMap {
        UInt8(String(digits[$0..<($0 + 2)]), radix: 16)
    }
}

/// The elements, as an array.
func array<let n: Int>(_ value: InlineArray<n, UInt8>) -> [UInt8] {
    value.indices.map { value[$0] }
}

/// The first elements, and zeros behind them.
func inline<let n: Int>(_ value: [UInt8]) -> InlineArray<n, UInt8> {
    var result: InlineArray<n, UInt8> = .init(repeating: 0)
    for index in value.indices { result[index] = value[index] }
    return result
}
