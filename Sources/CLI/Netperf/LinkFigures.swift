/// What was measured of one way to a server.
package struct LinkFigures: Hashable, Sendable, Encodable {
    /// A distribution of round trips of 64 bytes, in microseconds.
    package struct RoundTrip: Hashable, Sendable, Encodable {
        package var medianUs: Double
        package var p99Us: Double

        /// From single times in nanoseconds; zeros when there are none.
        package init(_ times: [UInt64]) {
            let sorted = times.sorted()
            func at(_ part: Double) -> Double {
                guard !sorted.isEmpty else { return 0 }
                let index = min(sorted.count - 1, Int(Double(sorted.count) * part))
                return (Double(sorted[index]) / 10).rounded() / 100
            }
            medianUs = at(0.5)
            p99Us = at(0.99)
        }
    }

    /// Both ends wait as programs and workers do: they look for a while before they sleep.
    package var spinning: RoundTrip
    /// Both ends sleep at once.
    package var blocking: RoundTrip
    /// Messages of 64 bytes a second, 256 of them sent together.
    package var messagesPerSecond: Double
    /// Bytes a second to the server, over one connection and over two.
    package var toServer: [Double]
    /// Bytes a second from the server.
    package var fromServer: [Double]

    /// Figures.
    package init(
        spinning: RoundTrip,
        blocking: RoundTrip,
        messagesPerSecond: Double,
        toServer: [Double],
        fromServer: [Double]
    ) {
        self.spinning = spinning
        self.blocking = blocking
        self.messagesPerSecond = messagesPerSecond
        self.toServer = toServer
        self.fromServer = fromServer
    }
}

/// What figures mean for a program, by a model: launches wait for nothing and leave together, so
/// they cost what their bytes cost; each synchronisation adds one round trip; copies that nothing
/// else hides take their bytes over the bandwidth.
package struct Prospect: Hashable, Sendable, Encodable {
    /// Launches of a small training step.
    package static let launches = 139
    /// Bytes of the record of a launch with a few arguments, in messages of 64 bytes.
    private static let messagesPerLaunch = 2.5

    /// Microseconds that a step of 139 launches and one synchronisation takes longer.
    package var stepUs: Double
    /// Milliseconds of work between synchronisations of which one round trip is 5 %.
    package var workMs: Double
    /// Seconds that a GiB takes to the server.
    package var gibibyteSeconds: Double

    /// What these figures mean.
    package init(_ figures: LinkFigures) {
        let message = figures.messagesPerSecond > 0 ? 1e6 / figures.messagesPerSecond : 0
        let launches = Double(Self.launches) * Self.messagesPerLaunch * message
        stepUs = figures.spinning.medianUs + launches
        workMs = figures.spinning.medianUs / 0.05 / 1000
        let best = figures.toServer.max() ?? 0
        gibibyteSeconds = best > 0 ? Double(1 << 30) / best : 0
    }

    /// A sentence for people.
    package var text: String {
        "A step of \(Self.launches) launches and one synchronisation takes about "
            + "\(Self.time(stepUs)) longer than with a local GPU; with \(Self.time(workMs * 1000)) of "
            + "work between synchronisations a round trip is 5 %, with more it is less. Loading 1 GiB "
            + "takes \(Self.time(gibibyteSeconds * 1e6))."
    }

    /// Microseconds in the unit that fits.
    private static func time(_ microseconds: Double) -> String {
        switch microseconds {
        case ..<1000: "\(short(microseconds)) us"
        case ..<1e6: "\(short(microseconds / 1e3)) ms"
        default: "\(short(microseconds / 1e6)) s"
        }
    }

    /// Two or three digits that count.
    static func short(_ value: Double) -> String {
        switch value {
        case ..<1: "\((value * 100).rounded() / 100)"
        case ..<100: "\((value * 10).rounded() / 10)"
        default: "\(Int(value.rounded()))"
        }
    }
}
