internal import ArgumentParser
internal import Foundation
internal import Generator

/// Writes the generated files, or checks that they are what the description says.
@main
struct Ferrygen: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ferrygen",
        abstract: "Make the generated sources from api/cuda.api.",
        discussion: """
            EXAMPLES
              ferrygen            write all generated files below the current directory
              ferrygen --check    exit with status 1 if one of them is out of date
            """
    )

    @Flag(help: "Write nothing; fail if a file differs from what would be written.")
    var check = false

    @Option(help: "Root of the repository.")
    var root = "."

    func run() throws {
        let base = URL(fileURLWithPath: root, isDirectory: true)
        let text = try String(contentsOf: base.appending(path: "api/cuda.api"), encoding: .utf8)
        let description: Description
        do {
            description = try DescriptionParser.parse(text)
        } catch {
            throw ValidationError("api/cuda.api: \(error)")
        }
        let appendix = try String(
            contentsOf: base.appending(path: "api/coverage-appendix.md"),
            encoding: .utf8
        )
        var stale: [String] = []
        for output in Generator(description, appendix: appendix).outputs() {
            let file = base.appending(path: output.path)
            let old = try? String(contentsOf: file, encoding: .utf8)
            guard old != output.text else { continue }
            stale.append(output.path)
            if check { continue }
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try output.text.write(to: file, atomically: true, encoding: .utf8)
        }
        for path in stale { print(check ? "out of date: \(path)" : "written: \(path)") }
        if check, !stale.isEmpty { throw ExitCode.failure }
    }
}
