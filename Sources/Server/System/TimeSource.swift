internal import CProcess
package import Pool

/// Where the time comes from, so that tests can own it.
package protocol TimeSource: Sendable {
    /// Both clocks now.
    func now() -> Moment
    /// Returns after so many milliseconds; throws when the task is cancelled.
    func sleep(milliseconds: Int64) async throws
}

/// The machine's clocks.
package struct SystemTime: TimeSource {
    /// The clocks of this machine.
    package init() {}

    package func now() -> Moment {
        Moment(uptime: ferry_uptime_milliseconds(), wall: ferry_wall_milliseconds())
    }

    package func sleep(milliseconds: Int64) async throws {
        try await Task.sleep(for: .milliseconds(milliseconds))
    }
}
