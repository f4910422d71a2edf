import Foundation
import Testing

/// The repository that this test lies in.
enum Repository {
    static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// A file of text, with its path from the root.
    struct File: Sendable, CustomTestStringConvertible {
        var path: String
        var text: String

        var testDescription: String { path }
        var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
        var isGenerated: Bool {
            path.contains("/Generated/") || path == "docs/coverage.md"
                || path == "Sources/C/CUDAABI/include/cuda_abi.h"
                || path == "Sources/C/CProcTable/procs.c"
        }
    }

    /// All files below `folder` with one of these endings, in order.
    static func files(below folder: String, endings: Set<String>) -> [File] {
        // Symbolic links are followed, so that a copy of the package finds the same files.
        let start = root.appending(path: folder).resolvingSymlinksInPath()
        guard let names = FileManager.default.enumerator(atPath: start.path(percentEncoded: false))
        else { return [] }
        var found: [File] = []
        for case let name as String in names {
            let ending = name.split(separator: "/").last?.split(separator: ".").last.map(
                String.init
            )
            guard endings.contains(ending ?? ""), !name.hasPrefix(".") else { continue }
            let file = start.appending(path: name)
            guard let text = try? String(contentsOf: file, encoding: .utf8) else { continue }
            found.append(File(path: "\(folder)/\(name)", text: text))
        }
        return found.sorted { $0.path < $1.path }
    }

    /// Hand-written and generated Swift below Sources.
    static let sources = files(below: "Sources", endings: ["swift"])
    /// Swift below Tests.
    static let tests = files(below: "Tests", endings: ["swift"])
    /// C below Sources.
    static let c = files(below: "Sources", endings: ["c", "h"])

    /// The name of the module that a file below Sources belongs to.
    static func module(_ file: File) -> String {
        file.path.split(separator: "/").dropFirst().first.map(String.init) ?? ""
    }
}
