import Foundation
import Pool
import Server
import Testing

/// Folders for the names of what processes share.
@Suite struct SharedFoldersTests {
    private let root = NSTemporaryDirectory() + "/shared-folders-\(UUID().uuidString)"

    private func lease(_ number: UInt8) throws -> LeaseID {
        try #require(LeaseID(bytes: [UInt8](repeating: number, count: 16)))
    }

    @Test func `a folder for each lease, from its first worker to its end`() throws {
        defer { try? FileManager.default.removeItem(atPath: root) }
        let folders = SharedFolders(root: root)
        let (one, two) = (try lease(1), try lease(2))
        let first = try folders.folder(of: one)
        #expect(try folders.folder(of: one) == first)
        let second = try folders.folder(of: two)
        #expect(first != second)
        let mode = try FileManager.default.attributesOfItem(atPath: first)[.posixPermissions]
        #expect(mode as? Int == 0o700)
        try Data([1]).write(to: URL(fileURLWithPath: first + "/name"))
        folders.remove(one)
        #expect(!FileManager.default.fileExists(atPath: first))
        #expect(FileManager.default.fileExists(atPath: second))
        folders.remove(one)
    }

    @Test func `those of leases that are no more`() throws {
        defer { try? FileManager.default.removeItem(atPath: root) }
        let folders = SharedFolders(root: root)
        folders.removeOthers([])
        let (one, two) = (try lease(1), try lease(2))
        let (first, second) = (try folders.folder(of: one), try folders.folder(of: two))
        folders.removeOthers([two])
        #expect(!FileManager.default.fileExists(atPath: first))
        #expect(FileManager.default.fileExists(atPath: second))
    }
}
