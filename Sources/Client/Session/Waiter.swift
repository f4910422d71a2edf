internal import CLinux
internal import Synchronization
internal import Wire

/// A thread that waits for the reply to its call. Lives on the stack of that thread.
struct Waiter: ~Copyable {
    /// What the thread should do next; also the word that it sleeps on.
    let signal = Atomic<UInt32>(Signal.none)
    /// The record whose reply it waits for.
    var sequence: UInt32 = 0
    /// Where that record ends in the stream: the reply acknowledges everything up to there.
    var place: UInt64 = 0
    var next: UnsafeMutablePointer<Waiter>?
    /// Whether the thread does something else first, so that it would not read for others; guarded by the reply
    /// lock.
    var isAway = false
    /// The reply's body, from `malloc`; the waiter frees it.
    var body: UnsafeMutableRawPointer?
    var bodySize = 0
    /// Where `hostData` of this call goes; `nil` if there is none.
    var destination: UnsafeMutableRawPointer?
    var destinationSize = 0
    /// Bytes of `hostData` that came.
    var received = 0
    /// First error that a `hostData` record carried.
    var copyStatus: Int32 = 0

    enum Signal {
        static let none: UInt32 = 0
        /// The reply is there, or the connection is lost.
        static let done: UInt32 = 1
        /// Nobody reads the connection any more: do it.
        static let read: UInt32 = 2
    }

    init() {}

    /// Sleeps until `signal` is no longer `none`.
    borrowing func sleep() {
        while signal.load(ordering: .acquiring) == Signal.none {
            withUnsafePointer(to: signal) { word in
                _ = ferry_futex(UnsafeMutableRawPointer(mutating: word), 128, Signal.none, nil)
            }
        }
    }

    /// Tells the waiter something, from another thread.
    borrowing func tell(_ value: UInt32) {
        signal.store(value, ordering: .releasing)
        withUnsafePointer(to: signal) { word in
            _ = ferry_futex(UnsafeMutableRawPointer(mutating: word), 129, 1, nil)
        }
    }
}

/// An asynchronous copy to page-locked memory whose bytes are still to come.
struct PendingCopy {
    var sequence: UInt32
    var destination: UnsafeMutableRawPointer
    var size: Int
    /// Whether its bytes come over channels of their own.
    var isOverChannels: Bool
    /// Bytes that came.
    var received = 0
    /// Bytes that come over channels; -1: the GPU has not done them all.
    var expected = -1
    var next: UnsafeMutablePointer<PendingCopy>?
}

/// Those copies in the order of their records, in which their bytes come as a rule.
struct PendingCopies {
    private var first: UnsafeMutablePointer<PendingCopy>?
    private var last: UnsafeMutablePointer<PendingCopy>?

    /// Adds one, whose record is the newest.
    mutating func append(_ copy: UnsafeMutablePointer<PendingCopy>) {
        copy.pointee.next = nil
        if let last { last.pointee.next = copy } else { first = copy }
        last = copy
    }

    /// The copy of this record.
    func find(_ sequence: UInt32) -> UnsafeMutablePointer<PendingCopy>? {
        var next = first
        while let copy = next, copy.pointee.sequence != sequence { next = copy.pointee.next }
        return next
    }

    /// Whether bytes are on their way that the GPU has done, of a copy before this record.
    func areLanding(before sequence: UInt32) -> Bool {
        var next = first
        while let copy = next, Int32(bitPattern: copy.pointee.sequence &- sequence) < 0 {
            if copy.pointee.expected >= 0 { return true }
            next = copy.pointee.next
        }
        return false
    }

    /// Takes the copy of this record out and frees it.
    mutating func remove(_ sequence: UInt32) {
        var link: UnsafeMutablePointer<PendingCopy>?
        var next = first
        while let copy = next, copy.pointee.sequence != sequence {
            link = copy
            next = copy.pointee.next
        }
        guard let copy = next else { return }
        if let link { link.pointee.next = copy.pointee.next } else { first = copy.pointee.next }
        if last == copy { last = link }
        copy.deallocate()
    }
}
