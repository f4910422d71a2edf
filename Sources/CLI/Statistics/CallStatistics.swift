/// What was counted of one entry point, or of several together.
package struct CallStatistics: Hashable, Sendable, Encodable {
    /// Name of the entry point.
    package var name: String
    /// Times that the program called it.
    package var calls: UInt64 = 0
    /// Of these, how many did not return CUDA_SUCCESS.
    package var failures: UInt64 = 0
    /// Times that it waited for the server.
    package var roundTrips: UInt64 = 0
    /// Bytes that it put into the stream to the server.
    package var bytesSent: UInt64 = 0
    /// Bytes that came back for it.
    package var bytesReceived: UInt64 = 0
    /// How long it waited for the server, all threads together.
    package var waitedNs: UInt64 = 0

    /// Nothing counted yet.
    package init(name: String) { self.name = name }

    /// Adds another count of the same, or of a part of the whole. Sums that do not fit, which only
    /// a damaged file has, wrap.
    package mutating func add(_ other: CallStatistics) {
        calls &+= other.calls
        failures &+= other.failures
        roundTrips &+= other.roundTrips
        bytesSent &+= other.bytesSent
        bytesReceived &+= other.bytesReceived
        waitedNs &+= other.waitedNs
    }
}

/// What was counted of one process.
package struct ProcessStatistics: Hashable, Sendable, Encodable {
    /// Its number.
    package var process: UInt32
    /// Its name, as the kernel has it.
    package var program: String
    /// Everything together.
    package var total: CallStatistics
    /// The entry points that it used; the number of each is its place in the description, from 0.
    package var rows: [Int: CallStatistics]

    private enum CodingKeys: String, CodingKey {
        case process, program, total
    }
}
