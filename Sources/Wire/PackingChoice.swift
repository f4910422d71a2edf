/// Whether the bytes of large copies are worth compressing before they travel: decided from what the
/// link has carried so far and from a piece of the copy itself, never blindly. A pure value.
package struct PackingChoice: Equatable, Sendable {
    /// Bytes a second from which on a link is left alone: one processor compresses no faster (LZ4
    /// packs 400 to 700 MB/s).
    package static let fastest: UInt64 = 600_000_000
    /// Bytes that must have travelled for their time to tell the link's rate: fewer may still lie in
    /// the buffers of sockets.
    package static let enough = 8 << 20
    /// Each copy of so many goes as it is, so that the rate does not become a thing of the past.
    package static let period = 16

    /// Bytes a second that the link has carried last; 0 when that is not known.
    package private(set) var rate: UInt64 = 0
    private var copies = 0

    /// Nothing is known of the link.
    package init() {}

    /// So many bytes took so long to travel.
    package mutating func note(bytes: Int, nanoseconds: UInt64) {
        guard bytes >= Self.enough, nanoseconds > 0 else { return }
        let (high, low) = UInt64(bytes).multipliedFullWidth(by: 1_000_000_000)
        guard high < nanoseconds else { return }
        rate = max(1, nanoseconds.dividingFullWidth((high, low)).quotient)
    }

    /// A copy begins.
    ///
    /// - Returns: Whether it is worth compressing one of its pieces to see what that gives.
    package mutating func beginCopy() -> Bool {
        copies += 1
        return rate > 0 && rate < Self.fastest && copies % Self.period != 0
    }

    /// Whether a piece that is compressed arrives earlier, by an eighth at least.
    ///
    /// - Parameters:
    ///   - bytes: Those of the piece.
    ///   - packed: Those that travel.
    ///   - nanoseconds: What compressing takes.
    package func pays(bytes: Int, packed: Int, nanoseconds: UInt64) -> Bool {
        let plain = time(bytes)
        return nanoseconds + time(packed) < plain - plain / 8
    }

    private func time(_ bytes: Int) -> UInt64 {
        UInt64(bytes) * 1_000_000_000 / max(1, rate)
    }
}
