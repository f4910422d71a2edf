import CLinux
import CUDAABI
import DriverFrontend
import Foundation
import TestSupport
import Testing

/// The tables, as facts/cuda-driver.md §3 has them. What they answer depends on the host that the
/// process installs, so those tests run in processes of their own.
@Suite struct ExportTableTests {
    /// Identifiers in memory order, and the words that the header counts; 0 for no header.
    static let known: [(String, Int)] = [
        ("6bd5fb6c5bf4e74a8987d93912fd9df9", 13),
        ("a094798c2e742e7493f20800200c0a66", 7),
        ("42d85a8123f6cb478298f6e78a3aecdc", 4),
        ("c693336e1121df11a8c368f355d89593", 0),
        ("263e88607cd2614392f6bbd5006dfa7e", 4),
        ("d4082055bde6704b8d34ba123c66e1f2", 3),
        ("21318c60971432488ca641ff7324c8f2", 95),
        ("6e163fbeb958444d835ce182aff1991e", 64),
        ("1734dc26800d47458726c0f1e7dd8bca", 64),
        ("7cb63f9b9ca48e42a484beb66e6aed7f", 1),
    ]

    @Test(arguments: known)
    func `a known table`(_ entry: (identifier: String, words: Int)) throws {
        let table = try #require(ExportTables.table(for: uuid(entry.identifier)))
        #expect(ExportTables.table(for: uuid(entry.identifier)) == table, "the address stays")
        let first = table.load(as: UInt.self)
        if entry.words > 0 {
            #expect(first == UInt(entry.words * 8))
        } else {
            #expect(first > 0x1000, "without a header the first word is a function")
        }
    }

    @Test(arguments: [
        "f8cff95121468b4eb9e2fb469e7c0dd9", "da9151d33ae6cc41a5c04f26d533e328",
        "00000000000000000000000000000000", "ffffffffffffffffffffffffffffffff",
        "6bd5fb6c5bf4e74a8987d93912fd9df8",
    ])
    func `an unknown table is refused`(_ identifier: String) {
        #expect(ExportTables.table(for: uuid(identifier)) == nil)
    }

    @Test func `answers that do not depend on the host`() throws {
        let check = try integrity()
        #expect(check.ask(13_050) == [0x3341_181C_03CB_675C, 0x8ED3_83AA_1F4C_D1E8])
        #expect(check.ask(12_000) == [0x3341_181C_03CB_675C, 0x8ED3_83AA_1F4C_D1E8])
        #expect(check.ask(13_051) == [0x1841_181C_03CB_675C, 0x8ED3_83AA_1F4C_D1E8])
        #expect(check.function(13_050, 0, nil) == 1)
    }

    @Test func `profilers find empty buffers`() throws {
        typealias Function =
            @convention(c) (
                UnsafeMutablePointer<UnsafeMutableRawPointer?>?, UnsafeMutablePointer<Int>?
            ) -> Void
        let table = try #require(ExportTables.table(for: uuid(Self.known[1].0)))
        for (slot, size) in [(2, 1024), (6, 14)] {
            let function = table.load(fromByteOffset: slot * 8, as: Function.self)
            var buffer: UnsafeMutableRawPointer?
            var count = 0
            function(&buffer, &count)
            #expect(count == size)
            let words = try #require(buffer).assumingMemoryBound(to: UInt64.self)
            #expect((0..<size).allSatisfy { words[$0] == 0 })
        }
    }

    @Test func `storage through the table`() throws {
        typealias Put = @convention(c) (UInt64, UInt, UInt, UInt) -> Int32
        typealias Remove = @convention(c) (UInt64, UInt) -> Int32
        typealias Get = @convention(c) (UnsafeMutablePointer<UInt>?, UInt64, UInt) -> Int32
        let table = try #require(ExportTables.table(for: uuid(Self.known[3].0)))
        let put = table.load(as: Put.self)
        let remove = table.load(fromByteOffset: 8, as: Remove.self)
        let get = table.load(fromByteOffset: 16, as: Get.self)
        #expect(table.load(fromByteOffset: 24, as: UInt.self) == 0)
        var value: UInt = 0
        #expect(get(&value, 0xF001, 1) == 400)
        #expect(put(0xF001, 1, 42, 0) == 0)
        #expect(get(&value, 0xF001, 1) == 0)
        #expect(value == 42)
        #expect(get(nil, 0xF001, 1) == 1)
        #expect(remove(0xF001, 1) == 0)
        #expect(remove(0xF001, 1) == 400)
    }

    @Test func `the third answer changes with each input`() async {
        await #expect(processExitsWith: .success) {
            HostValues.install()
            let check = try integrity()
            let first = check.ask(13_052)
            #expect(check.ask(13_052) == first)
            #expect(first == HostValues.expected(13_052, check))
            #expect(check.ask(13_053) != first)
            #expect(check.ask(13_052, time: 1_700_000_001) != first)
            let changes: [@Sendable () -> Void] = [
                { HostValues.version += 1 },
                { HostValues.devices = 1 },
                { HostValues.uuidByte += 1 },
                { HostValues.pci.0 += 1 },
                { HostValues.pci.1 += 1 },
                { HostValues.pci.2 += 1 },
            ]
            var seen = [first]
            for change in changes {
                change()
                let answer = check.ask(13_052)
                #expect(!seen.contains(answer))
                #expect(answer == HostValues.expected(13_052, check))
                seen.append(answer)
            }
        }
    }

    @Test func `the third answer is the calling thread's own`() async {
        await #expect(processExitsWith: .success) {
            HostValues.install()
            let check = try integrity()
            let own = check.ask(13_052)
            nonisolated(unsafe) var other: [UInt64] = []
            let gate = Gate()
            Thread.detachNewThread {
                other = check.ask(13_052)
                gate.open()
            }
            gate.wait()
            #expect(other != own)
        }
    }

    @Test func `without a host the runtime table says that nothing is initialised`() async {
        await #expect(processExitsWith: .success) {
            typealias Load =
                @convention(c) (
                    UnsafeMutablePointer<CUmodule?>?, UnsafeRawPointer?
                ) -> Int32
            let table = try #require(ExportTables.table(for: uuid(Self.known[0].0)))
            var module: CUmodule?
            #expect(table.load(fromByteOffset: 8, as: Load.self)(&module, nil) == 3)
        }
    }

    @Test func `contexts and functions come from the host`() async {
        await #expect(processExitsWith: .success) {
            HostValues.install()
            typealias Primary = @convention(c) (UnsafeMutablePointer<UInt64>?, Int32) -> Int32
            typealias Identify = @convention(c) (UInt64, UnsafeMutablePointer<UInt64>?) -> Int32
            let runtime = try #require(ExportTables.table(for: uuid(Self.known[0].0)))
            var context: UInt64 = 0
            let primary = runtime.load(fromByteOffset: 16, as: Primary.self)
            #expect(primary(&context, 1) == 0)
            #expect(context == 0x1001)
            #expect(primary(&context, 7) == 101)
            #expect(primary(nil, 0) == 1)
            let tools = try #require(ExportTables.table(for: uuid(Self.known[6].0)))
            var identifier: UInt64 = 0
            let identify = tools.load(fromByteOffset: 32, as: Identify.self)
            #expect(identify(0x1001, &identifier) == 0)
            #expect(identifier == 0x2001)
            #expect(identify(0x55, &identifier) == 201)
        }
    }
}
