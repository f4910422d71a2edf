/// One image in a fatbin.
package struct FatbinEntry: Equatable, @unchecked Sendable {
    /// What an entry holds.
    package enum Kind: Equatable, Sendable {
        /// PTX text.
        case ptx
        /// Compiled code.
        case elf
        /// Something else, by its number: 8 NVVM, 0x80 TileIR, 0x100 a group.
        case other(UInt16)
    }

    /// How the payload is compressed.
    package enum Compression: Equatable, Sendable {
        /// It is not.
        case none
        /// One LZ4 block.
        case lz4
        /// One zstd frame.
        case zstd
        /// By a method of old compilers.
        case unknown
    }

    /// What it holds.
    package var kind: Kind
    /// Version of the PTX language, or of the ELF format.
    package var version: (major: Int, minor: Int)
    /// The GPU that it is for, as a decimal number: 75, 90, 120.
    package var target: Int
    /// The entry's flag word.
    package var flags: UInt64
    /// The payload, in the fatbin's own memory.
    package var payload: UnsafeRawBufferPointer
    /// Bytes after decompression; those of the payload when it is not compressed.
    package var uncompressedSize: Int
    /// Where the entry lies in the fatbin, header and padding included.
    package var extent: Range<Int>

    /// How the payload is compressed.
    package var compression: Compression {
        if flags & 0x8000 != 0 { return .zstd }
        if flags & 0x2000 != 0 { return .lz4 }
        return flags & 0x1000 != 0 ? .unknown : .none
    }

    /// Whether it runs on exactly its target ("sm_90a").
    package var isArchitectureSpecific: Bool { flags & 0x10_0000 != 0 }
    /// Whether it runs on targets of its family only ("sm_100f").
    package var isFamilySpecific: Bool { flags & 0x20_0000 != 0 }

    /// Whether a GPU can run it: machine code that of its generation, PTX that of all before.
    ///
    /// - Parameter capability: 86 for compute capability 8.6.
    package func runs(on capability: Int) -> Bool {
        if isArchitectureSpecific { return target == capability }
        let isOlder = target <= capability
        let isSameMajor = target / 10 == capability / 10
        return kind == .elf || isFamilySpecific ? isOlder && isSameMajor : isOlder
    }

    /// Whether it is one of several PTX texts that Ferry's software GPU has linked: all entries
    /// with this flag together are one module.
    package var isLinkedPart: Bool { flags & Self.linkedPart != 0 }

    /// Ferry's own flag, far from NVIDIA's.
    package static let linkedPart: UInt64 = 1 << 62

    /// Registers that a thread of a linked part may have at most; `nil` without a limit.
    package var maximumRegisters: Int? {
        let number = Int(truncatingIfNeeded: flags >> Self.registersShift & 0xFF)
        return isLinkedPart && number > 0 ? number : nil
    }

    /// Where the flags of a linked part hold its limit of registers, one byte.
    package static let registersShift: UInt64 = 48

    package static func == (left: FatbinEntry, right: FatbinEntry) -> Bool {
        left.kind == right.kind && left.version == right.version && left.target == right.target
            && left.flags == right.flags && left.payload.baseAddress == right.payload.baseAddress
            && left.payload.count == right.payload.count
            && left.uncompressedSize == right.uncompressedSize && left.extent == right.extent
    }
}

/// The entries of a fatbin, one after another.
package struct FatbinEntries {
    private let bytes: BoundedBytes
    private var offset = 16

    /// Larger payloads are refused: no compiler makes a module of this size.
    package static let largestPayload = 1 << 30

    /// The entries of an image of kind `fatbin`.
    package init(_ image: ImageLayout) {
        bytes = BoundedBytes(base: image.start, count: image.size)
    }

    /// The next entry, or `nil` after the last.
    package mutating func next() throws(ImageError) -> FatbinEntry? {
        guard offset < bytes.count else { return nil }
        let start = offset
        let headerSize = Int(try bytes.read(UInt32.self, at: start + 4))
        let payloadSize = try bytes.size(at: start + 8)
        guard headerSize >= 64 else { throw .unknownVersion }
        guard headerSize <= bytes.count - start,
            payloadSize <= bytes.count - start - headerSize
        else { throw .outOfBounds }
        offset = start + headerSize + payloadSize
        return try entry(at: start, headerSize: headerSize, payloadSize: payloadSize)
    }

    private func entry(
        at start: Int,
        headerSize: Int,
        payloadSize: Int
    ) throws(ImageError) -> FatbinEntry {
        let flags = try bytes.read(UInt64.self, at: start + 40)
        let isCompressed = flags & 0xB000 != 0
        let compressedSize = Int(try bytes.read(UInt32.self, at: start + 16))
        guard compressedSize <= payloadSize else { throw .outOfBounds }
        let used = isCompressed && compressedSize > 0 ? compressedSize : payloadSize
        let uncompressedSize = isCompressed ? try bytes.size(at: start + 56) : used
        guard uncompressedSize <= Self.largestPayload else { throw .tooLarge }
        let payload = UnsafeRawBufferPointer(
            start: bytes.base.advanced(by: start + headerSize),
            count: used
        )
        return FatbinEntry(
            kind: kind(try bytes.read(UInt16.self, at: start)),
            version: (
                Int(try bytes.read(UInt16.self, at: start + 26)),
                Int(try bytes.read(UInt16.self, at: start + 24))
            ),
            target: Int(try bytes.read(UInt32.self, at: start + 28)),
            flags: flags,
            payload: payload,
            uncompressedSize: uncompressedSize,
            extent: start..<(start + headerSize + payloadSize)
        )
    }

    private func kind(_ number: UInt16) -> FatbinEntry.Kind {
        switch number {
        case 1: .ptx
        case 2: .elf
        default: .other(number)
        }
    }
}
