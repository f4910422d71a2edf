import Foundation
import Server
import Testing

/// The document and the server know the same routes.
@Suite struct OpenAPITests {
    @Test func theDocumentAndTheRoutesAgree() async throws {
        let file = URL(filePath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "api/openapi.yaml")
        let document = try routes(in: String(contentsOf: file, encoding: .utf8))
        let served = Set(API.routes.map(\.description))
        #expect(document == served)
        #expect(served.count >= 8)
    }

    /// The keys of `paths` (two blanks deep) and their methods (four).
    private func routes(in yaml: String) -> Set<String> {
        let methods: Set<String> = ["get", "put", "post", "delete", "patch", "head", "options"]
        var found: Set<String> = []
        var isInPaths = false
        var path = ""
        for line in yaml.split(separator: "\n") {
            if !line.hasPrefix(" ") { isInPaths = line == "paths:" }
            guard isInPaths, line.hasSuffix(":") else { continue }
            let key = line.dropLast().drop { $0 == " " }
            if line.hasPrefix("  /") { path = String(key) }
            if line.hasPrefix("    "), !line.hasPrefix("     "), methods.contains(String(key)) {
                found.insert("\(key.uppercased()) \(path)")
            }
        }
        return found
    }
}
