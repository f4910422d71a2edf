internal import ArgumentParser
internal import Version

/// `ferry version`.
struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Show the version of ferry, and with --verbose the server's."
    )

    @OptionGroup var connection: ConnectionOptions

    @Flag(name: .shortAndLong, help: "Ask the server too.")
    var verbose = false

    @Option(help: "How to show it: text or json.")
    var format = Format.text

    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text, json
    }

    private struct Versions: Encodable {
        var ferry = FerryVersion.current
        var server: ServerInfo?
        var library: String?
    }

    func run() async throws {
        do {
            var versions = Versions()
            if verbose {
                versions.library = try? ClientLibrary.folder(environment: .ofThisProcess())
                versions.server = try await askServer()
            }
            switch format {
            case .json: Console.say(try ListFormat.json.render(versions) { "" })
            case .text: Console.say(text(versions))
            }
        } catch let failure as Failure {
            failure.report()
            throw ExitCode(failure.code.rawValue)
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
        if verbose { lines.append("client library \(versions.library ?? "not found")") }
        if let server = versions.server {
            lines.append("ferryd \(server.version)")
            lines.append(
                "driver \(server.driver.path) (\(server.driver.kind), version \(server.driver.version))"
            )
        }
        return lines.joined(separator: "\n")
    }
}
