import Foundation
import Synchronization
import Testing
import Wire
import Worker

/// The cache of images by itself.
@Suite struct ImageCacheTests {
    @Test func whatIsStoredIsFoundByEveryone() throws {
        try CacheScratch.with { scratch in
            let (one, other) = (try scratch.cache(), try scratch.cache())
            let image = CacheScratch.image(1)
            #expect(one.find(image) == nil)
            one.store(image)
            #expect(other.find(image) == image)
            #expect(
                scratch.files == [String(scratch.file(of: image).split(separator: "/").last ?? "")]
            )
            let facts = try FileManager.default.attributesOfItem(atPath: scratch.file(of: image))
            #expect(facts[.posixPermissions] as? Int == 0o600)
            let name = image.withUnsafeBytes { ImageName(of: $0) }
            #expect(other.prefixes == [name.prefix])
        }
    }

    @Test(arguments: [127, 128, 4095, 4096, 4097, 1 << 20])
    func zerosFollowEveryImage(_ count: Int) throws {
        try CacheScratch.with { scratch in
            let cache = try scratch.cache()
            let image = CacheScratch.image(2, count)
            cache.store(image)
            let name = image.withUnsafeBytes { ImageName(of: $0) }
            guard count >= ImageName.smallestImage else {
                #expect(cache.find(name) == nil)
                return
            }
            let found = try #require(cache.find(name))
            #expect(Array(found.bytes) == image)
            let start = try #require(found.bytes.baseAddress)
            for index in 0..<64 {
                #expect(start.load(fromByteOffset: count + index, as: UInt8.self) == 0)
            }
        }
    }

    /// What a program of the same user could have done to the file.
    @Test(arguments: ["changed", "truncated", "extended", "empty", "folder", "link", "pipe"])
    func damagedFilesAreNotBelieved(_ damage: String) throws {
        try CacheScratch.with { scratch in
            let cache = try scratch.cache()
            let image = CacheScratch.image(3, 10_000)
            cache.store(image)
            let path = scratch.file(of: image)
            switch damage {
            case "changed":
                let file = try #require(FileHandle(forUpdatingAtPath: path))
                try file.seek(toOffset: 5000)
                try file.write(contentsOf: [0])
            case "truncated": truncate(path, 4096)
            case "extended": truncate(path, 20_000)
            case "empty": truncate(path, 0)
            default:
                unlink(path)
                if damage == "folder" { mkdir(path, 0o700) }
                if damage == "link" { symlink("/etc/passwd", path) }
                if damage == "pipe" { mkfifo(path, 0o600) }
            }
            #expect(cache.find(image) == nil)
            if damage != "folder" && damage != "link" {
                #expect(!FileManager.default.fileExists(atPath: path))
                cache.store(image)
                #expect(cache.find(image) == image)
            }
        }
    }

    @Test func aNameOfAnotherSizeIsNotFound() throws {
        try CacheScratch.with { scratch in
            let cache = try scratch.cache()
            let image = CacheScratch.image(4)
            cache.store(image)
            let name = image.withUnsafeBytes { ImageName(of: $0) }
            #expect(cache.find(ImageName(hash: name.hash, size: 999)) == nil)
            #expect(cache.find(ImageName(hash: .init(repeating: 0x2E), size: 1000)) == nil)
        }
    }

    @Test func theBoundHoldsAndTheOldestGo() throws {
        try CacheScratch.with { scratch in
            let bound = 32 * 4096
            let cache = try scratch.cache(bytes: bound)
            var images = (0..<20).map { CacheScratch.image($0, 3000) }
            for image in images {
                cache.store(image)
                usleep(2000)
            }
            // The first one was used again, so it is not the oldest any more.
            #expect(cache.find(images[0]) == images[0])
            for number in 20..<200 {
                images.append(CacheScratch.image(number, 3000))
                cache.store(images[number])
                #expect(scratch.used <= bound)
                if number < 30 { #expect(cache.find(images[0]) != nil, "\(number)") }
                usleep(500)
            }
            #expect(cache.find(images[1]) == nil)
            #expect(cache.find(images[199]) == images[199])
            #expect(scratch.files.count > 20)
        }
    }

    @Test func whatIsInUseStaysReadable() throws {
        try CacheScratch.with { scratch in
            let cache = try scratch.cache(bytes: 16 * 4096)
            let image = CacheScratch.image(1, 8000)
            cache.store(image)
            let found = try #require(cache.find(image.withUnsafeBytes { ImageName(of: $0) }))
            for number in 2..<40 {
                cache.store(CacheScratch.image(number, 8000))
                usleep(500)
            }
            #expect(cache.find(image) == nil)
            #expect(Array(found.bytes) == image)
        }
    }

    @Test func whatIsTooLargeIsNotKept() throws {
        try CacheScratch.with { scratch in
            let cache = try scratch.cache(bytes: 100_000)
            cache.store(CacheScratch.image(1, 60_000))
            #expect(scratch.files.isEmpty)
        }
    }

    /// A worker that was killed while it wrote.
    @Test func draftsAreClearedAwayInTheEnd() throws {
        try CacheScratch.with { scratch in
            for (name, age) in [(".new-1", 700.0), (".new-2", 10.0)] {
                let path = scratch.path + "/" + name
                try Data(count: 100).write(to: URL(filePath: path))
                let date = Date(timeIntervalSinceNow: -age)
                try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path)
            }
            let cache = try scratch.cache()
            cache.store(CacheScratch.image(1))
            #expect(!FileManager.default.fileExists(atPath: scratch.path + "/.new-1"))
            #expect(FileManager.default.fileExists(atPath: scratch.path + "/.new-2"))
            #expect(cache.prefixes.count == 1)
        }
    }

    @Test func aFolderThatIsGoneIsNoFailure() throws {
        #expect(ImageCache(folder: "/no/such/folder", bytes: 1 << 20) == nil)
        try CacheScratch.with { scratch in
            let cache = try scratch.cache()
            try FileManager.default.removeItem(atPath: scratch.path)
            cache.store(CacheScratch.image(1))
            #expect(cache.find(CacheScratch.image(1)) == nil)
            #expect(cache.prefixes.isEmpty)
        }
    }

    /// Many at once, in a folder that holds a tenth of what they store: nobody ever reads anything
    /// wrong, and the bound holds but for what is being written.
    @Test func manyStoreAndEvictAtOnce() throws {
        try CacheScratch.with { scratch in
            let bound = 64 * 4096
            let (writers, images) = (4, (0..<160).map { CacheScratch.image($0, 16_000) })
            let found = Atomic<Int>(0)
            DispatchQueue.concurrentPerform(iterations: writers) { writer in
                guard let cache = ImageCache(folder: scratch.path, bytes: bound) else { return }
                for round in 0..<400 {
                    let image = images[(round * 7 + writer * 13) % images.count]
                    if let bytes = cache.find(image) {
                        #expect(bytes == image)
                        found.add(1, ordering: .relaxed)
                    } else {
                        cache.store(image)
                        // Unless the others have stored a bound's worth meanwhile.
                        if cache.find(image) == image { found.add(1, ordering: .relaxed) }
                    }
                }
            }
            #expect(scratch.used <= bound + writers * 16_384)
            #expect(found.load(ordering: .relaxed) > 0)
            let left = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
            #expect(!left.contains { $0.hasPrefix(".new-") })
        }
    }
}
