internal import ArgumentParser
package import Wire

/// A network to play, as people write it: `RTT[,RATE]`, for example `250us` or `50us,10gbit`.
package struct LinkArgument: ExpressibleByArgument, Hashable, Sendable {
    /// Nanoseconds there and back.
    package let roundTrip: UInt64
    /// Mbit/s in each direction; 0: no limit.
    package let megabits: UInt64

    /// What both sides are told.
    package var shape: LinkShape { LinkShape(delay: roundTrip / 2, megabits: megabits) }

    /// Reads `RTT[,RATE]`.
    package init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count <= 2,
            let time = Self.number(parts[0], ["ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9])
        else { return nil }
        var rate: Double = 0
        if parts.count == 2 {
            guard let found = Self.number(parts[1], ["mbit": 1, "gbit": 1000]), found >= 1 else {
                return nil
            }
            rate = found
        }
        guard time <= 2 * Double(LinkShape.maxDelay), rate <= Double(LinkShape.maxMegabits) else {
            return nil
        }
        roundTrip = UInt64(time)
        megabits = UInt64(rate)
        guard shape.isPlayed else { return nil }
    }

    /// A number with one of these units.
    private static func number(_ text: Substring, _ units: [String: Double]) -> Double? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let value = Double(digits), value >= 0,
            let unit = units[String(text[digits.endIndex...])]
        else { return nil }
        return value * unit
    }
}

extension TransportChoice: ExpressibleByArgument {
    /// Reads its word.
    package init?(argument: String) {
        guard let choice = Self.allCases.first(where: { "\($0.name)" == argument }) else {
            return nil
        }
        self = choice
    }

    package static var allValueStrings: [String] { allCases.map { "\($0.name)" } }
    package static var allValueDescriptions: [String: String] {
        Dictionary(uniqueKeysWithValues: allCases.map { ("\($0.name)", $0.meaning) })
    }
    package var defaultValueDescription: String { "\(name)" }

    private var meaning: String {
        switch self {
        case .auto: "the fastest that works"
        case .tls: "TCP, encrypted"
        case .tcp: "TCP in clear text, if the server was told so"
        case .unix: "the server's Unix socket"
        case .shm: "shared memory, arranged over that socket"
        }
    }
}
