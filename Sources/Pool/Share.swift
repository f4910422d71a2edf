/// How much of each GPU is asked for.
package enum Share: Hashable, Sendable {
    /// The whole GPU; nobody else gets a part of it.
    case whole
    /// A part of each GPU's memory, in billionths: 1 ..< 1,000,000,000.
    ///
    /// Billionths, because a binary 0.29 of 100 MiB would be 28 MiB.
    case billionths(UInt64)
    /// This many MiB of each GPU, from 1.
    case mebibytes(Int64)

    /// The slice of a GPU with this much memory, in MiB, rounded down; nil for the whole GPU.
    package func slice(ofMiB memory: Int64) -> Int64? {
        switch self {
        case .whole:
            return nil
        case .billionths(let part):
            let product = UInt64(max(memory, 0)).multipliedFullWidth(by: part)
            return Int64(UInt64(1_000_000_000).dividingFullWidth(product).quotient)
        case .mebibytes(let amount):
            return amount
        }
    }
}

/// Who asks: shown to people, trusted for nothing.
package struct ClientDescription: Hashable, Sendable {
    /// The client machine's name.
    package var host: String
    /// The name of the user there.
    package var user: String
    /// The process that holds the lease there.
    package var pid: Int64
    /// The program that it runs, with its arguments, shortened.
    package var command: String

    /// A description of a client, as it gave it.
    package init(host: String, user: String, pid: Int64, command: String) {
        self.host = host
        self.user = user
        self.pid = pid
        self.command = command
    }
}

/// A well-formed wish for GPUs.
package struct LeaseRequest: Hashable, Sendable {
    /// More than this many GPUs in one request is nonsense.
    package static let maximumGPUs = 1024

    /// How many different GPUs; 1 ... `maximumGPUs`.
    package let gpus: Int
    /// How much of each of them.
    package let share: Share
    /// Who asks.
    package let client: ClientDescription

    /// A wish, checked for sense but not against any GPUs.
    ///
    /// - Parameters:
    ///   - gpus: how many different GPUs.
    ///   - fraction: the part of each GPU's memory, 0 < fraction ≤ 1; 1 is the whole GPU.
    ///   - mebibytes: MiB of each GPU's memory, from 1. Not together with `fraction`.
    ///   - client: who asks.
    /// - Throws: `Refusal.invalid`.
    package init(
        gpus: Int,
        fraction: Double?,
        mebibytes: Int64?,
        client: ClientDescription
    ) throws(Refusal) {
        guard (1...Self.maximumGPUs).contains(gpus) else {
            throw .invalid("the number of GPUs must be 1 to \(Self.maximumGPUs), not \(gpus)")
        }
        self.gpus = gpus
        self.client = client
        switch (fraction, mebibytes) {
        case (.some, .some):
            throw .invalid("ask for a fraction of the memory or for MiB, not for both")
        case (.some(let fraction), nil):
            share = try Self.share(fraction: fraction)
        case (nil, .some(let mebibytes)):
            guard mebibytes >= 1 else {
                throw .invalid("the memory must be at least 1 MiB, not \(mebibytes)")
            }
            share = .mebibytes(mebibytes)
        case (nil, nil):
            share = .whole
        }
    }

    private static func share(fraction: Double) throws(Refusal) -> Share {
        // Written so that NaN is refused too.
        guard fraction > 0, fraction <= 1 else {
            throw .invalid("the fraction must be above 0 and at most 1, not \(fraction)")
        }
        let billionths = UInt64((fraction * 1e9).rounded())
        guard billionths >= 1 else {
            throw .invalid("the fraction \(fraction) is too small")
        }
        return billionths >= 1_000_000_000 ? .whole : .billionths(billionths)
    }
}
