internal import ArgumentParser
internal import Version

/// `ferry version`.
struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Show the version of ferry; with --verbose what is installed, and the server.",
        discussion: """
            Examples:
              ferry version
              ferry version --verbose
              ferry version --verbose --format json

            --verbose tells what this Ferry consists of and, if there is a client file, which server \
            it names and what runs there. A server that does not answer is told, and is no error.
            """
    )

    @OptionGroup var connection: ConnectionOptions

    @Flag(name: .shortAndLong, help: "Show what is installed, and ask the server.")
    var verbose = false

    @Option(help: "How to show it: text or json.")
    var format = Format.text

    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text, json
    }

    private struct Versions: Encodable {
        var ferry = FerryVersion.current
        var folder: String?
        var contents: Contents?
        var library: String?
        var server: ServerInfo?
        /// Why there is no `server`.
        var serverProblem: String?
    }

    func run() async throws {
        var versions = Versions()
        if verbose {
            versions.folder = Contents.ownFolder()
            versions.contents = versions.folder.flatMap { Contents.load(below: $0) }
            versions.library = try? ClientLibrary.folder(environment: .ofThisProcess())
            do {
                versions.server = try await askServer()
            } catch let failure as Failure {
                versions.serverProblem = failure.message
            }
        }
        switch format {
        case .json: Console.say(try ListFormat.json.render(versions) { "" })
        case .text: Console.say(text(versions))
        }
    }

    private func askServer() async throws -> ServerInfo {
        let (_, file) = try ClientFile.load(
            named: connection.clientFile,
            environment: .ofThisProcess()
        )
        let endpoint = try Endpoint(connection.server ?? file.address)
        return try await APIClient.withConnection(to: endpoint, file: file) { client in
            try await client.server()
        }
    }

    private func text(_ versions: Versions) -> String {
        var lines = ["ferry \(versions.ferry)"]
        guard verbose else { return lines[0] }
        if let contents = versions.contents {
            lines.append(
                "commit \(contents.commit), Swift \(contents.swift), \(contents.architecture)"
            )
        }
        if let folder = versions.folder { lines.append("in \(folder)") }
        lines.append("client library in \(versions.library ?? "no folder: it is missing")")
        if let server = versions.server {
            lines.append("server: ferryd \(server.version)")
            lines.append(
                "driver there: \(server.driver.path) (\(server.driver.kind), version "
                    + "\(server.driver.version))"
            )
        } else if let problem = versions.serverProblem {
            lines.append("server: \(problem)")
        }
        if let contents = versions.contents { lines += ["", contents.table()] }
        return lines.joined(separator: "\n")
    }
}
