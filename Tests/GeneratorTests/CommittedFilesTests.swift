import Foundation
import Generator
import Testing

/// The repository's own description and what was made of it.
@Suite struct CommittedFilesTests {
    private static var root: URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
    }

    private static func description() throws -> Description {
        let file = root.appending(path: "api/cuda.api")
        return try DescriptionParser.parse(String(contentsOf: file, encoding: .utf8))
    }

    @Test func `the generated files are up to date`() throws {
        let appendix = try String(
            contentsOf: Self.root.appending(path: "api/coverage-appendix.md"),
            encoding: .utf8
        )
        for output in Generator(try Self.description(), appendix: appendix).outputs() {
            let file = Self.root.appending(path: output.path)
            let committed = try? String(contentsOf: file, encoding: .utf8)
            #expect(committed == output.text, "\(output.path): run `make generate`")
        }
    }

    @Test func `all symbols are there`() throws {
        let description = try Self.description()
        #expect(description.calls.count == 688)
        #expect(Set(description.calls.map(\.name)).count == 688)
    }

    /// A client that cannot find out may not be refused by a worker that could.
    @Test func `variants of one name differ in version or stream`() throws {
        var seen: Set<String> = []
        for call in try Self.description().calls {
            let key = "\(call.base) \(call.version) \(call.variant)"
            #expect(seen.insert(key).inserted, "\(call.name)")
        }
    }

    @Test func `per-thread variants are aliases of a call with the same arguments`() throws {
        let description = try Self.description()
        for call in description.calls where call.variant != .legacy {
            guard case .alias(let name) = call.client else { continue }
            let original = try #require(description.call(named: name))
            #expect(original.arguments.map(\.type) == call.arguments.map(\.type), "\(call.name)")
        }
    }

    @Test func `what is sent without a reply writes nothing`() throws {
        for call in try Self.description().calls {
            guard case .send = call.client else { continue }
            #expect(!call.arguments.contains { $0.direction == .output }, "\(call.name)")
        }
    }
}
