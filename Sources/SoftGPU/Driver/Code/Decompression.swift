internal import CCompression
internal import CPacking
internal import Driver

/// What a fatbin's entries hold, decompressed.
enum Decompression {
    /// The payload of an entry; fails when it does not decompress to exactly the size it promises.
    static func payload(of entry: FatbinEntry) throws(CodeFailure) -> [UInt8] {
        switch entry.compression {
        case .none: return Array(entry.payload)
        case .lz4: return try expand(entry, ferry_lz4_unpack)
        case .zstd: return try expand(entry, ferry_zstd_expand)
        case .unknown:
            throw CodeFailure(
                Status.invalidImage,
                "the image is compressed by a method of old compilers"
            )
        }
    }

    private static func expand(
        _ entry: FatbinEntry,
        _ decoder: (UnsafeRawPointer, Int, UnsafeMutableRawPointer, Int) -> Int
    ) throws(CodeFailure) -> [UInt8] {
        let size = entry.uncompressedSize
        guard size > 0, let source = entry.payload.baseAddress else {
            throw CodeFailure(Status.invalidImage, "a compressed part of the image is empty")
        }
        var written = -1
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            guard let target = buffer.baseAddress else { return }
            written = decoder(source, entry.payload.count, target, size)
            count = max(0, min(written, size))
        }
        guard written == size else {
            throw CodeFailure(Status.invalidImage, "a compressed part of the image is damaged")
        }
        return bytes
    }
}
