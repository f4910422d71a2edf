internal import CLinux
internal import Wire

/// Plays a network between the two ends of a channel on one host, to measure what a program would
/// do over it: each byte arrives when the network would have brought it, never earlier.
///
/// Everything sent goes in frames that say when their last byte has left the sender, by the clock
/// that both ends share; the receiver lets go of a frame a delay after that. Rates are the sender's
/// to keep: a frame leaves when the line is free and its bytes have passed. Waiting looks at the
/// clock instead of sleeping when the time is short, because timers are late by some 60 µs.
///
/// One thread may send and another receive at the same time, as with any channel.
struct EmulatedLink {
    typealias Pointer = UnsafeMutablePointer<EmulatedLink>

    /// Bytes in front of each frame: u64 when its last byte left, in nanoseconds of the monotonic
    /// clock; u32 bytes that follow; u32 0.
    static let headerSize = 16
    /// Most bytes of a frame: at 10 Gbit/s they pass in 13 µs.
    static let largestFrame = 16 << 10
    /// What may be under way to a receiver that does not look.
    static let windowSize = 16 << 20
    /// A frame that claims to leave later than this from now is no frame.
    private static let furthest: UInt64 = 20_000_000_000

    let inner: Channel
    let shape: LinkShape

    // The sender's.
    private let staging: UnsafeMutableRawPointer
    private var lineIsFree: UInt64 = 0
    /// Bytes of the header in `staging` that are still to be sent.
    private var headerLeft = 0
    /// Bytes of the frame that are still to be sent behind it.
    private var frameLeft = 0

    // The receiver's: what has come, from `first` up to `end`.
    private let window: UnsafeMutableRawPointer
    private var first = 0
    private var end = 0
    private var arrivingLeft = 0
    private var arrival: UInt64 = 0
    private var isOver = false

    private init(_ inner: Channel, _ shape: LinkShape, _ memory: UnsafeMutableRawPointer) {
        self.inner = inner
        self.shape = shape
        window = memory
        staging = memory + Self.windowSize
    }

    /// A link over a channel, which it owns from now on; `nil` without memory for it.
    static func make(_ inner: Channel, _ shape: LinkShape) -> Pointer? {
        let size = windowSize + headerSize + largestFrame
        guard let memory = malloc(size) else { return nil }
        let pointer = Pointer.allocate(capacity: 1)
        pointer.initialize(to: EmulatedLink(inner, shape, memory))
        return pointer
    }

    static func shutDown(_ link: Pointer) { link.pointee.inner.shutDown() }

    static func close(_ link: Pointer) {
        link.pointee.inner.close()
        free(link.pointee.window)
        link.deallocate()
    }

    // MARK: - Sending

    /// Sends what the channel takes, at most one frame. Nothing is left behind in here: a header
    /// that went out in part is completed by the next call, which the caller owes.
    static func send(_ link: Pointer, _ bytes: UnsafeRawPointer, _ count: Int) -> TransferResult {
        if link.pointee.frameLeft == 0 { return begin(link, bytes, count) }
        if link.pointee.headerLeft > 0 {
            let sent = headerSize - link.pointee.headerLeft
            let result = link.pointee.inner.send(
                link.pointee.staging + sent,
                link.pointee.headerLeft
            )
            guard case .bytes(let done) = result else { return result }
            link.pointee.headerLeft -= done
            guard link.pointee.headerLeft == 0 else { return .wouldBlock }
        }
        let result = link.pointee.inner.send(bytes, min(count, link.pointee.frameLeft))
        if case .bytes(let done) = result { link.pointee.frameLeft -= done }
        return result
    }

    private static func begin(
        _ link: Pointer,
        _ bytes: UnsafeRawPointer,
        _ count: Int
    ) -> TransferResult {
        let size = min(count, largestFrame)
        let now = ferry_now_ns()
        let leaves = max(now, link.pointee.lineIsFree) + link.pointee.shape.duration(of: size)
        let staging = link.pointee.staging
        staging.storeBytes(of: leaves, as: UInt64.self)
        staging.storeBytes(of: UInt32(size), toByteOffset: 8, as: UInt32.self)
        staging.storeBytes(of: 0, toByteOffset: 12, as: UInt32.self)
        memcpy(staging + headerSize, bytes, size)
        let result = link.pointee.inner.send(staging, headerSize + size)
        guard case .bytes(let done) = result else { return result }
        link.pointee.lineIsFree = leaves
        let payload = max(0, done - headerSize)
        link.pointee.headerLeft = max(0, headerSize - done)
        link.pointee.frameLeft = size - payload
        return payload > 0 ? .bytes(payload) : .wouldBlock
    }

