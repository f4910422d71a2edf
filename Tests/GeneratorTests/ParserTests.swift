import Generator
import Testing

@Suite struct ParserTests {
    /// A description that uses every word of the grammar.
    static let whole = """
        # a comment
        scalar CUdevice i32
        handle CUstream
        enum CUlimit
        opaque CUthing
        callback CUcall void (CUstream stream, const void* data)
        struct CUpair                  two of them
            i32 first
            u8 more[4]
        result 0 CUDA_SUCCESS no error
        result 1 CUDA_ERROR_INVALID_VALUE invalid argument

        call cuOne
            name cuOne 2000
            in CUdevice device
            out size* bytes
            client wait 0x0100
            soft yes

        call cuOne_v2
            name cuOne 3020
            new CUstream* stream
            client custom 0x0101
            worker auto
            soft none

        call cuOne_v2_ptsz
            name cuOne 7000 ptsz
            in CUstream stream
            client alias cuOne_v2
            soft yes

        call cuTwo
            name cuTwo 4000
            client none it is not carried
            soft none
        """

    @Test func `every declaration arrives`() throws {
        let description = try DescriptionParser.parse(Self.whole)
        #expect(
            description.types.map(\.name) == [
                "CUdevice", "CUstream", "CUlimit", "CUthing", "CUcall", "CUpair",
            ]
        )
        guard case .structure("CUpair", let fields) = description.types.last else {
            Issue.record("CUpair is no structure")
            return
        }
        #expect(
            fields.map { "\($0.type) \($0.name) \($0.count ?? 0)" } == [
                "i32 first 0", "u8 more 4",
            ]
        )
        #expect(description.results.map(\.text) == ["no error", "invalid argument"])
        #expect(description.calls.map(\.name) == ["cuOne", "cuOne_v2", "cuOne_v2_ptsz", "cuTwo"])
    }

    @Test func `a call has all that was said of it`() throws {
        let description = try DescriptionParser.parse(Self.whole)
        let one = try #require(description.call(named: "cuOne"))
        #expect(one.base == "cuOne")
        #expect(one.version == 2000)
        #expect(one.variant == .legacy)
        #expect(one.client == .wait(opcode: 0x100))
        #expect(one.opcode == 0x100)
        #expect(one.workerIsGenerated)
        #expect(one.isSoftware)
        #expect(
            one.arguments.map { "\($0.direction.rawValue) \($0.type) \($0.name)" } == [
                "in CUdevice device", "out size* bytes",
            ]
        )
        let two = try #require(description.call(named: "cuOne_v2"))
        #expect(two.client == .custom(opcode: 0x101))
        #expect(two.workerIsGenerated)
        #expect(two.arguments.first?.direction == .new)
        let perThread = try #require(description.call(named: "cuOne_v2_ptsz"))
        #expect(perThread.variant == .perThreadStream)
        #expect(perThread.client == .alias(of: "cuOne_v2"))
        #expect(perThread.opcode == nil)
        let refused = try #require(description.call(named: "cuTwo"))
        #expect(refused.client == .none(reason: "it is not carried"))
        #expect(!refused.isSoftware)
    }

    /// Text, the line that is wrong, and a word of the message.
    static let mistakes: [(String, Int, String)] = [
        ("nonsense cuOne", 1, "nonsense"),
        ("\n\nscalar", 3, "needs a name"),
        ("scalar CUdevice", 1, "scalar"),
        ("    in i32 x", 1, "outside of a call"),
        ("result x CUDA_SUCCESS no", 1, "result VALUE"),
        ("result 1 CUDA_SUCCESS", 1, "result VALUE"),
        ("result 1 A a\nresult 1 B b", 2, "declared twice"),
        ("callback CUcall void", 1, "callback"),
        ("callback CUcall (i32 x)", 1, "result type"),
        ("callback CUcall void (i32)", 1, "TYPE NAME"),
        ("struct CUpair\nhandle CUx", 2, "no members"),
        ("struct CUpair\n    i32 x[y]", 2, "length"),
        ("handle CUx\nhandle CUx", 2, "declared twice"),
        (call("name cuOne x"), 2, "name BASE VERSION"),
        (call("name cuOne 2000 other"), 2, "name BASE VERSION"),
        (call("in i32"), 2, "in TYPE NAME"),
        (call("out i32 value"), 2, "pointer"),
        (call("new CUstream stream"), 2, "pointer"),
        (call("in CUnknown value"), 2, "CUnknown"),
        (call("client send"), 2, "answered"),
        (call("client send 99"), 2, "answered"),
        (call("client wait 0x12345"), 2, "answered"),
        (call("client none"), 2, "answered"),
        (call("client alias"), 2, "answered"),
        (call("worker sometimes"), 2, "'auto' or 'custom'"),
        (call("soft maybe"), 2, "'yes' or 'none'"),
        (call("loud yes"), 2, "not part of a call"),
        ("call cuOne\n    name cuOne 2000\n    soft yes\n\nhandle CUx", 1, "incomplete"),
        (whole + "\n" + complete("cuOne", "local"), end + 1, "declared twice"),
        (whole + "\n" + complete("cuNew", "send 0x0100"), end + 3, "same opcode"),
        (whole + "\n" + complete("cuNew", "send 0x0003"), end + 3, "opcode of a record"),
        (whole + "\n" + complete("cuNew", "alias cuNothing"), end + 3, "not declared"),
    ]

    private static let end = whole.split(separator: "\n", omittingEmptySubsequences: false).count

    private static func call(_ line: String) -> String { "call cuOne\n    \(line)\n" }

    private static func complete(_ name: String, _ client: String) -> String {
        "call \(name)\n    name \(name) 2000\n    client \(client)\n    soft none\n"
    }

    @Test(arguments: mistakes)
    func `a mistake is told with its line`(_ mistake: (text: String, line: Int, word: String)) {
        do throws(DescriptionError) {
            _ = try DescriptionParser.parse(mistake.text)
            Issue.record("it was accepted")
        } catch {
            #expect(error.line == mistake.line, "\(error)")
            #expect(error.message.contains(mistake.word), "\(error)")
            #expect("\(error)" == "line \(error.line): \(error.message)")
        }
    }
}
