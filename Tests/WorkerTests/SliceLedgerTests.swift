import Foundation
import Testing
import Worker

/// What all processes of a lease have of its slices.
@Suite struct SliceLedgerTests {
    private final class Folder {
        let path = NSTemporaryDirectory() + "/slice-ledger-\(UUID().uuidString)"

        init() throws {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: false
            )
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func ledger(devices: Int = 2) throws -> SliceLedger {
            try #require(SliceLedger(folder: path, devices: devices))
        }
    }

    @Test func `all together have no more than the slice`() throws {
        let folder = try Folder()
        let (one, two) = (try folder.ledger(), try folder.ledger())
        #expect(one.take(600, of: 0, total: 1000))
        #expect(two.taken(0) == 600 && two.taken(1) == 0)
        #expect(!two.take(401, of: 0, total: 1000))
        #expect(two.take(400, of: 0, total: 1000))
        #expect(one.taken(0) == 1000)
        #expect(two.take(1000, of: 1, total: 1000), "devices are counted by themselves")
        one.set(0) { $0 - 500 }
        #expect(two.taken(0) == 500)
        #expect(!two.take(.max, of: 0, total: 1000))
    }

    @Test func `what a worker had is free when it is gone`() throws {
        let folder = try Folder()
        let one = try folder.ledger()
        var two: SliceLedger? = try folder.ledger()
        #expect(two?.take(900, of: 0, total: 1000) == true)
        #expect(!one.take(200, of: 0, total: 1000))
        two = nil
        #expect(one.taken(0) == 0)
        #expect(one.take(200, of: 0, total: 1000))
        // The next one gets its column, and nothing of what is left in it.
        let three = try folder.ledger()
        #expect(three.taken(0) == 200)
    }

    @Test func `no two take the same`() async throws {
        let folder = try Folder()
        let (path, total) = (folder.path, UInt64(2000))
        let taken = await withTaskGroup(of: UInt64.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    guard let ledger = SliceLedger(folder: path, devices: 2) else { return 0 }
                    var mine: UInt64 = 0
                    while mine < total, ledger.take(1, of: 0, total: total) { mine += 1 }
                    // Both stay until both are refused.
                    while ledger.taken(0) < total { await Task.yield() }
                    try? await Task.sleep(for: .milliseconds(200))
                    return mine
                }
            }
            return await group.reduce(0, +)
        }
        #expect(taken == total)
        withExtendedLifetime(folder) {}
    }

    @Test func `more workers than there is room for`() throws {
        let folder = try Folder()
        var all = try (0..<SliceLedger.columns).map { _ in try folder.ledger(devices: 1) }
        #expect(SliceLedger(folder: folder.path, devices: 1) == nil)
        all.removeLast()
        #expect(SliceLedger(folder: folder.path, devices: 1) != nil)
    }

    @Test func `a file that is none, and a folder that is not there`() throws {
        let folder = try Folder()
        try Data("something else".utf8).write(to: URL(fileURLWithPath: folder.path + "/slices"))
        #expect(SliceLedger(folder: folder.path, devices: 1) == nil)
        #expect(SliceLedger(folder: "/no/such/folder", devices: 1) == nil)
    }
}
