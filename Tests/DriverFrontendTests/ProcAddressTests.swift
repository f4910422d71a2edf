import CProcNames
import CUDAABI
import DriverFrontend
import Testing

/// The generated table, in which the names of the symbols stand for their addresses.
@Suite struct ProcAddressTests {
    private struct Answer: Equatable {
        var symbol: String?
        var query: Int32
        var status: Int32
    }

    private static var table: ProcTable {
        get throws {
            ProcTable(try #require(ferry_proc_names_table()), count: ferry_proc_names_count)
        }
    }

    private func ask(
        _ name: String,
        _ version: Int32,
        flags: UInt64 = 0,
        driver: Int32 = 13_050
    ) throws -> Answer {
        let untouched = UnsafeMutableRawPointer(bitPattern: 8)
        var function = untouched
        var query: Int32 = -1
        let table = try Self.table
        let status = name.withCString {
            ProcAddress.answer(
                $0,
                &function,
                version,
                flags,
                &query,
                in: table,
                driverVersion: driver
            )
        }
        if function == untouched { function = nil }
        let symbol = function.map { String(cString: $0.assumingMemoryBound(to: CChar.self)) }
        return Answer(symbol: symbol, query: query, status: status)
    }

    @Test(arguments: [
        ("cuDeviceTotalMem", Int32(2000), "cuDeviceTotalMem"),
        ("cuDeviceTotalMem", 3010, "cuDeviceTotalMem"),
        ("cuDeviceTotalMem", 3020, "cuDeviceTotalMem_v2"),
        ("cuDeviceTotalMem", 13_000, "cuDeviceTotalMem_v2"),
        ("cuGetProcAddress", 11_030, "cuGetProcAddress"),
        ("cuGetProcAddress", 11_080, "cuGetProcAddress"),
        ("cuGetProcAddress", 12_000, "cuGetProcAddress_v2"),
        ("cuMemAlloc", 3020, "cuMemAlloc_v2"),
        ("cuCtxCreate", 2000, "cuCtxCreate"),
        ("cuCtxCreate", 3020, "cuCtxCreate_v2"),
        ("cuCtxCreate", 11_040, "cuCtxCreate_v3"),
        ("cuCtxCreate", 12_050, "cuCtxCreate_v4"),
        ("cuStreamGetCaptureInfo", 10_010, "cuStreamGetCaptureInfo"),
        ("cuStreamGetCaptureInfo", 11_030, "cuStreamGetCaptureInfo_v2"),
        ("cuInit", 2000, "cuInit"),
        ("cuInit", Int32.max, "cuInit"),
    ])
    func `the newest variant that is not newer than asked for`(
        _ row: (name: String, version: Int32, symbol: String)
    ) throws {
        let expected = Answer(symbol: row.symbol, query: 0, status: 0)
        #expect(try ask(row.name, row.version) == expected)
    }

    @Test func `nothing newer than the driver`() throws {
        let old = try ask("cuCtxCreate", 13_000, driver: 12_000)
        #expect(old.symbol == "cuCtxCreate_v3")
        let none = try ask("cuCtxSynchronize", 13_000, driver: 1000)
        #expect(none == Answer(symbol: nil, query: 2, status: 500))
    }

    @Test func `per-thread variants only for those who ask`() throws {
        for flags: UInt64 in [0, 1] {
            #expect(try ask("cuLaunchKernel", 7000, flags: flags).symbol == "cuLaunchKernel")
            #expect(try ask("cuMemcpyHtoD", 7000, flags: flags).symbol == "cuMemcpyHtoD_v2")
        }
        #expect(try ask("cuLaunchKernel", 7000, flags: 2).symbol == "cuLaunchKernel_ptsz")
        #expect(try ask("cuMemcpyHtoD", 7000, flags: 2).symbol == "cuMemcpyHtoD_v2_ptds")
        #expect(try ask("cuStreamSynchronize", 7000, flags: 2).symbol == "cuStreamSynchronize_ptsz")
        // Before CUDA 7 there were none, and some calls have none.
        #expect(try ask("cuLaunchKernel", 4000, flags: 2).symbol == "cuLaunchKernel")
        #expect(try ask("cuMemAlloc", 13_000, flags: 2).symbol == "cuMemAlloc_v2")
    }

    @Test func `refusals say why`() throws {
        #expect(try ask("cuLaunchKernel", 3020) == Answer(symbol: nil, query: 2, status: 500))
        #expect(try ask("cuNoSuchThing", 13_000) == Answer(symbol: nil, query: 1, status: 500))
        #expect(try ask("", 0) == Answer(symbol: nil, query: 1, status: 500))
        #expect(try ask("cuMemAlloc_v2", 13_000) == Answer(symbol: nil, query: 1, status: 500))
        #expect(try ask("zzz", 13_000).query == 1)
        #expect(try ask("aaa", 13_000).query == 1)
        #expect(try ask("cuInit", 13_000, flags: 3) == Answer(symbol: nil, query: -1, status: 1))
    }

    @Test func `the query result and only that may be left out`() throws {
        var function: UnsafeMutableRawPointer?
        let table = try Self.table
        let found = ProcAddress.answer(
            "cuInit",
            &function,
            2000,
            0,
            nil,
            in: table,
            driverVersion: 13_000
        )
        #expect(found == 0)
        #expect(function != nil)
        let noSymbol = ProcAddress.answer(
            nil,
            &function,
            2000,
            0,
            nil,
            in: table,
            driverVersion: 13_000
        )
        #expect(noSymbol == 1)
        let noTarget = ProcAddress.answer(
            "cuInit",
            nil,
            2000,
            0,
            nil,
            in: table,
            driverVersion: 13_000
        )
        #expect(noTarget == 1)
    }

    @Test func `every row can be found, each symbol once`() throws {
        let rows = try #require(ferry_proc_names_table())
        var symbols: Set<String> = []
        for index in 0..<Int(ferry_proc_names_count) {
            let row = rows[index]
            let symbol = String(cString: row.function.assumingMemoryBound(to: CChar.self))
            #expect(symbols.insert(symbol).inserted, "\(symbol)")
            let answer = try ask(
                String(cString: row.base),
                row.version,
                flags: row.is_per_thread == 1 ? 2 : 0
            )
            #expect(answer.symbol == symbol)
        }
        #expect(symbols.count == 688)
    }
}
