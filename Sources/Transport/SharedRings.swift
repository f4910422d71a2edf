internal import CLinux
internal import Synchronization

/// Two rings of bytes in memory that client and worker share, one for each direction, beside the
/// Unix socket that the memory came over (docs/adr/0011).
///
/// The socket carries nothing any more; its end is the end of the rings. What a side reads from the
/// page of indices is the other side's word for it and may be anything: it is checked each time,
/// and a side's own indices are kept where the other cannot reach them. A thread that has nothing
/// to do sleeps on a word of that page (a futex), so any number of threads can sleep and no wake-up
/// can be taken by the wrong one.
struct SharedRings: ~Copyable {
    typealias Pointer = UnsafeMutablePointer<SharedRings>

    /// Where things are in the memory.
    enum Layout {
        /// Bytes of the page of indices, which the rings follow.
        static let control = 4096
        /// Bytes written so far into the ring of a direction: its sender's to write.
        static func head(_ direction: Int) -> Int { 1024 * direction }
        /// Bytes taken out of it so far: its receiver's to write.
        static func tail(_ direction: Int) -> Int { 1024 * direction + 64 }
        /// The word that a side sleeps on.
        static func word(_ side: Int) -> Int { 2048 + 1024 * side }
        /// How many threads of a side sleep until there are bytes.
        static func forBytes(_ side: Int) -> Int { word(side) + 64 }
        /// How many threads of a side sleep until there is space.
        static func forSpace(_ side: Int) -> Int { word(side) + 128 }
        /// All bytes, for rings of this size.
        static func total(_ ringSize: Int) -> Int { control + 2 * ringSize }
    }

    /// A copy is made known in pieces, so that the other side can begin with the first.
    private static let piece = 128 << 10
    /// The end of the other process is looked for this often while a thread sleeps.
    private static let patience = 100_000_000

    private let memory: UnsafeMutableRawPointer
    private let size: Int
    private let socket: Socket
    /// 0 is the client, 1 the worker; a side sends in the direction of its own number.
    private let side: Int
    private let isEnded = Atomic(false)
    /// What the other side lends beside the rings; `nil`: nothing.
    private(set) var lent: SharedMemory?

    // The sender's; `sent` is also looked at by threads that wait.
    private let sent = Atomic<UInt64>(0)
    private let knownTail = Atomic<UInt64>(0)
    private let apart: InlineArray<64, UInt8> = .init(repeating: 0)
    // The receiver's.
    private let received = Atomic<UInt64>(0)

    private init(_ memory: UnsafeMutableRawPointer, _ size: Int, _ socket: Socket, _ side: Int) {
        self.memory = memory
        self.size = size
        self.socket = socket
        self.side = side
    }

    /// Maps a file of sealed memory; the descriptor stays the caller's.
    ///
    /// - Returns: `nil` when it is not what it should be, or there is no room for it.
    static func map(_ file: Int32, ringSize: Int, _ socket: Socket, side: Int) -> Pointer? {
        guard ringSize > 0, let shared = SharedMemory(file, Layout.total(ringSize)),
            let memory = shared.bytes.baseAddress
        else { return nil }
        let pointer = Pointer.allocate(capacity: 1)
        pointer.initialize(to: SharedRings(memory, ringSize, socket, side))
        return pointer
    }

    /// The other side has lent something; once, before the channel is used.
    mutating func borrow(_ memory: SharedMemory) { lent = memory }

    /// Gives the memory back.
    static func unmap(_ rings: Pointer) {
        rings.pointee.lent?.unmap()
        munmap(rings.pointee.memory, Layout.total(rings.pointee.size))
        rings.deinitialize(count: 1)
        rings.deallocate()
    }

    // MARK: - Transfers

    /// Copies what there is space for.
    func send(_ bytes: UnsafeRawPointer, _ count: Int) -> TransferResult {
        if isEnded.load(ordering: .relaxed) { return .failed(EPIPE) }
        var position = sent.load(ordering: .relaxed)
        var done = 0
        while done < count {
            var space = size - Int(position &- knownTail.load(ordering: .relaxed))
            if space == 0 {
                let tail = ferry_shared_load(memory + Layout.tail(side))
                guard position &- tail <= UInt64(size) else { return .failed(EPROTO) }
                knownTail.store(tail, ordering: .relaxed)
                space = size - Int(position &- tail)
                if space == 0 { break }
            }
            let part = min(count - done, space, Self.piece)
            let ring = memory + Layout.control + side * size
            let offset = Int(position & UInt64(size - 1))
            let first = min(part, size - offset)
            memcpy(ring + offset, bytes + done, first)
            if first < part { memcpy(ring, bytes + done + first, part - first) }
            position &+= UInt64(part)
            done += part
            sent.store(position, ordering: .relaxed)
            ferry_shared_store(memory + Layout.head(side), position)
            wakeOther(Layout.forBytes(1 - side))
        }
        return done > 0 ? .bytes(done) : .wouldBlock
    }

