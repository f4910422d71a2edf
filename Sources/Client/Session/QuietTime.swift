/// How long the flusher lets a program write before it sends what was written.
///
/// Each look costs the program a processor for some 15 µs where there are few. So in a long run of
/// calls that nobody waits for, the looks become rarer: what is then still to be sent at the
/// program's next wait is a small part of the time since its last one. A pure value.
package struct QuietTime {
    /// Nanoseconds between two looks at first; the best value in facts/performance.md §3.5 is
    /// 50–100 µs.
    package static let shortest: UInt64 = 50_000
    /// Nanoseconds between two looks at most.
    package static let longest: UInt64 = 200_000
    /// The part of a run that may wait.
    private static let share: UInt64 = 16

    private var start: UInt64
    private var roundTrips: UInt64

    /// A run that begins now.
    ///
    /// - Parameters:
    ///   - now: Nanoseconds of the monotonic clock.
    ///   - roundTrips: Calls so far that waited for a reply.
    package init(now: UInt64, roundTrips: UInt64) {
        start = now
        self.roundTrips = roundTrips
    }

    /// Nanoseconds until the next look.
    ///
    /// - Parameter isIdle: Whether the last look found nothing: the run is over.
    package mutating func next(now: UInt64, roundTrips: UInt64, isIdle: Bool) -> UInt64 {
        if isIdle || roundTrips != self.roundTrips {
            start = now
            self.roundTrips = roundTrips
        }
        return min(max((now &- start) / Self.share, Self.shortest), Self.longest)
    }
}
