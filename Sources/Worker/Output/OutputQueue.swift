internal import CLinux
internal import Synchronization
internal import Transport
internal import Wire

/// The one way to the client: whole records, never mixed, in the order in which they are given, kept
/// until the client has acknowledged them (rule 13 of the data plane).
///
/// A record goes straight into the connection when nothing waits. What the connection does not take
/// at once a thread of its own sends on. Writing never waits for the client: acknowledgements come
/// through the reader, which writes, too, and takes locks that others hold while they write. Who
/// sends much asks for room first (`waitForRoom`). What is kept beyond that is little unless a client
/// misbehaves, and that one loses its session. Thread-safe.
final class OutputQueue: @unchecked Sendable {
    /// Bytes that may be kept before those wait who send much.
    static let usual = 8 << 20
    /// Bytes that may be kept at all: more than a client has room for in `Staging`.
    static let most = 256 << 20

    private let channel: Channel
    private let monitor = Monitor()
    private var stream: OutgoingStream
    /// Whether the connection has not taken all that waits: then the drainer sends.
    private var isBusy = false
    private var hasDrainer = false
    private var isClosed = false

    /// - Throws: A failure when there is no memory.
    init(channel: Channel) throws(WorkerFailure) {
        guard let ring = ferry_map_ring(Self.usual) else { throw .noMemory }
        self.channel = channel
        stream = OutgoingStream(ring: ring, capacity: Self.usual)
    }

    deinit { ferry_unmap_ring(stream.ring, stream.capacity) }

    /// Waits until a record of `size` bytes would be nothing unusual. Never on the reader's thread,
    /// nor with a lock held that it takes.
    func waitForRoom(_ size: Int) {
        monitor.lock()
        while stream.kept + size > Self.usual, stream.kept > 0, !isClosed { monitor.wait() }
        monitor.unlock()
    }

    /// Where the client's next record will begin, in its stream.
    var place: UInt64 { monitor.withLock { stream.written } }

    /// Whether a record of `size` bytes would be nothing unusual.
    func hasRoom(_ size: Int) -> Bool {
        monitor.withLock { stream.kept + size <= Self.usual || stream.kept == 0 }
    }

    /// Sends a whole record. After the connection has broken it is dropped.
    func write(_ record: UnsafeRawBufferPointer) {
        monitor.lock()
        defer { monitor.unlock() }
        guard let space = space(record.count), let base = record.baseAddress else { return }
        memcpy(space, base, record.count)
        stream.write(record.count)
        if !isBusy { sendNow() }
    }

    /// The client has everything up to `place`.
    ///
    /// - Returns: `false` when it claims what was never sent.
    func acknowledge(_ place: UInt64) -> Bool {
        monitor.lock()
        defer { monitor.unlock() }
        guard stream.acknowledge(place) else { return false }
        monitor.wakeAll()
        return true
    }

    /// Tells the client that everything up to `place` has arrived.
    func tellReceived(_ place: UInt64) {
        monitor.lock()
        defer { monitor.unlock() }
        stream.requestAcknowledgement(place)
        if !isBusy, !isClosed { sendNow() }
    }

    /// Sends what waits before it returns, for at most `milliseconds`.
    func finish(milliseconds: Int) {
        let end = ferry_now_ns() + UInt64(milliseconds) * 1_000_000
        while ferry_now_ns() < end {
            if monitor.withLock({ !isBusy || isClosed }) { return }
            Thread.sleep(microseconds: 1000)
        }
    }

    /// Ends the drainer and drops what waits.
    func close() {
        monitor.withLock {
            isClosed = true
            monitor.wakeAll()
        }
    }

    // MARK: - With the lock held

    /// Room for a record, or `nil` when the connection is over.
    private func space(_ size: Int) -> UnsafeMutableRawPointer? {
        while !isClosed {
            if let space = stream.space(size) { return space }
            if !grow(size) {
                WorkerLog.line("the client does not read what it is sent: its session ends")
                isClosed = true
                channel.shutDown()
            }
        }
        return nil
    }

    private func grow(_ size: Int) -> Bool {
        var capacity = stream.capacity
        while capacity < stream.kept + size { capacity *= 2 }
        guard capacity <= Self.most, let ring = ferry_map_ring(capacity) else { return false }
        let (old, oldCapacity) = (stream.ring, stream.capacity)
        // The drainer sends from the ring with the lock held, so nobody is in the old one.
        stream.move(to: ring, capacity: capacity)
        ferry_unmap_ring(old, oldCapacity)
        return true
    }

    /// Sends until nothing waits or the connection takes no more; then the drainer goes on.
    private func sendNow() {
        while true {
            let bytes = stream.next()
            guard let base = bytes.baseAddress, bytes.count > 0 else {
                isBusy = false
                return
            }
            switch channel.send(base, bytes.count) {
            case .bytes(let count): stream.didSend(count)
            case .wouldBlock:
                isBusy = true
                startDrainer()
                return
            case .closed, .failed:
                isClosed = true
                isBusy = false
                monitor.wakeAll()
                return
            }
        }
    }

    private func startDrainer() {
        if hasDrainer { return monitor.wakeAll() }
        hasDrainer = Thread.start { [self] in drain() }
        // Without a thread this one has to wait.
        while !hasDrainer, isBusy, !isClosed { waitAndSend() }
    }

    private func drain() {
        monitor.lock()
        while !isClosed {
            if isBusy { waitAndSend() } else { monitor.wait() }
        }
        monitor.unlock()
    }

    /// Waits, without the lock, until the connection takes more, and sends.
    private func waitAndSend() {
        monitor.unlock()
        var isBroken = false
        do throws(SocketError) {
            _ = try channel.wait(for: POLLOUT, timeout: -1)
        } catch {
            isBroken = true
        }
        monitor.lock()
        if isBroken { isClosed = true }
        if !isClosed { sendNow() }
        monitor.wakeAll()
    }
}
