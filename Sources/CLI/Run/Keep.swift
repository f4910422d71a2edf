internal import ArgumentParser
internal import Glibc

/// Keeps a lease alive while the `ferry run` that has it is stopped (Ctrl-Z). Not for people.
struct Keep: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "keep-lease", shouldDisplay: false)

    @OptionGroup var connection: ConnectionOptions
    @Option var lease: String
    @Option var seconds: Int
    @Option var parent: Int32

    /// The arguments with which a run starts its keeper.
    static func arguments(clientFile: String, endpoint: Endpoint, lease: GrantedLease) -> [String] {
        [
            "keep-lease", "--client-file", clientFile, "--server", endpoint.description,
            "--lease", lease.id, "--seconds", "\(lease.heartbeatSeconds)", "--parent",
            "\(getpid())",
        ]
    }

    func run() async throws {
        let (_, file) = try ClientFile.load(
            named: connection.clientFile,
            environment: .ofThisProcess()
        )
        let endpoint = try Endpoint(connection.server ?? file.address)
        try await APIClient.withConnection(to: endpoint, file: file) { client in
            var waited = seconds
            // When the run is killed, nobody may keep its lease.
            while getppid() == parent {
                if waited >= seconds {
                    waited = 0
                    guard (try? await client.heartbeat(lease)) != false else { return }
                }
                try await Task.sleep(for: .seconds(1))
                waited += 1
            }
        }
    }
}
