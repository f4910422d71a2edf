/// The sections of a 64-bit ELF file in memory. Every read is checked against the end of the file.
package struct ELFSections: @unchecked Sendable {
    /// One of them.
    package struct Section: @unchecked Sendable {
        /// Where its name begins in the table of names.
        var nameOffset: Int
        /// `sh_type`: 2 a table of symbols, 8 one that occupies nothing in the file.
        package var type: UInt32
        /// Bytes that it stands for.
        package var size: Int
        /// `sh_link`: for a table of symbols, the section of their names.
        package var link: Int
        /// `sh_info`.
        package var info: UInt32
        /// What the file holds of it; nothing when it occupies nothing there.
        package var bytes: UnsafeRawBufferPointer
    }

    /// Types of sections.
    package enum SectionType {
        /// A table of symbols.
        package static let symbols: UInt32 = 2
        /// Memory that the file has no bytes for.
        package static let noBits: UInt32 = 8
    }

    private let file: BoundedBytes
    private let table: Int
    /// How many there are.
    package let count: Int
    private var names: BoundedBytes

    /// The sections of an ELF file, which must outlive this value.
    package init(_ elf: ImageLayout) throws(ImageError) {
        try self.init(BoundedBytes(base: elf.start, count: elf.size))
    }

    /// - Parameter file: Not more than the file that `ImageLayout.elf` has measured.
    init(_ file: BoundedBytes) throws(ImageError) {
        self.file = file
        names = BoundedBytes(base: file.base, count: 0)
        table = try file.size(at: 40)
        guard table > 0 else {
            count = 0
            return
        }
        let short = Int(try file.read(UInt16.self, at: 60))
        // More than 65,279 sections: the count stands in the first one's size.
        count = short == 0 ? try file.size(at: table + 32) : short
        guard count <= file.count / 64 else { throw .truncated }
        let number = Int(try file.read(UInt16.self, at: 62))
        // With so many, the number stands in the first one's link.
        let index = number == 0xFFFF ? Int(try file.read(UInt32.self, at: table + 40)) : number
        guard index < count else { throw .unknownVersion }
        names = BoundedBytes(try section(index).bytes) ?? names
    }

    /// `e_flags` of the file.
    package var flags: UInt32 {
        get throws(ImageError) { try file.read(UInt32.self, at: 48) }
    }

    /// `EI_OSABI`: 0x33 for cubins of CUDA 12 and before, 0x41 since.
    package var operatingSystem: UInt8 {
        get throws(ImageError) { try file.read(UInt8.self, at: 7) }
    }

    /// A section by its number, 0 to `count` - 1.
    package func section(_ index: Int) throws(ImageError) -> Section {
        guard index >= 0, index < count else { throw .truncated }
        let header = table + 64 * index
        let type = try file.read(UInt32.self, at: header + 4)
        let offset = try file.size(at: header + 24)
        let size = try file.size(at: header + 32)
        let held = type == SectionType.noBits ? 0 : size
        guard held == 0 || (offset <= file.count && held <= file.count - offset) else {
            throw .truncated
        }
        return Section(
            nameOffset: Int(try file.read(UInt32.self, at: header)),
            type: type,
            size: size,
            link: Int(try file.read(UInt32.self, at: header + 40)),
            info: try file.read(UInt32.self, at: header + 44),
            bytes: UnsafeRawBufferPointer(
                start: held == 0 ? file.base : file.base.advanced(by: offset),
                count: held
            )
        )
    }

    /// A section's name, without the NUL; empty when it has none.
    package func name(of section: Section) -> UnsafeRawBufferPointer {
        Self.text(in: names, at: section.nameOffset)
    }

    /// A symbol's name, without the NUL, out of the section that its table links to.
    package static func name(
        at offset: Int,
        in strings: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer {
        guard let strings = BoundedBytes(strings) else { return .init(start: nil, count: 0) }
        return text(in: strings, at: offset)
    }

    private static func text(in strings: BoundedBytes, at offset: Int) -> UnsafeRawBufferPointer {
        guard offset >= 0, offset < strings.count else { return .init(start: nil, count: 0) }
        let rest = BoundedBytes(
            base: strings.base.advanced(by: offset),
            count: strings.count - offset
        )
        return UnsafeRawBufferPointer(start: rest.base, count: rest.lengthOfText)
    }
}

extension BoundedBytes {
    /// The bytes of a buffer; `nil` when it has no address.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return nil }
        self.init(base: base, count: bytes.count)
    }
}
