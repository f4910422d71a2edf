extension ImageLayout {
    /// Where a 64-bit ELF file ends: after the last of its section table, its sections and its
    /// program headers.
    static func elf(_ bytes: BoundedBytes) throws(ImageError) -> ImageLayout {
        guard try bytes.read(UInt8.self, at: 4) == 2, try bytes.read(UInt8.self, at: 5) == 1
        else { throw .unknownVersion }
        var end = 64
        let programs = try bytes.size(at: 32)
        let programSize = Int(try bytes.read(UInt16.self, at: 54))
        let programCount = Int(try bytes.read(UInt16.self, at: 56))
        if programCount > 0 {
            guard programSize == 56 else { throw .unknownVersion }
            end = max(end, programs + programSize * programCount)
        }
        let sections = try bytes.size(at: 40)
        let sectionSize = Int(try bytes.read(UInt16.self, at: 58))
        var sectionCount = Int(try bytes.read(UInt16.self, at: 60))
        if sections > 0 {
            guard sectionSize == 64 else { throw .unknownVersion }
            // More than 65,279 sections: the count stands in the first one's size.
            if sectionCount == 0 { sectionCount = try bytes.size(at: sections + 32) }
            guard sectionCount <= largest / sectionSize else { throw .tooLarge }
            end = max(end, sections + sectionSize * sectionCount)
            for index in 0..<sectionCount {
                let section = sections + index * sectionSize
                // Type 8, NOBITS, occupies nothing in the file.
                if try bytes.read(UInt32.self, at: section + 4) == 8 { continue }
                end = max(
                    end,
                    try bytes.size(at: section + 24) + bytes.size(at: section + 32)
                )
            }
        }
        guard end <= largest else { throw .tooLarge }
        guard end <= bytes.count else { throw .truncated }
        return ImageLayout(kind: .elf, start: bytes.base, size: end)
    }
}
