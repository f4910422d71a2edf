import Testing
import Wire

@Suite struct EchoRequestTests {
    private func read(_ bytes: [UInt8]) -> EchoRequest? {
        bytes.withUnsafeBytes { $0.baseAddress.flatMap { EchoRequest(reading: $0) } }
    }

    @Test func `a request byte by byte`() {
        let request = EchoRequest(.sink, messageSize: 1 << 20, count: 3, spins: true)
        var bytes = [UInt8](repeating: 0xFF, count: EchoRequest.size)
        bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { request.write(to: base) } }
        #expect(bytes == [2, 0, 0, 0, 0, 0, 0x10, 0, 3, 0, 0, 0, 1, 0, 0, 0])
        #expect(read(bytes) == request)
    }

    @Test(
        arguments: [
            [0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
            [4, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
            [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
            [1, 0, 0, 0, 1, 0, 0x10, 0, 1, 0, 0, 0, 0, 0, 0, 0],
            [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] as [[UInt8]]
    )
    func `what makes no sense is refused`(_ bytes: [UInt8]) {
        #expect(read(bytes) == nil)
    }
}
