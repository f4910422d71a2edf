import Generator
import Testing

/// What is made of a small description. The expected text is short on purpose: the pieces that
/// other code relies upon.
@Suite struct EmitterTests {
    private static let text = """
        scalar CUdeviceptr u64
        handle CUstream
        handle CUevent
        enum CUlimit
        opaque CUthing
        struct CUpair
            i32 first
            u8 more[4]
        callback CUcall void (CUstream stream, const void* data)
        result 0 CUDA_SUCCESS no error
        result 1 CUDA_ERROR_INVALID_VALUE invalid argument

        call cuFill
            name cuFill 2000
            in CUdeviceptr address
            in u8 value
            in size count
            in CUstream stream
            client send 0x0100
            soft yes

        call cuFill_ptsz
            name cuFill 7000 ptsz
            in CUdeviceptr address
            in u8 value
            in size count
            in CUstream stream
            client alias cuFill
            soft yes

        call cuGetLimit
            name cuGetLimit 3010
            out size* value
            out i32* other
            in CUlimit limit
            client wait 0x0210
            soft yes

        call cuEventCreate
            name cuEventCreate 2000
            new CUevent* event
            in u32 flags
            client custom 0x0300
            worker auto
            soft yes

        call cuDraw
            name cuDraw 12000
            in const CUthing* thing
            in CUcall function
            client none nobody draws
            soft none
        """

    private func output(_ path: String) throws -> String {
        let description = try DescriptionParser.parse(Self.text)
        let outputs = Generator(description, appendix: "## More\n").outputs()
        return try #require(outputs.first { $0.path == path }).text
    }

    @Test func `the C header`() throws {
        let header = try output("Sources/C/CUDAABI/include/cuda_abi.h")
        for line in [
            "typedef unsigned long long CUdeviceptr;",
            "typedef struct CUpair {\n  int first;\n  unsigned char more[4];\n} CUpair;",
            "CUresult cuFill(CUdeviceptr address, unsigned char value, size_t count, CUstream stream);",
            "CUresult cuGetLimit(size_t * value, int * other, CUlimit limit);",
            "CUresult cuDraw(const CUthing * thing, CUcall function);",
            "#define FERRY_CUDA_ERROR_INVALID_VALUE 1",
        ] {
            #expect(header.contains(line), "\(line)")
        }
    }

