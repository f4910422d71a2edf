internal import Synchronization

/// One direction of a session at its sender: every record from the moment when it is written until
/// the peer has acknowledged it (rule 13 of the data plane).
///
/// A pure state machine over a ring of memory that is mapped twice in a row, so that `capacity` bytes
/// from any place in it are contiguous. Places in the stream are counted in bytes from its start and
/// never wrap. A record is written in place (`space`, `write`), handed to a connection (`next`,
/// `didSend`) and kept until `acknowledge`; after a cut `resume` goes back to what the peer has.
///
/// Control records (`acknowledge`, `resume`) tell the peer about the other direction. They are not part
/// of the stream: they are not counted, not kept, and go out between two records.
///
/// One thread may write while another sends; `acknowledge`, `requestAcknowledgement` and the counts are
/// for any thread at any time. Writing, and sending with cuts, is for one thread at a time each.
package struct OutgoingStream: ~Copyable {
    /// The ring. Whoever mapped it unmaps it.
    package private(set) var ring: UnsafeMutableRawPointer
    /// Bytes of the ring; a power of two.
    package private(set) var capacity: Int { didSet { mask = capacity - 1 } }
    private var mask: Int
    /// How far records may be written: `capacity` behind what was acknowledged when that was last
    /// looked at.
    private var limit: UInt64 = 0
    /// A place behind `sent`, or `sent` itself, where a record ends: there a control record may go in.
    private var boundary: UInt64 = 0
    /// Whether the peer still has to say how much it has before anything may be sent.
    package private(set) var isHeld = false

    private let control: UnsafeMutableRawPointer
    private var controlSize = 0
    private var controlSent = 0
    /// What the peer is to be told first on a new connection.
    private var resumeAt: UInt64?

    private let writtenPlace = Atomic<UInt64>(0)
    private let sentPlace = Atomic<UInt64>(0)
    private let acknowledgedPlace = Atomic<UInt64>(0)
    /// How much of the other direction the peer is to be told that we have; 0 when nothing is new.
    private let acknowledgementDue = Atomic<UInt64>(0)

    /// A stream in a ring.
    ///
    /// - Parameters:
    ///   - ring: `capacity` bytes that are mapped twice, the second time right behind the first.
    ///   - capacity: A power of two, at least 4096.
    package init(ring: UnsafeMutableRawPointer, capacity: Int) {
        precondition(capacity >= 4096 && capacity & (capacity - 1) == 0)
        self.ring = ring
        self.capacity = capacity
        mask = capacity - 1
        control = .allocate(byteCount: 2 * ControlLayout.size, alignment: 8)
    }

    /// The same stream in a larger ring, between two records. The old ring is the caller's again.
    ///
    /// - Parameters:
    ///   - ring: Mapped twice like the old one.
    ///   - capacity: A power of two, larger than before.
    package mutating func move(to ring: UnsafeMutableRawPointer, capacity: Int) {
        precondition(capacity > self.capacity && capacity & (capacity - 1) == 0)
        let start = acknowledged
        let from = self.ring + Int(start) & (self.capacity - 1)
        (ring + Int(start) & (capacity - 1)).copyMemory(from: from, byteCount: kept)
        self.ring = ring
        self.capacity = capacity
    }

    deinit { control.deallocate() }

    // MARK: - Writing

    /// How far records were written: always the end of one.
    @inline(__always)
    package var written: UInt64 { writtenPlace.load(ordering: .relaxed) }

    /// How far they were handed to a connection.
    @inline(__always)
    package private(set) var sent: UInt64 {
        get { sentPlace.load(ordering: .relaxed) }
        nonmutating set { sentPlace.store(newValue, ordering: .relaxed) }
    }

    /// How far the peer has acknowledged.
    @inline(__always)
    package var acknowledged: UInt64 { acknowledgedPlace.load(ordering: .acquiring) }

    /// Bytes that are kept for the peer.
    @inline(__always)
    package var kept: Int { Int(truncatingIfNeeded: written &- acknowledged) }

    /// Bytes that were written and not yet sent.
    @inline(__always)
    package var waiting: Int { Int(truncatingIfNeeded: written &- sent) }

    /// Where a record of `size` bytes goes; `nil` while there is no room for it.
    @inline(__always)
    package mutating func space(_ size: Int) -> UnsafeMutableRawPointer? {
        let written = written
        let end = written &+ UInt64(truncatingIfNeeded: size)
        if _slowPath(end > limit) {
            limit = acknowledged &+ UInt64(truncatingIfNeeded: capacity)
            guard end <= limit else { return nil }
        }
        return ring + Int(truncatingIfNeeded: written) & mask
    }

    /// A record of `size` bytes lies in `space`.
    @inline(__always)
    package func write(_ size: Int) {
        writtenPlace.store(written &+ UInt64(truncatingIfNeeded: size), ordering: .releasing)
    }

    // MARK: - Sending

    /// What goes out next; empty when there is nothing, or nothing may go out yet.
    package mutating func next() -> UnsafeRawBufferPointer {
        if sent == boundary {
            if controlSent == controlSize { makeControl() }
            if controlSent < controlSize {
                return UnsafeRawBufferPointer(
                    start: control + controlSent,
                    count: controlSize - controlSent
                )
            }
            guard !isHeld else { return UnsafeRawBufferPointer(start: nil, count: 0) }
            boundary = writtenPlace.load(ordering: .acquiring)
        }
        let start = ring + Int(truncatingIfNeeded: sent) & (capacity - 1)
        return UnsafeRawBufferPointer(start: start, count: Int(boundary - sent))
    }

    /// The connection has taken the first `count` bytes of `next`.
    package mutating func didSend(_ count: Int) {
        if controlSent < controlSize {
            controlSent += count
        } else {
            sent += UInt64(count)
        }
    }

    /// Whether there is something to send that nobody has begun to send; for any thread.
    package var hasNews: Bool { waiting > 0 || acknowledgementDue.load(ordering: .relaxed) != 0 }

    /// Whether something waits that may go out.
    package var hasNext: Bool {
        controlSent < controlSize || resumeAt != nil
            || acknowledgementDue.load(ordering: .relaxed) != 0 || (!isHeld && sent < written)
    }

    private mutating func makeControl() {
        controlSize = 0
        controlSent = 0
        if let place = resumeAt {
            append(.resume, place)
            resumeAt = nil
        }
        let due = acknowledgementDue.exchange(0, ordering: .acquiring)
        if due != 0 { append(.acknowledge, due) }
    }

    private mutating func append(_ opcode: Opcode, _ place: UInt64) {
        let record = control + controlSize
        let size = ControlLayout.size
        RecordHeader(size: size, opcode: opcode, flags: 0, sequence: 0, context: 0)
            .write(to: record)
        let body = record + WireFormat.headerSize
        body.storeBytes(of: place, toByteOffset: ControlLayout.place, as: UInt64.self)
        controlSize += ControlLayout.size
    }

    // MARK: - What the peer says

    /// The peer has everything up to `place`. Saying less than before changes nothing.
    ///
    /// - Returns: `false` when the place was never written: the peer breaks the protocol.
    @discardableResult
    package func acknowledge(_ place: UInt64) -> Bool {
        guard place <= writtenPlace.load(ordering: .acquiring) else { return false }
        acknowledgedPlace.max(place, ordering: .acquiringAndReleasing)
        return true
    }

    /// The peer is to be told soon that we have everything of its stream up to `place`.
    package func requestAcknowledgement(_ place: UInt64) {
        acknowledgementDue.max(place, ordering: .acquiringAndReleasing)
    }

    // MARK: - Cuts

    /// A new connection takes the place of one that broke. Nothing but `resume` goes out on it until
    /// the peer has said how much it has.
    ///
    /// - Parameter received: How much of the peer's stream we have.
    package mutating func reconnect(received: UInt64) {
        controlSize = 0
        controlSent = 0
        resumeAt = received
        isHeld = true
        boundary = sent
    }

    /// The peer has said how much it has: sending goes on from there.
    ///
    /// - Returns: `false` when it has lost what it had acknowledged, or claims what was never
    ///   written: the session cannot go on.
    package mutating func resume(at place: UInt64) -> Bool {
        guard isHeld, place >= acknowledged, place <= written else { return false }
        acknowledgedPlace.store(place, ordering: .releasing)
        sent = place
        boundary = place
        isHeld = false
        return true
    }
}

/// Body of `acknowledge` and `resume`.
package enum ControlLayout {
    package static let place = 0  // u64: bytes of the receiver's stream that the sender has
    package static let size = WireFormat.headerSize + 8
}