    /// Copies what is there.
    func receive(_ bytes: UnsafeMutableRawPointer, _ count: Int) -> TransferResult {
        // First, so that what was sent before the end is still received.
        let isOver = isEnded.load(ordering: .relaxed)
        let position = received.load(ordering: .relaxed)
        let there = ferry_shared_load(memory + Layout.head(1 - side)) &- position
        guard there <= UInt64(size) else { return .failed(EPROTO) }
        if there == 0 { return isOver ? .closed : .wouldBlock }
        var done = 0
        let end = min(count, Int(there))
        while done < end {
            let part = min(end - done, Self.piece)
            let ring = memory + Layout.control + (1 - side) * size
            let offset = Int((position &+ UInt64(done)) & UInt64(size - 1))
            let first = min(part, size - offset)
            memcpy(bytes + done, ring + offset, first)
            if first < part { memcpy(bytes + done + first, ring, part - first) }
            done += part
            let next = position &+ UInt64(done)
            received.store(next, ordering: .relaxed)
            ferry_shared_store(memory + Layout.tail(1 - side), next)
            wakeOther(Layout.forSpace(1 - side))
        }
        return .bytes(done)
    }

    /// Wakes the other side if threads of it sleep for this reason.
    @inline(__always)
    private func wakeOther(_ sleepers: Int) {
        // Between our index and their count; they do the same the other way round in `wait`.
        ferry_full_fence()
        if _slowPath(ferry_shared_load32(memory + sleepers) != 0) { wake(1 - side) }
    }

    private func wake(_ side: Int) {
        ferry_shared_add32(memory + Layout.word(side), 1)
        ferry_shared_wake(memory + Layout.word(side))
    }

    // MARK: - Waiting

    /// Sleeps until one of `events` is possible; at the end of the connection all are.
    ///
    /// - Parameter timeout: Milliseconds; -1 waits for ever.
    /// - Returns: The events, 0 after the timeout.
    func wait(for events: Int32, timeout: Int32) -> Int32 {
        let found = possible(events)
        if found != 0 || timeout == 0 { return found }
        let end = timeout < 0 ? UInt64.max : ferry_now_ns() + UInt64(timeout) * 1_000_000
        let word = memory + Layout.word(side)
        if events & POLLIN != 0 { ferry_shared_add32(memory + Layout.forBytes(side), 1) }
        if events & POLLOUT != 0 { ferry_shared_add32(memory + Layout.forSpace(side), 1) }
        defer {
            if events & POLLIN != 0 { ferry_shared_add32(memory + Layout.forBytes(side), .max) }
            if events & POLLOUT != 0 { ferry_shared_add32(memory + Layout.forSpace(side), .max) }
        }
        while true {
            // Whoever changes something after this look changes the word, too, and sleep ends.
            let value = ferry_shared_load32(word)
            ferry_full_fence()
            let found = possible(events)
            if found != 0 { return found }
            let now = ferry_now_ns()
            if now >= end { return 0 }
            let pause = min(end - now, UInt64(Self.patience))
            ferry_shared_sleep(word, value, Int(pause))
        }
    }

    /// Which of the events are possible now.
    private func possible(_ events: Int32) -> Int32 {
        if hasEnded() { return events }
        var found: Int32 = 0
        if events & POLLIN != 0 {
            let head = ferry_shared_load(memory + Layout.head(1 - side))
            if head != received.load(ordering: .relaxed) { found |= POLLIN }
        }
        if events & POLLOUT != 0 {
            let tail = ferry_shared_load(memory + Layout.tail(side))
            if sent.load(ordering: .relaxed) &- tail != UInt64(size) { found |= POLLOUT }
        }
        return found
    }

    /// Whether the socket has ended. Nothing may come over it: a byte would hide its end.
    private func hasEnded() -> Bool {
        if isEnded.load(ordering: .relaxed) { return true }
        var byte: UInt8 = 0
        let count = recv(socket.descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
        if count < 0, ferry_errno() == EAGAIN || ferry_errno() == EINTR { return false }
        isEnded.store(true, ordering: .relaxed)
        return true
    }

    /// Ends both directions for threads of this side; the socket's end tells the other.
    func end() {
        isEnded.store(true, ordering: .relaxed)
        wake(side)
    }
}