    @Test func `the table of entry points is sorted by name, variant and version`() throws {
        let table = try output("Sources/C/CProcTable/procs.c")
        let rows = table.split(separator: "\n").filter { $0.hasPrefix("  {") }
        #expect(
            rows == [
                "  {\"cuDraw\", FERRY_PROC(cuDraw), 12000, 0},",
                "  {\"cuEventCreate\", FERRY_PROC(cuEventCreate), 2000, 0},",
                "  {\"cuFill\", FERRY_PROC(cuFill), 2000, 0},",
                "  {\"cuFill\", FERRY_PROC(cuFill_ptsz), 7000, 1},",
                "  {\"cuGetLimit\", FERRY_PROC(cuGetLimit), 3010, 0},",
            ]
        )
        #expect(table.contains("ferry_proc_count = 5;"))
    }

    @Test func `opcodes`() throws {
        let text = try output("Sources/Wire/Generated/Opcode.swift")
        let cases = text.split(separator: "\n").filter { $0.contains(" = 0x") }
            .map { $0.trimmingPrefix("    case ") }
        #expect(
            cases == [
                "snapshot = 0x0001", "failure = 0x0002", "reply = 0x0003", "hostData = 0x0004",
                "output = 0x0005", "chunk = 0x0006", "acknowledge = 0x0007", "resume = 0x0008",
                "image = 0x0009", "upload = 0x0020", "download = 0x0021", "stagingRoom = 0x0022",
                "management = 0x0030",
                "cuFill = 0x0100",
                "cuGetLimit = 0x0210",
                "cuEventCreate = 0x0300",
            ]
        )
    }

    @Test func `requests are aligned and padded`() throws {
        let text = try output("Sources/Wire/Generated/Requests.swift")
        for line in [
            "package static let size = 32",
            "body.storeBytes(of: address, toByteOffset: 0, as: UInt64.self)",
            "body.storeBytes(of: value, toByteOffset: 8, as: UInt32.self)",
            "body.storeBytes(of: count, toByteOffset: 16, as: UInt64.self)",
            "body.storeBytes(of: stream, toByteOffset: 24, as: UInt64.self)",
        ] {
            #expect(text.contains(line), "\(line)")
        }
        #expect(!text.contains("cuDraw"))
        #expect(!text.contains("_ptsz"))
    }

    @Test func `the client's half`() throws {
        let text = try output("Sources/Client/Generated/PlainCalls.swift")
        for line in [
            "guard let streamOnWire = Handles.stream(stream) else { return invalidHandle() }",
            "Session.send(.cuFill, size: Request_cuFill.size) { body in",
            "Session.wait(.cuGetLimit, size: Request_cuGetLimit.size, replySize: 24) { body in",
            "value.pointee = Int(truncatingIfNeeded: "
                + "reply.loadUnaligned(fromByteOffset: 8, as: UInt64.self))",
            "other.pointee = reply.loadUnaligned(fromByteOffset: 16, as: Int32.self)",
        ] {
            #expect(text.contains(line), "\(line)")
        }
        #expect(!text.contains("func cuEventCreate"))
    }

    @Test func `the worker's half checks sizes, handles and addresses`() throws {
        let text = try output("Sources/Worker/Generated/PlainCalls.swift")
        for line in [
            "try record.expect(size: Request_cuFill.size)",
            "guard isDeviceMemory(address)",
            "handles.streams.find(streamHandle)",
            "handles.events.accepts(eventHandle)",
        ] {
            #expect(text.contains(line), "\(line)")
        }
        let table = try output("Sources/Worker/Generated/DriverTable.swift")
        #expect(table.contains("package var cuGetLimit:"))
        #expect(!table.contains("cuFill_ptsz"))
    }

    @Test func `the exports of both libraries`() throws {
        let client = try output("Sources/CUDAShim/Generated/Exports1.swift")
        #expect(client.contains("ClientCalls.cuFill(address, value, count, stream)"))
        #expect(
            client.contains(
                "ClientCalls.cuFill(address, value, count, ClientCalls.perThread(stream))"
            )
        )
        #expect(client.contains("ClientCalls.notSupported(\"cuDraw\")"))
        let soft = try output("Sources/SoftCUDA/Generated/Exports1.swift")
        #expect(soft.contains("SoftCalls.cuGetLimit(value, other, limit)"))
        #expect(soft.contains("SoftCalls.notSupported(\"cuDraw\")"))
        #expect(client.components(of: "@c @implementation") == 5)
        #expect(soft.components(of: "@c @implementation") == 5)
    }

    @Test func `documents`() throws {
        let results = try output("Sources/Driver/Generated/Results.swift")
        #expect(results.contains("case 1: (\"CUDA_ERROR_INVALID_VALUE\", \"invalid argument\")"))
        let coverage = try output("docs/coverage.md")
        #expect(
            coverage.contains("| `cuDraw` | 12.0 | not supported: nobody draws | not supported |")
        )
        #expect(coverage.contains("| `cuFill` | 2.0 | forwarded, no reply | yes |"))
        #expect(coverage.contains("| `cuFill_ptsz` | 7.0 | as `cuFill` | yes |"))
        #expect(coverage.hasSuffix(" |\n\n## More\n"))
    }

    @Test func `every file says that it is generated`() throws {
        let outputs = Generator(try DescriptionParser.parse(Self.text)).outputs()
        #expect(outputs.count == 11)
        for output in outputs {
            #expect(
                output.text.contains("Generated by ferrygen from api/cuda.api"),
                "\(output.path)"
            )
            #expect(output.text.hasSuffix("\n"))
        }
    }
}

extension String {
    /// How often `piece` occurs.
    fileprivate func components(of piece: String) -> Int {
        ranges(of: piece).count
    }
}
