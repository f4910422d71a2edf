import Generator
import Testing

@Suite struct LengthTests {
    private func arguments(_ lines: String) throws -> [Argument] {
        let text = """
            scalar CUdevice i32

            call cuOne
                name cuOne 2000
            \(lines)
                client local
                soft none
            """
        return try DescriptionParser.parse(text).calls[0].arguments
    }

    @Test func `a pointer is to one element unless a length is given`() throws {
        let found = try arguments(
            """
                in const void* source [bytes]
                in size bytes
                in const char* name [text]
                in const void* code [image]
                in void** parameters [kernel]
                in void** extra [end]
                out void* data [attribute]
                out i32* count
            """
        )
        let expected: [Length?] = [
            .argument("bytes"), nil, .text, .image, .kernel, .end, .attribute, nil,
        ]
        #expect(found.map(\.length) == expected)
        #expect(found.map(\.name).first == "source")
    }

    @Test func `a length that is no argument is refused`() {
        #expect(throws: DescriptionError.self) {
            _ = try arguments("    in const void* source [bytes]")
        }
    }

    @Test func `a value has no length`() {
        #expect(throws: DescriptionError.self) {
            _ = try arguments("    in CUdevice device [text]")
        }
    }
}
