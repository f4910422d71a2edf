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
}
