/// What kind of image lies at an address, and where it ends.
///
/// `cuModuleLoadData` and `cuLibraryLoadData` take a pointer without a size; the image's own
/// headers say how long it is (facts/cuda-driver.md §6). Reads never go past `limit`.
package struct ImageLayout: Equatable, @unchecked Sendable {
    /// The kinds that the driver API knows.
    package enum Kind: Equatable, Sendable {
        /// A fatbin: compiled code and PTX for several GPUs.
        case fatbin
        /// A cubin: compiled code for one GPU, an ELF file.
        case elf
        /// PTX, text that ends with a NUL (not counted if it lies at the limit).
        case text
    }

    /// The kind.
    package var kind: Kind
    /// Where it starts: the wrapper's data for a wrapped fatbin.
    package var start: UnsafeRawPointer
    /// Its bytes, without the terminating NUL of a text.
    package var size: Int

    /// An image at `start`.
    package init(kind: Kind, start: UnsafeRawPointer, size: Int) {
        self.kind = kind
        self.start = start
        self.size = size
    }

    /// Larger images are refused.
    package static let largest = 1 << 32

    /// First word of a fatbin wrapper: a structure with the pointer to a fatbin.
    package static let wrapperMagic: UInt32 = 0x4662_43B1
    /// First word of a fatbin.
    package static let fatbinMagic: UInt32 = 0xBA55_ED50
    private static let elfMagic: UInt32 = 0x464C_457F
    private static let tileMagic: UInt32 = 0x6C69_547F

    /// The image at `pointer` in the memory of this process. Follows a wrapper's pointer.
    ///
    /// - Parameter pointer: Must be readable as far as the image's headers say.
    package static func find(at pointer: UnsafeRawPointer) throws(ImageError) -> ImageLayout {
        let magic = pointer.loadUnaligned(as: UInt32.self)
        guard UInt32(littleEndian: magic) == wrapperMagic else {
            return try measure(pointer, limit: largest)
        }
        let version = pointer.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
        guard version == 1 || version == 2 else { throw .unknownVersion }
        let data = pointer.loadUnaligned(fromByteOffset: 8, as: UInt.self)
        guard let target = UnsafeRawPointer(bitPattern: data) else { throw .notAnImage }
        return try measure(target, limit: largest)
    }

    /// The image that starts at `pointer`, which is no wrapper and of which at most `limit` bytes
    /// may be read.
    package static func measure(
        _ pointer: UnsafeRawPointer,
        limit: Int
    ) throws(ImageError) -> ImageLayout {
        let bytes = BoundedBytes(base: pointer, count: min(limit, largest))
        guard bytes.count > 0, bytes.base.load(as: UInt8.self) != 0 else { throw .notAnImage }
        // A text may be shorter than four bytes, so the magic is compared byte by byte.
        if matches(bytes, fatbinMagic) { return try fatbin(bytes) }
        if matches(bytes, elfMagic) { return try elf(bytes) }
        if matches(bytes, tileMagic) { throw .unknownLength }
        return try text(bytes)
    }

    private static func matches(_ bytes: BoundedBytes, _ magic: UInt32) -> Bool {
        for index in 0..<4 {
            guard index < bytes.count else { return false }
            let byte = bytes.base.load(fromByteOffset: index, as: UInt8.self)
            if byte != UInt8(truncatingIfNeeded: magic >> UInt32(8 * index)) { return false }
        }
        return true
    }

    private static func fatbin(_ bytes: BoundedBytes) throws(ImageError) -> ImageLayout {
        guard try bytes.read(UInt16.self, at: 4) == 1, try bytes.read(UInt16.self, at: 6) == 16
        else { throw .unknownVersion }
        let payload = try bytes.size(at: 8)
        guard payload <= bytes.count - 16 else { throw .truncated }
        return ImageLayout(kind: .fatbin, start: bytes.base, size: 16 + payload)
    }

    private static func text(_ bytes: BoundedBytes) throws(ImageError) -> ImageLayout {
        let first = bytes.base.load(as: UInt8.self)
        let isText = first == 9 || first == 10 || first == 13 || (32...126).contains(first)
        guard isText || first == 0xEF else { throw .notAnImage }
        let length = bytes.lengthOfText
        guard length < largest else { throw .tooLarge }
        return ImageLayout(kind: .text, start: bytes.base, size: length)
    }
}

extension ImageLayout {
    /// The images from which the linker made the one that a wrapper of version 2 points to
    /// (programs compiled with relocatable device code); empty for all other images.
    ///
    /// - Parameter pointer: As for `find(at:)`.
    package static func prelinked(
        at pointer: UnsafeRawPointer
    ) throws(ImageError) -> [ImageLayout] {
        let magic = pointer.loadUnaligned(as: UInt8.self)
        guard magic == UInt8(truncatingIfNeeded: wrapperMagic),
            pointer.loadUnaligned(as: UInt32.self) == wrapperMagic,
            pointer.loadUnaligned(fromByteOffset: 4, as: UInt32.self) == 2
        else { return [] }
        let list = pointer.loadUnaligned(fromByteOffset: 16, as: UInt.self)
        guard let entries = UnsafePointer<UInt>(bitPattern: list) else { return [] }
        var images: [ImageLayout] = []
        while images.count < 65_536, let image = UnsafeRawPointer(bitPattern: entries[images.count])
        {
            images.append(try measure(image, limit: largest))
        }
        return images
    }
}
