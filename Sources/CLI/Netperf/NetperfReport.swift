/// What `ferry netperf` tells.
package struct NetperfReport: Encodable, Sendable {
    /// One way to the server.
    package struct Row: Encodable, Sendable {
        package var transport: String
        package var figures: LinkFigures?
        package var prospect: Prospect?
        /// Why there are no figures.
        package var reason: String?

        /// What was measured.
        package init(_ transport: String, _ figures: LinkFigures) {
            self.transport = transport
            self.figures = figures
            prospect = Prospect(figures)
        }

        /// Why nothing was.
        package init(_ transport: String, reason: String) {
            self.transport = transport
            self.reason = reason
        }
    }

    /// The server.
    package var address: String
    /// The ways, in the order in which they were tried.
    package var transports: [Row]

    /// A report.
    package init(address: String, transports: [Row]) {
        self.address = address
        self.transports = transports
    }

    /// For people.
    package func table() -> String {
        var table = TextTable([
            "TRANSPORT", "RTT US", "P99", "ASLEEP US", "P99", "64 B/S", "TO GB/S", "TWO",
            "FROM GB/S",
            "TWO",
        ])
        for row in transports {
            guard let figures = row.figures else { continue }
            let trips = [figures.spinning, figures.blocking].flatMap { [$0.medianUs, $0.p99Us] }
            let rates = (figures.toServer + figures.fromServer).map { $0 / 1e9 }
            table.add(
                [row.transport] + trips.map(Prospect.short)
                    + ["\(Prospect.short(figures.messagesPerSecond / 1e6)) M"]
                    + rates.map(Prospect.short)
            )
        }
        let notes = transports.map { row in
            let prefix = "\(row.transport): "
            return prefix + (row.prospect?.text ?? "not measured: \(row.reason ?? "")")
        }
        return (["Server \(address)", table.text] + notes).joined(separator: "\n\n")
    }
}
