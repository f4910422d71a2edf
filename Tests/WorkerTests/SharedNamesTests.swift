import Foundation
import Testing
import Wire
import Worker

/// Names of what processes of a lease share.
@Suite struct SharedNamesTests {
    private func folder() throws -> String {
        let path = NSTemporaryDirectory() + "/shared-names-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        return path
    }

    private let real = SharedNames.Shared(Array(0..<64), bytes: 1 << 40, device: 3)

    @Test func `another worker of the lease finds what a name stands for`() throws {
        let path = try folder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let giver = try #require(SharedNames(folder: path))
        let taker = try #require(SharedNames(folder: path))
        let name = try #require(giver.name(.memory, of: real))
        #expect(name.count == 64)
        #expect(name[32...].allSatisfy { $0 == 0 })
        #expect(taker.find(.memory, named: name) == real)
        #expect(giver.name(.memory, of: real) == name, "the same each time")
        #expect(giver.name(.event, of: real) != name)
        #expect(taker.find(.event, named: name) == nil, "memory is no event")
    }

    @Test func `names say nothing of what they stand for`() throws {
        let path = try folder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let names = try #require(SharedNames(folder: path))
        let all = try (0..<100).map { number in
            let handle = [UInt8](repeating: UInt8(number), count: 64)
            return try #require(names.name(.memory, of: SharedNames.Shared(handle)))
        }
        #expect(Set(all).count == 100)
        for (number, name) in all.enumerated() {
            #expect(names.find(.memory, named: name)?.handle.first == UInt8(number))
        }
    }

    @Test func `what nobody has given`() throws {
        let (path, other) = (try folder(), try folder())
        defer {
            try? FileManager.default.removeItem(atPath: path)
            try? FileManager.default.removeItem(atPath: other)
        }
        let names = try #require(SharedNames(folder: path))
        let name = try #require(names.name(.memory, of: real))
        let elsewhere = try #require(SharedNames(folder: other))
        #expect(elsewhere.find(.memory, named: name) == nil, "of another lease")
        #expect(names.find(.memory, named: real.handle) == nil, "the driver's own handle")
        #expect(names.find(.memory, named: []) == nil)
        #expect(names.find(.memory, named: Array(name[..<63])) == nil)
        var changed = name
        changed[63] = 1
        #expect(names.find(.memory, named: changed) == nil)
        changed = name
        changed[0] ^= 1
        #expect(names.find(.memory, named: changed) == nil)
    }

    @Test func `a file that was cut off`() throws {
        let path = try folder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let names = try #require(SharedNames(folder: path))
        let name = try #require(names.name(.memory, of: real))
        let file = try #require(FileManager.default.contentsOfDirectory(atPath: path).first)
        truncate("\(path)/\(file)", 40)
        #expect(names.find(.memory, named: name) == nil)
    }

    @Test func `a folder that is not there`() {
        #expect(SharedNames(folder: "/no/such/folder") == nil)
    }
}
