internal import ArgumentParser
internal import Wire

/// `ferry netperf`: what the ways to a server are worth.
struct Netperf: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure the network to a server, and say what it means for programs.",
        discussion: """
            For each way to the server that works: the round trip of 64 bytes with both ends waiting \
            as programs do (RTT) and with both asleep, small messages a second when many leave together, and bytes \
            a second each way over one connection and two. It takes no GPU, and measures between \
            this machine and the server only while both have nothing else to do.

            Examples:
              ferry netperf
              ferry netperf --transport shm --seconds 10
              ferry netperf --emulate-link 250us,10gbit     the network that ferry run would play
            """
    )

    @OptionGroup var connection: ConnectionOptions

    @OptionGroup(title: "The way to the server") var transport: TransportOptions

    @Option(help: "Seconds for each way; from 0.2 to 60.")
    var seconds = 3.0

    @Option(
        help: ArgumentHelp(
            "Play a network of this round trip and rate; only with a server on this host.",
            valueName: "rtt[,rate]"
        )
    )
    var emulateLink: LinkArgument?

    @Option(help: "How to show it.")
    var format = ListFormat.table

    func validate() throws {
        guard (0.2...60).contains(seconds) else {
            throw ValidationError("--seconds is a number from 0.2 to 60.")
        }
    }

    func run() async throws {
        do {
            let (_, file) = try ClientFile.load(
                named: connection.clientFile,
                environment: .ofThisProcess()
            )
            let endpoint = try Endpoint(connection.server ?? file.address)
            let report = try await APIClient.withConnection(to: endpoint, file: file) { client in
                try await measure(client, endpoint)
            }
            Console.say(try format.render(report, table: report.table))
        } catch let failure as Failure {
            failure.report()
            throw ExitCode(failure.code.rawValue)
        }
    }

    private func measure(_ client: APIClient, _ endpoint: Endpoint) async throws -> NetperfReport {
        let choice = transport.transport
        var rows: [NetperfReport.Row] = []
        for way in choice == .auto ? [.tls, .tcp, .unix, .shm] : [choice] {
            // A permit lasts for a minute, and each way may take as long.
            let permit = try await client.permit()
            let name = "\(way.name)"
            do throws(Failure) {
                let path = try DataPath(
                    choice: way,
                    offered: transport.socket ?? permit.dataSocket,
                    security: permit.dataSecurity,
                    address: client.address,
                    link: emulateLink
                )
                let link = MeasuredLink(
                    permit: permit,
                    address: client.address,
                    socket: path.socket,
                    link: emulateLink?.shape ?? LinkShape()
                )
                // Seven parts take about the same time each.
                let figures = try Meter(link: link, choice: way, seconds: seconds / 7).measure()
                rows.append(NetperfReport.Row(name, figures))
            } catch {
                if choice != .auto { throw error }
                rows.append(NetperfReport.Row(name, reason: error.message))
            }
        }
        return NetperfReport(address: "\(endpoint)", transports: rows)
    }
}
