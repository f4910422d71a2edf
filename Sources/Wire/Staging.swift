/// Staging memory of a worker: what asynchronous copies of page-locked memory go through when their bytes
/// travel among the calls (docs/adr/0016).
///
/// It is the client that keeps to the bounds, so that the worker's reader never waits for a stream that
/// cannot go on: client and worker count alike.
package enum Staging {
    /// Bytes of the pieces of staging memory, smallest first.
    package static let sizes = [4096, 16_384, 65_536, WireFormat.maxData]
    /// Bytes that all streams of a session may have in use together.
    package static let shared = 128 << 20
    /// Bytes that each group of streams may have in use in any case.
    package static let perGroup = 4 << 20
    /// Groups of streams.
    package static let groups = 16
    /// Most bytes that a client has in use.
    package static let most = shared + groups * perGroup
    /// Most bytes of a copy to the host that one record asks for; less than `perGroup`, so that a stream
    /// in which others do not wait goes on whatever waits elsewhere.
    package static let mostRecord = 2 << 20

    /// The group of a stream: streams that were created after each other are in different ones.
    ///
    /// - Parameter stream: The handle as it is on the wire, whose number begins with bit 4.
    @inline(__always)
    package static func group(of stream: UInt64) -> Int {
        Int(truncatingIfNeeded: stream >> 4) & (groups - 1)
    }

    /// Index into `sizes` of the piece that so many bytes take.
    ///
    /// - Parameter bytes: At most `WireFormat.maxData`.
    @inline(__always)
    package static func sizeClass(of bytes: Int) -> Int {
        bytes <= 4096 ? 0 : bytes <= 16_384 ? 1 : bytes <= 65_536 ? 2 : 3
    }

    /// Bytes of staging memory that a row of bytes takes, which is cut at every `WireFormat.maxData`.
    @inline(__always)
    package static func taken(by bytes: Int) -> Int {
        bytes <= 4096 ? 4096 : takenByMore(bytes)
    }

    private static func takenByMore(_ bytes: Int) -> Int {
        let rest = bytes & (WireFormat.maxData - 1)
        let last =
            rest <= 4096
            ? 4096 : rest <= 16_384 ? 16_384 : rest <= 65_536 ? 65_536 : WireFormat.maxData
        return bytes - rest + (rest == 0 ? 0 : last)
    }

    /// The same of a box, whose pieces are boxes, too.
    package static func taken(by extent: BoxExtent) -> Int {
        if extent.height == 1, extent.depth == 1 { return taken(by: extent.width) }
        var (start, sum) = (0, 0)
        while start < extent.bytes {
            let piece = extent.piece(at: start, most: WireFormat.maxData).extent.bytes
            sum += taken(by: piece)
            start += piece
        }
        return sum
    }
}

/// Body of `stagingRoom`, which asks for a reply when the stream's group or all streams together have no
/// more in use.
package enum StagingRoomLayout {
    package static let stream = 0  // u64, handle
    package static let group = 8  // u64, bytes that the stream's group may have left in use
    package static let shared = 16  // u64, bytes that all streams together may have left in use
    package static let size = 24

    // Reply: what is in use.
    package static let groupInUse = 8  // u64, bytes
    package static let sharedInUse = 16  // u64, bytes
    package static let replySize = 24
}

/// What a client knows of the staging memory that its copies have in use. A value; whoever has the stream's
/// lock changes it.
package struct StagingCredit: Sendable {
    /// Bytes that records asked for so far, and how many of them are known to be free again.
    private struct Account: Sendable {
        var asked: UInt64 = 0
        var free: UInt64 = 0
        var inUse: UInt64 { asked &- free }
    }

    /// What was asked for when a question was written.
    package struct Question: Sendable {
        fileprivate var group: Int
        fileprivate var asked: UInt64
        fileprivate var askedInAll: UInt64
    }

    /// Bytes that may be asked for until the streams have all that they share; below 0 when some have their
    /// own part in use as well.
    private var room = Staging.shared
    /// Of all streams, how much of what was asked for is known to be free again.
    private var free: UInt64 = 0
    private var groups: InlineArray<16, Account> = .init(repeating: Account())

    /// Nothing is in use.
    package init() {}

    private var askedInAll: UInt64 { free &+ UInt64(Staging.shared - room) }

    /// Asks for staging memory for a record that is about to be written.
    ///
    /// - Parameter bytes: What it will take.
    /// - Returns: Whether there is room; if not, nothing changes.
    @inline(__always)
    package mutating func take(_ stream: UInt64, _ bytes: Int) -> Bool {
        let group = Staging.group(of: stream)
        let left = room &- bytes
        let bytes = UInt64(truncatingIfNeeded: bytes)
        if _slowPath(left < 0), groups[group].inUse &+ bytes > UInt64(Staging.perGroup) {
            return false
        }
        room = left
        groups[group].asked &+= bytes
        return true
    }

    /// What to remember while the worker is asked how much is in use.
    package func question(_ stream: UInt64) -> Question {
        let group = Staging.group(of: stream)
        return Question(group: group, asked: groups[group].asked, askedInAll: askedInAll)
    }

    /// The worker's answer: everything else that was asked for before the question is free again.
    ///
    /// - Returns: `false` when more is said to be in use than was asked for.
    package mutating func answer(_ question: Question, group: UInt64, shared: UInt64) -> Bool {
        guard group <= question.asked, shared <= question.askedInAll else { return false }
        groups[question.group].free = max(groups[question.group].free, question.asked - group)
        let known = max(free, question.askedInAll - shared)
        room += Int(known - free)
        free = known
        return true
    }
}
