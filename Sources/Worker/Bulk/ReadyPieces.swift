/// Where a piece of a copy to the host lies in the worker until it has been sent.
enum PieceMemory: @unchecked Sendable {
    case staging(UnsafeMutablePointer<StagingSlot>, StagingPool)
    case slot(Int, BulkSlots)

    /// Its first byte.
    var data: UnsafeMutableRawPointer {
        switch self {
        case .staging(let slot, _): slot.pointee.data
        case .slot(let index, let slots): slots.data(index)
        }
    }

    /// Gives it back. Thread-safe.
    func release() {
        switch self {
        case .staging(let slot, let pool): pool.release(slot)
        case .slot(let index, let slots): slots.release(index)
        }
    }
}

/// Pieces of asynchronous copies to the host that the GPU is done with, between `Deliveries` and the channels
/// that carry them. Thread-safe.
final class ReadyPieces: @unchecked Sendable {
    struct Piece: Sendable {
        /// The copy's record.
        var sequence: UInt32
        /// The client's number of the context that the memory belongs to.
        var context: UInt32
        var memory: PieceMemory
        /// Where in the copy it belongs.
        var offset: UInt64
        var length: Int
    }

    private let monitor = Monitor()
    private var pieces: [Piece] = []
    private var next = 0
    /// Pieces that were added and whose memory was not given back, for each context.
    private var unsent: [UInt32: Int] = [:]
    /// Pieces that were sent so far.
    private var sent = 0
    private var isClosed = false

    /// Adds a piece, whose memory is the queue's from now on.
    func append(_ piece: Piece) {
        let isWanted = monitor.withLock {
            guard !isClosed else { return false }
            pieces.append(piece)
            unsent[piece.context, default: 0] += 1
            monitor.wakeAll()
            return true
        }
        // Nobody will carry it: the session is over.
        if !isWanted { piece.memory.release() }
    }

    /// The oldest piece; the caller says `finish` when it was sent.
    ///
    /// - Parameter isWaiting: Whether to wait for one.
    /// - Returns: `nil` when there is none, or after `close`.
    func take(isWaiting: Bool) -> Piece? {
        monitor.lock()
        defer { monitor.unlock() }
        while isWaiting, next == pieces.count, !isClosed { monitor.wait() }
        guard next < pieces.count, !isClosed else { return nil }
        let piece = pieces[next]
        next += 1
        if next == pieces.count {
            pieces.removeAll(keepingCapacity: true)
            next = 0
        }
        return piece
    }

    /// A piece was sent, or never will be: gives its memory back.
    func finish(_ piece: Piece) {
        piece.memory.release()
        monitor.withLock {
            let left = unsent[piece.context, default: 1] - 1
            unsent[piece.context] = left == 0 ? nil : left
            sent += 1
            monitor.wakeAll()
        }
    }

    /// Waits until one more piece was sent; `false` when there is none.
    func finishOne() -> Bool {
        monitor.lock()
        defer { monitor.unlock() }
        guard !unsent.isEmpty, !isClosed else { return false }
        let before = sent
        while sent == before, !isClosed { monitor.wait() }
        return true
    }

    /// Waits until all pieces of a context were sent.
    func finishAll(context: UInt32) {
        monitor.lock()
        while unsent[context] != nil, !isClosed { monitor.wait() }
        monitor.unlock()
    }

    /// A channel has ended, and the session with it: lets threads go that wait.
    func close() {
        monitor.withLock {
            isClosed = true
            monitor.wakeAll()
        }
    }
}
