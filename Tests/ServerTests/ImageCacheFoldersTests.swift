import Foundation
import NIOHTTP1
import Server
import Testing

@Suite(.serialized) struct ImageCacheFoldersTests {
    private let one = [UInt8](repeating: 1, count: 32)
    private let other = [UInt8](repeating: 2, count: 32)

    @Test func everyTokenHasAFolderOfItsOwn() async throws {
        try await Scratch.with { scratch in
            let root = scratch.path + "/images"
            let folders = ImageCacheFolders(root: root, bytes: 1 << 30, owners: [one, other])
            #expect(folders.bytesEach == 1 << 29)
            let (first, second) = (try folders.folder(of: one), try folders.folder(of: other))
            #expect(first != second)
            #expect(try folders.folder(of: one) == first)
            #expect(try folders.folder(of: [UInt8](repeating: 3, count: 32)) == nil)
            for path in [first, second] {
                let path = try #require(path)
                #expect(path.hasPrefix(root + "/"))
                #expect(!path.contains("0101010101"), "the name says what the token's hash is")
                let facts = try FileManager.default.attributesOfItem(atPath: path)
                #expect(facts[.posixPermissions] as? Int == 0o700)
            }
        }
    }

    @Test func foldersOfTokensThatAreNoMoreGo() async throws {
        try await Scratch.with { scratch in
            let root = scratch.path + "/images"
            let old = ImageCacheFolders(root: root, bytes: 1000, owners: [one, other])
            let (stays, goes) = (
                try #require(try old.folder(of: one)), try #require(try old.folder(of: other))
            )
            for path in [stays, goes] {
                try Data(count: 10).write(to: URL(filePath: path + "/file"))
            }
            ImageCacheFolders(root: root, bytes: 1000, owners: [one]).removeOthers()
            #expect(FileManager.default.fileExists(atPath: stays + "/file"))
            #expect(!FileManager.default.fileExists(atPath: goes))
            ImageCacheFolders(root: root, bytes: 0, owners: []).removeOthers()
            #expect(!FileManager.default.fileExists(atPath: stays))
        }
    }

    @Test func workersAreToldTheirFolder() async throws {
        try await Scratch.with { scratch in
            func arguments(_ configure: (inout DaemonConfiguration) -> Void = { _ in }) async throws
                -> String
            {
                try await DaemonFixture.with(scratch, configure: configure) { daemon in
                    let lease = try await daemon.lease()
                    let connection = try await daemon.connect(lease)
                    let pid = try #require(try await daemon.workers(lease.id).first)
                    let arguments = try scratch.note("arguments", of: pid)
                    _ = try await daemon.call(.DELETE, "/v1/leases/\(lease.id)")
                    withExtendedLifetime(connection) {}
                    return arguments
                }
            }
            let first = try await arguments()
            #expect(first.contains("--image-cache \(scratch.state)/images/"))
            #expect(first.contains("--image-cache-bytes \(4 << 30)"))
            // The same token has the same folder after a restart.
            func folder(_ text: String) -> Substring? {
                text.split(separator: "--image-cache ").last?.prefix { $0 != " " }
            }
            #expect(folder(try await arguments()) == folder(first))
            let none = try await arguments { $0.imageCacheBytes = 0 }
            #expect(!none.contains("--image-cache"))
            #expect(!FileManager.default.fileExists(atPath: String(folder(first) ?? "")))
        }
    }

    /// A lease of before the restart still belongs to its token.
    @Test func ownersOutliveTheDaemon() async throws {
        try await Scratch.with { scratch in
            let lease = try await DaemonFixture.with(scratch) { try await $0.lease() }
            try await DaemonFixture.with(scratch) { daemon in
                let connection = try await daemon.connect(lease)
                let pid = try #require(try await daemon.workers(lease.id).first)
                #expect(try scratch.note("arguments", of: pid).contains("--image-cache "))
                withExtendedLifetime(connection) {}
                _ = try await daemon.call(.DELETE, "/v1/leases/\(lease.id)")
            }
        }
    }
}

@Suite struct DiskSizeTests {
    @Test(
        arguments: [
            ("0", 0), ("512", 512 << 20), ("512MiB", 512 << 20), ("4GiB", 4 << 30), ("4g", 4 << 30),
            ("2TiB", 2 << 40),
        ]
    )
    func isRead(_ text: String, _ bytes: Int) {
        #expect(DiskSize(text)?.bytes == bytes)
    }

    @Test(arguments: [
        "", "MiB", "-1", "1.5GiB", "4GB", "4 GiB", "9999999999999TiB", "99999999999999999999",
    ])
    func isNone(_ text: String) {
        #expect(DiskSize(text) == nil)
    }

    @Test func isWrittenAsItIsRead() {
        for bytes in [0, 1 << 20, 4 << 30, 1536 << 20] {
            #expect(DiskSize("\(DiskSize(bytes: bytes))")?.bytes == bytes)
        }
    }
}
