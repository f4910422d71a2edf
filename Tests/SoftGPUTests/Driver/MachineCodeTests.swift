import CUDAABI
import Driver
import SoftDevice
import SoftGPU
import Testing

/// Cubins, which are read for what launches need to know.
@Suite("Machine code on the software GPU")
struct MachineCodeTests {
    /// An ELF file put together here, as the assembler of CUDA 13 lays it out.
    private struct Cubin {
        var sections: [(name: String, type: UInt32, link: UInt32, size: Int, bytes: [UInt8])] = [
            ("", 0, 0, 0, [])
        ]
        var flags: UInt32 = 0x600_5A04
        var operatingSystem: UInt8 = 0x41

        mutating func add(
            _ name: String,
            type: UInt32 = 1,
            link: UInt32 = 0,
            size: Int? = nil,
            _ bytes: [UInt8] = []
        ) {
            sections.append((name, type, link, size ?? bytes.count, bytes))
        }

        var bytes: [UInt8] {
            var names: [UInt8] = []
            var offsets: [UInt32] = []
            for section in sections + [(".shstrtab", 3, 0, 0, [])] {
                offsets.append(UInt32(names.count))
                names += Array(section.name.utf8) + [0]
            }
            var all = sections
            all.append((".shstrtab", 3, 0, names.count, names))
            var body: [UInt8] = []
            var headers: [UInt8] = []
            for (index, section) in all.enumerated() {
                headers += Self.little(offsets[index]) + Self.little(section.type)
                headers += Self.little(UInt64(0)) + Self.little(UInt64(0))
                headers += Self.little(UInt64(64 + body.count)) + Self.little(UInt64(section.size))
                headers += Self.little(section.link) + Self.little(UInt32(0))
                headers += Self.little(UInt64(0)) + Self.little(UInt64(0))
                body += section.bytes
            }
            var file: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, operatingSystem, 8]
            file += [UInt8](repeating: 0, count: 7)
            file += Self.little(UInt16(2)) + Self.little(UInt16(190)) + Self.little(UInt32(1))
            file += Self.little(UInt64(0)) + Self.little(UInt64(0))
            file += Self.little(UInt64(64 + body.count)) + Self.little(flags)
            file += Self.little(UInt16(64)) + Self.little(UInt16(56)) + Self.little(UInt16(0))
            file += Self.little(UInt16(64)) + Self.little(UInt16(all.count))
            file += Self.little(UInt16(all.count - 1))
            return file + body + headers
        }

        static func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
            withUnsafeBytes(of: value.littleEndian) { Array($0) }
        }

        static func parameter(_ ordinal: UInt16, offset: UInt16, size: UInt32) -> [UInt8] {
            [4, 0x17, 12, 0] + little(UInt32(0)) + little(ordinal) + little(offset)
                + little(size << 18 | 0x1F000)
        }

        static func symbol(
            _ name: UInt32,
            type: UInt8,
            other: UInt8,
            section: UInt16,
            size: UInt64
        ) -> [UInt8] {
            little(name) + [0x10 | type, other] + little(section) + little(UInt64(0)) + little(size)
        }

        /// Kernel `work(8 bytes, 4 bytes, hole, 64 bytes)`, a function that is no kernel, variables.
        static var typical: Cubin {
            var cubin = Cubin()
            let strings = Array("\0work\0helper\0table\0.hidden\0limit\0".utf8)
            cubin.add(".strtab", type: 3, strings)
            cubin.add(".text.work", [UInt8](repeating: 0, count: 16))
            cubin.add(".text.helper", [UInt8](repeating: 0, count: 16))
            cubin.add(".nv.global", type: 8, size: 48)
            cubin.add(".nv.constant3", [UInt8](repeating: 7, count: 8))
            cubin.add(".nv.shared.work", type: 8, size: 1040)
            let info =
                [3, 0x1B, 0xFF, 0] + parameter(2, offset: 48, size: 64)
                + parameter(1, offset: 8, size: 4) + parameter(0, offset: 0, size: 8)
                + [4, 0x05, 12, 0] + little(UInt32(64)) + little(UInt32(2)) + little(UInt32(1))
            cubin.add(".nv.info.work", type: 0x7000_0000, info)
            let symbols =
                [UInt8](repeating: 0, count: 24)
                + symbol(1, type: 2, other: 0x10, section: 2, size: 16)
                + symbol(6, type: 2, other: 0, section: 3, size: 16)
                + symbol(13, type: 1, other: 0, section: 4, size: 40)
                + symbol(19, type: 1, other: 0, section: 4, size: 8)
                + symbol(27, type: 1, other: 0, section: 5, size: 8)
            cubin.add(".symtab", type: 2, link: 1, symbols)
            return cubin
        }
    }

    private static let hopper = Configuration.Capability(major: 9, minor: 0)

    private func text(
        _ cubin: [UInt8],
        _ capability: Configuration.Capability = hopper
    ) throws -> String {
        String(decoding: try MachineCode.declarations(in: cubin, for: capability), as: UTF8.self)
    }

    @Test func whatItDeclares() throws {
        let text = try text(Cubin.typical.bytes)
        #expect(text.contains(".target sm_90\n"))
        #expect(text.contains(".visible .global .align 16 .b8 table[40];"))
        #expect(text.contains(".visible .const .align 16 .b8 limit[8];"))
        #expect(!text.contains("hidden") && !text.contains("helper"))
        #expect(text.contains(".maxntid 64, 2, 1"))
        #expect(text.contains("[1040]"))
    }

    @Test func parametersLieWhereTheCodeReadsThem() throws {
        let source = try MachineCode.declarations(in: Cubin.typical.bytes, for: Self.hopper)
        let module = try PTXModule(
            source: source,
            memory: try DeviceMemory(ordinal: 4, capacity: 16 << 20)
        )
        let kernel = try #require(module.kernel(named: "work"))
        #expect(kernel.parameters.map(\.offset) == [0, 8, 48])
        #expect(kernel.parameters.map(\.size) == [8, 4, 64])
        #expect(kernel.parameterBytes == 112)
        #expect(kernel.maxThreadsPerBlock == 128)
        #expect(kernel.staticSharedBytes == 1040)
    }

    @Test func otherGenerationsAreRefused() throws {
        let bytes = Cubin.typical.bytes
        for number in [(8, 6), (10, 0), (12, 0)] {
            #expect {
                try text(bytes, .init(major: number.0, minor: number.1))
            } throws: {
                ($0 as? CodeFailure)?.status == Status.noBinaryForGPU
            }
        }
        var old = Cubin.typical
        (old.operatingSystem, old.flags) = (0x33, 0x50_055A)
        #expect(try text(old.bytes).contains(".target sm_90\n"))
    }

    @Test func damagedFilesAreErrors() throws {
        let whole = Cubin.typical.bytes
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<3000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 4..<bytes.count, using: &generator)
                bytes[place] = .random(in: 0...255, using: &generator)
            }
            bytes.removeLast(Int.random(in: 0...8, using: &generator))
            // An error or a text, but no crash.
            _ = try? text(bytes)
        }
        #expect(throws: CodeFailure.self) { try text(Array(whole.prefix(100))) }
        #expect(throws: CodeFailure.self) { try text(Array("PTX".utf8)) }
    }
}
