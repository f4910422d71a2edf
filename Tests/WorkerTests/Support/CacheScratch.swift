import Foundation
import Testing
import Wire
import Worker

/// A folder for an image cache, removed at the end of a test.
struct CacheScratch {
    let path: String

    static func with<R>(_ body: (CacheScratch) throws -> R) throws -> R {
        let path =
            FileManager.default.temporaryDirectory.path + "/ferry-images-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try body(CacheScratch(path: path))
    }

    func cache(bytes: Int = 1 << 30) throws -> ImageCache {
        try #require(ImageCache(folder: path, bytes: bytes))
    }

    /// The files, without those whose names begin with a dot.
    var files: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter {
            $0.first != "."
        }
        .sorted()
    }

    /// Bytes that the files take on disk, in whole pages.
    var used: Int {
        files.reduce(0) { total, name in
            let facts = try? FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")
            return total + ((facts?[.size] as? Int ?? 0) + 4095) / 4096 * 4096
        }
    }

    /// Where the image of these bytes lies.
    func file(of image: [UInt8]) -> String {
        let hash = image.withUnsafeBytes { ImageName(of: $0) }.hash
        let digits = hash.indices.map { (hash[$0] < 16 ? "0" : "") + String(hash[$0], radix: 16) }
        return path + "/" + digits.joined()
    }

    /// An image of `count` bytes that differs from those with other numbers.
    static func image(_ number: Int, _ count: Int = 1000) -> [UInt8] {
        var bytes = Array("//image \(number)\n".utf8)
        while bytes.count < count - 1 { bytes.append(UInt8(65 + (bytes.count * 7 + number) % 26)) }
        return bytes + [0]
    }
}

extension ImageCache {
    func store(_ image: [UInt8]) { image.withUnsafeBytes { store($0) } }

    /// The bytes under which this image is known, if it is there.
    func find(_ image: [UInt8]) -> [UInt8]? {
        find(image.withUnsafeBytes { ImageName(of: $0) }).map { Array($0.bytes) }
    }
}