    // MARK: - Receiving

    /// Receives what has arrived by now.
    static func receive(
        _ link: Pointer,
        _ bytes: UnsafeMutableRawPointer,
        _ count: Int
    ) -> TransferResult {
        let trouble = takeIn(link)
        var done = 0
        while done < count {
            guard openFrame(link) else { return .failed(EPROTO) }
            let there = min(link.pointee.arrivingLeft, link.pointee.end - link.pointee.first)
            guard there > 0, ferry_now_ns() >= link.pointee.arrival else { break }
            let part = min(there, count - done)
            memcpy(bytes + done, link.pointee.window + link.pointee.first, part)
            link.pointee.first += part
            link.pointee.arrivingLeft -= part
            done += part
        }
        if done > 0 { return .bytes(done) }
        if case .failed = trouble { return trouble }
        let isEmpty = link.pointee.first == link.pointee.end
        return link.pointee.isOver && isEmpty ? .closed : .wouldBlock
    }

    /// Takes in what the channel has, without regard to its time.
    private static func takeIn(_ link: Pointer) -> TransferResult {
        if link.pointee.first == link.pointee.end {
            link.pointee.first = 0
            link.pointee.end = 0
        } else if link.pointee.end == windowSize {
            let left = link.pointee.end - link.pointee.first
            guard left < windowSize / 2 else { return .wouldBlock }
            memmove(link.pointee.window, link.pointee.window + link.pointee.first, left)
            link.pointee.first = 0
            link.pointee.end = left
        }
        let place = link.pointee.window + link.pointee.end
        let result = link.pointee.inner.receive(place, windowSize - link.pointee.end)
        switch result {
        case .bytes(let count): link.pointee.end += count
        case .closed: link.pointee.isOver = true
        case .wouldBlock, .failed: break
        }
        return result
    }

    /// Reads the header of the next frame if it is there.
    ///
    /// - Returns: `false` when it makes no sense.
    private static func openFrame(_ link: Pointer) -> Bool {
        guard link.pointee.arrivingLeft == 0,
            link.pointee.end - link.pointee.first >= headerSize
        else { return true }
        let header = link.pointee.window + link.pointee.first
        let leaves = header.loadUnaligned(as: UInt64.self)
        let size = Int(header.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
        guard size > 0, size <= largestFrame, leaves < ferry_now_ns() + furthest else {
            return false
        }
        link.pointee.first += headerSize
        link.pointee.arrivingLeft = size
        link.pointee.arrival = leaves + link.pointee.shape.delay
        return true
    }

    // MARK: - Waiting

    /// Waits as a channel does. Only the receiving thread may wait for POLLIN alone.
    static func wait(
        _ link: Pointer,
        for events: Int32,
        timeout: Int32
    ) throws(SocketError) -> Int32 {
        guard events == POLLIN else {
            return try link.pointee.inner.wait(for: events, timeout: timeout)
        }
        let start = ferry_now_ns()
        let limit = timeout < 0 ? UInt64.max : start + UInt64(timeout) * 1_000_000
        while true {
            let trouble = takeIn(link)
            guard openFrame(link) else { return POLLIN }
            let isThere = link.pointee.arrivingLeft > 0 && link.pointee.first < link.pointee.end
            if isThere { return reach(link.pointee.arrival, limit) ? POLLIN : 0 }
            switch trouble {
            case .closed, .failed: return POLLIN
            case .bytes: continue
            case .wouldBlock: break
            }
            let now = ferry_now_ns()
            if now >= limit { return 0 }
            let left = limit == .max ? -1 : Int32((limit - now + 999_999) / 1_000_000)
            _ = try link.pointee.inner.wait(for: POLLIN, timeout: left)
        }
    }

    /// Lets time pass until then; `false` when the limit comes first.
    private static func reach(_ time: UInt64, _ limit: UInt64) -> Bool {
        while true {
            let now = ferry_now_ns()
            if now >= time { return true }
            if now >= limit { return false }
            let left = min(time, limit) - now
            // Timers are late by some 60 µs: the last part is looked at the clock for.
            if left > 300_000 {
                var pause = timespec(tv_sec: 0, tv_nsec: Int(min(left - 200_000, 500_000_000)))
                nanosleep(&pause, nil)
            } else if left > 10_000 {
                sched_yield()
            } else {
                ferry_pause_cpu()
            }
        }
    }
}
