/// A point in time, as the caller's clocks showed it.
///
/// Leases expire by the monotonic reading, so that setting the wall clock ends none of them; the
/// wall reading is only told to people.
package struct Moment: Hashable, Sendable {
    /// Milliseconds of a monotonic clock; the origin means nothing.
    package var uptime: Int64
    /// Milliseconds since 1970-01-01T00:00:00Z.
    package var wall: Int64

    /// A reading of both clocks, in milliseconds.
    package init(uptime: Int64, wall: Int64) {
        self.uptime = uptime
        self.wall = wall
    }

    /// The moment this many milliseconds later on both clocks.
    package func advanced(byMilliseconds milliseconds: Int64) -> Moment {
        Moment(uptime: uptime + milliseconds, wall: wall + milliseconds)
    }
}
