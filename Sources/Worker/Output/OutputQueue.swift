internal import CLinux
internal import Synchronization
internal import Transport
internal import Wire

/// The one way to the client: whole records, never mixed, in the order in which they are given.
///
/// A record goes straight into the socket when nothing waits. What the socket does not take at
/// once is kept, and a thread of its own sends it on, so that the reader never waits for the
/// client to read, until `limit` bytes wait: then it does, because a client that sends for ever
/// and never reads must not fill the memory. A client that follows docs/formats/wire.md reads
/// while its own sending is held up, so neither side waits for ever. Thread-safe.
final class OutputQueue: @unchecked Sendable {
    /// Bytes that may wait; a writer waits while there are more. What waits and what leaves are two
    /// buffers, and each may exceed this by one record (of 64 MiB at most, usually far less).
    static let limit = 8 << 20

    private let channel: Channel
    private let monitor = Monitor()
    private var waiting = Buffer()
    private var leaving = Buffer()
    /// Whether bytes wait or leave: only then the drainer has something to do, and others must
    /// queue behind.
    private var isBusy = false
    private var hasDrainer = false
    private var isClosed = false

    init(channel: Channel) {
        self.channel = channel
    }

    /// Sends a whole record. After the connection has broken it is dropped.
    func write(_ record: UnsafeRawBufferPointer) {
        monitor.lock()
        defer { monitor.unlock() }
        while isBusy, waiting.count > Self.limit, !isClosed { monitor.wait() }
        guard !isClosed, let base = record.baseAddress else { return }
        if isBusy {
            waiting.append(record)
            return
        }
        var done = 0
        while done < record.count {
            switch channel.send(base + done, record.count - done) {
            case .bytes(let count): done += count
            case .wouldBlock:
                keep(UnsafeRawBufferPointer(rebasing: record[done...]))
                return
            case .closed, .failed:
                isClosed = true
                return
            }
        }
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

    /// Called with the lock held: the drainer sends the rest.
    private func keep(_ rest: UnsafeRawBufferPointer) {
        waiting.append(rest)
        isBusy = true
        if !hasDrainer {
            hasDrainer = Thread.start { [self] in drain() }
            // Without a thread this one has to wait.
            if !hasDrainer { sendWaiting() }
        }
        monitor.wakeAll()
    }

    private func drain() {
        monitor.lock()
        while !isClosed {
            if isBusy { sendWaiting() } else { monitor.wait() }
        }
        monitor.unlock()
    }

    /// Sends until nothing waits. Called with the lock held, which it gives up meanwhile.
    private func sendWaiting() {
        while waiting.count > 0, !isClosed {
            swap(&waiting, &leaving)
            monitor.wakeAll()
            monitor.unlock()
            let isSent = send(leaving.bytes)
            monitor.lock()
            leaving.clear()
            if !isSent { isClosed = true }
        }
        isBusy = false
        monitor.wakeAll()
    }

    private func send(_ bytes: UnsafeRawBufferPointer) -> Bool {
        do throws(SocketError) {
            try channel.sendAll(bytes)
            return true
        } catch {
            return false
        }
    }
}
