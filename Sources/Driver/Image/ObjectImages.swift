/// The fatbins in what the linker takes beside images: objects of the host's compiler, and static
/// libraries of such objects.
///
/// `nvcc -dc` puts a fatbin into an object's section `__nv_relfatbin`, `nvcc -c` into `.nv_fatbin`.
/// Every read is checked against the end of the file.
package enum ObjectImages {
    private static let archiveMagic = StaticString("!<arch>\n")
    private static let sectionNames = [StaticString("__nv_relfatbin"), StaticString(".nv_fatbin")]
    private static let memberHeader = 60

    /// The fatbins of a file, in its order; none when its objects hold no device code.
    ///
    /// - Parameter file: An ELF object or an `ar` archive; must outlive what is returned.
    /// - Throws: `notAnImage` when it is neither, or what is wrong with it.
    package static func fatbins(
        in file: UnsafeRawBufferPointer
    ) throws(ImageError) -> [ImageLayout] {
        guard let start = file.baseAddress, !file.isEmpty else { throw .notAnImage }
        let bytes = BoundedBytes(base: start, count: file.count)
        guard begins(bytes, at: 0, with: archiveMagic) else { return try object(bytes) }
        var found: [ImageLayout] = []
        var offset = archiveMagic.utf8CodeUnitCount
        while offset < bytes.count {
            let size = try memberSize(bytes, at: offset)
            let data = offset + memberHeader
            guard size <= bytes.count - data else { throw .truncated }
            let member = BoundedBytes(base: start.advanced(by: data), count: size)
            // Members such as the table of symbols are no objects.
            if isELF(member) { found += try object(member) }
            // Members begin at even offsets.
            offset = data + size + size % 2
        }
        return found
    }

    /// Bytes of an archive's member, which its header gives in decimal.
    private static func memberSize(
        _ bytes: BoundedBytes,
        at offset: Int
    ) throws(ImageError) -> Int {
        guard try bytes.read(UInt16.self, at: offset + 58) == 0x0A60 else { throw .unknownVersion }
        var size = 0
        for index in 48..<58 {
            let digit = try bytes.read(UInt8.self, at: offset + index)
            if digit == 0x20 { break }
            guard (0x30...0x39).contains(digit) else { throw .unknownVersion }
            size = size * 10 + Int(digit - 0x30)
        }
        return size
    }

    private static func isELF(_ bytes: BoundedBytes) -> Bool {
        begins(bytes, at: 0, with: "\u{7F}ELF")
    }

    /// The fatbins in an object's sections of device code.
    private static func object(_ bytes: BoundedBytes) throws(ImageError) -> [ImageLayout] {
        guard isELF(bytes) else { throw .notAnImage }
        let whole = try ImageLayout.elf(bytes)
        let sections = try ELFSections(whole)
        var found: [ImageLayout] = []
        for index in 0..<sections.count {
            let section = try sections.section(index)
            guard isDeviceCode(sections.name(of: section)),
                let bytes = BoundedBytes(section.bytes)
            else { continue }
            found += try fatbins(bytes)
        }
        return found
    }

    private static func isDeviceCode(_ name: UnsafeRawBufferPointer) -> Bool {
        guard let bytes = BoundedBytes(name) else { return false }
        return sectionNames.contains {
            $0.utf8CodeUnitCount == name.count && begins(bytes, at: 0, with: $0)
        }
    }

    /// The fatbins of a section, one after another, each at a multiple of eight bytes.
    private static func fatbins(_ section: BoundedBytes) throws(ImageError) -> [ImageLayout] {
        var found: [ImageLayout] = []
        var offset = 0
        while offset < section.count {
            let image = try ImageLayout.measure(
                section.base.advanced(by: offset),
                limit: section.count - offset
            )
            guard image.kind == .fatbin else { throw .notAnImage }
            found.append(image)
            offset = (offset + image.size + 7) & ~7
        }
        return found
    }

    private static func begins(
        _ bytes: BoundedBytes,
        at offset: Int,
        with text: StaticString
    ) -> Bool {
        let length = text.utf8CodeUnitCount
        guard offset >= 0, length <= bytes.count - offset else { return false }
        for index in 0..<length {
            let byte = bytes.base.load(fromByteOffset: offset + index, as: UInt8.self)
            if byte != text.utf8Start[index] { return false }
        }
        return true
    }
}
