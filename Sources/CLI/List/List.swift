internal import ArgumentParser

/// `ferry list`: the GPUs and who has them.
struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the GPUs of a server and who has them.",
        discussion: """
            Examples:
              ferry list
              ferry list --format json
            """
    )

    @OptionGroup var connection: ConnectionOptions

    @Option(help: "How to show it.")
    var format = ListFormat.table

    func run() async throws {
        do {
            let (_, file) = try ClientFile.load(
                named: connection.clientFile,
                environment: .ofThisProcess()
            )
            let endpoint = try Endpoint(connection.server ?? file.address)
            let report = try await APIClient.withConnection(to: endpoint, file: file) { client in
                Report(
                    address: "\(endpoint)",
                    server: try await client.server(),
                    gpus: try await client.gpus().gpus,
                    leases: try await client.leases().leases
                )
            }
            Console.say(try format.render(report, table: report.table))
        } catch let failure as Failure {
            failure.report()
            throw ExitCode(failure.code.rawValue)
        }
    }
}
