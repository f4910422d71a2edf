/// Makes images of device code, whole ones and damaged ones.
struct ImageBuilder {
    /// One entry of a fatbin.
    struct Entry {
        var kind: UInt16 = 1
        var target: UInt32 = 75
        var flags: UInt64 = 0x11
        var payload: [UInt8] = Array(".version 8.0\n".utf8)
        var compressedSize: UInt32 = 0
        var uncompressedSize: UInt64 = 0
        var headerSize: UInt32 = 64
    }

    static func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        (0..<MemoryLayout<T>.size).map { UInt8(truncatingIfNeeded: value >> T(8 * $0)) }
    }

    static func entry(_ entry: Entry) -> [UInt8] {
        var padded = entry.payload
        while padded.count % 8 != 0 { padded.append(0) }
        var header = bytes(entry.kind) + bytes(UInt16(0x0101)) + bytes(entry.headerSize)
        header += bytes(UInt64(padded.count)) + bytes(entry.compressedSize) + bytes(UInt32(0))
        header += bytes(UInt16(0)) + bytes(UInt16(8)) + bytes(entry.target)
        header += bytes(UInt64(0)) + bytes(entry.flags) + bytes(UInt64(0))
        header += bytes(entry.uncompressedSize)
        return header + padded
    }

    static func fatbin(_ entries: [Entry]) -> [UInt8] {
        let body = entries.flatMap(entry)
        return bytes(UInt32(0xBA55_ED50)) + bytes(UInt16(1)) + bytes(UInt16(16))
            + bytes(UInt64(body.count)) + body
    }

    /// An ELF file of a header and a section table with one section of `size` bytes behind it.
    static func elf(sectionSize size: Int, type: UInt32 = 1) -> [UInt8] {
        var header: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0x41]
        header += [UInt8](repeating: 0, count: 24)
        header += bytes(UInt64(0)) + bytes(UInt64(64)) + bytes(UInt32(0)) + bytes(UInt16(64))
        header += bytes(UInt16(0)) + bytes(UInt16(0)) + bytes(UInt16(64)) + bytes(UInt16(1))
        header += bytes(UInt16(0))
        var section = bytes(UInt32(0)) + bytes(type)
        section += [UInt8](repeating: 0, count: 16) + bytes(UInt64(128)) + bytes(UInt64(size))
        section += [UInt8](repeating: 0, count: 64 - section.count)
        return header + section + [UInt8](repeating: 0xAA, count: type == 8 ? 0 : size)
    }

    /// An object with a table of section names and one section of this name.
    static func object(section name: String, _ content: [UInt8]) -> [UInt8] {
        let names = [0] + Array(".shstrtab".utf8) + [0] + Array(name.utf8) + [0]
        let padded = names + [UInt8](repeating: 0, count: (8 - names.count % 8) % 8)
        var header: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0]
        header += [UInt8](repeating: 0, count: 24)
        header += bytes(UInt64(0)) + bytes(UInt64(64)) + bytes(UInt32(0)) + bytes(UInt16(64))
        header += bytes(UInt16(0)) + bytes(UInt16(0)) + bytes(UInt16(64)) + bytes(UInt16(3))
        header += bytes(UInt16(1))
        func section(_ name: Int, _ type: UInt32, _ offset: Int, _ size: Int) -> [UInt8] {
            var section = bytes(UInt32(name)) + bytes(type) + [UInt8](repeating: 0, count: 16)
            section += bytes(UInt64(offset)) + bytes(UInt64(size))
            return section + [UInt8](repeating: 0, count: 64 - section.count)
        }
        let start = 64 + 3 * 64
        return header + section(0, 0, 0, 0) + section(1, 3, start, names.count)
            + section(11, 1, start + padded.count, content.count) + padded + content
    }

    /// A static library of these files.
    static func archive(_ members: [[UInt8]]) -> [UInt8] {
        var archive = Array("!<arch>\n".utf8)
        for member in members {
            let size = "\(member.count)"
            archive += Array("name.o/         0           0     0     644     ".utf8)
            archive += Array(size.utf8) + [UInt8](repeating: 0x20, count: 10 - size.utf8.count)
            archive += [0x60, 0x0A] + member
            if member.count % 2 != 0 { archive.append(0x0A) }
        }
        return archive
    }
}
