internal import CLinux
internal import Driver
internal import DriverFrontend
internal import Synchronization
internal import Transport
internal import Wire

/// The one ordered stream of records to a server (rules 1 and 4 of the data plane).
///
/// A record is written into a ring, where it stays until the server has acknowledged it. The ring is
/// sent when a reply is needed, or when the program has been quiet for a moment (`Flusher`). Writing
/// and sending have a lock each, so that a thread that makes a call never waits for a system call
/// of another one, unless the ring is full: the server lets nobody run further ahead than that.
enum CommandStream {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Where the body of the next record goes, whose header is written. Called with the stream lock
    /// held; `commit` makes it a part of the stream.
    ///
    /// - Parameter size: Bytes of the body, a multiple of 8, within `WireFormat.maxRequest`.
    @inline(__always)
    static func begin(
        _ state: State,
        _ opcode: Opcode,
        flags: UInt16,
        context: UInt32,
        size: Int
    ) -> UnsafeMutableRawPointer {
        let total = WireFormat.headerSize &+ size
        Tracing.add(StatisticsLayout.bytesSent, total)
        let record = space(state, total)
        RecordHeader(
            size: total,
            opcode: opcode,
            flags: flags,
            sequence: state.pointee.sequence &+ 1,
            context: context
        ).write(to: record)
        return record + WireFormat.headerSize
    }

    /// Where the next record goes, of so many bytes with its header.
    @inline(__always)
    static func space(_ state: State, _ total: Int) -> UnsafeMutableRawPointer {
        state.pointee.outgoing.space(total) ?? makeRoom(state, total)
    }

    /// The record whose body `begin` has given room for is whole. It leaves now or later: whoever
    /// sends sees it from here on.
    @inline(__always)
    static func commit(_ state: State, size: Int) {
        commit(state, total: WireFormat.headerSize &+ size)
    }

    /// The same for a record of so many bytes with its header.
    @inline(__always)
    static func commit(_ state: State, total: Int) {
        state.pointee.sequence &+= 1
        state.pointee.outgoing.write(total)
    }

    /// Gives the stream lock back. For the hottest path: unlike the lock's own `unlock` it needs no
    /// register for the rare case.
    @inline(__always)
    static func unlock(_ state: State) {
        if state.pointee.streamLock.release() { wakeWriter(state) }
    }

    @inline(never)
    private static func wakeWriter(_ state: State) { state.pointee.streamLock.wake() }

    /// Writes a record with data behind its body; the data may change when this returns.
    ///
    /// - Parameters:
    ///   - prefix: Bytes of the body before the data, a multiple of 8.
    ///   - data: At most `WireFormat.maxData` bytes; padded to 8.
    static func writeData(
        _ state: State,
        _ opcode: Opcode,
        flags: UInt16 = 0,
        context: UInt32,
        prefix: Int,
        data: UnsafeRawBufferPointer,
        _ encode: (UnsafeMutableRawPointer) -> Void
    ) {
        let padded = WireFormat.padded(data.count)
        let body = begin(state, opcode, flags: flags, context: context, size: prefix + padded)
        encode(body)
        if let base = data.baseAddress { memcpy(body + prefix, base, data.count) }
        memset(body + prefix + data.count, 0, padded - data.count)
        commit(state, size: prefix + padded)
    }

    /// Waits until the server has acknowledged so much that a record fits. After the connection is
    /// lost any place will do: nothing is sent any more.
    @inline(never)
    private static func makeRoom(_ state: State, _ total: Int) -> UnsafeMutableRawPointer {
        while state.pointee.lostStatus == 0 {
            send(state)
            if let record = state.pointee.outgoing.space(total) { return record }
            Replies.awaitAcknowledgement(state, total)
            if let record = state.pointee.outgoing.space(total) { return record }
        }
        return state.pointee.outgoing.ring
    }

    /// Sends everything that was written, and acknowledges what came.
    ///
    /// While the server does not take it, what the server sends is read, so that the two sides can
    /// never wait for each other.
    @inline(never)
    static func send(_ state: State) {
        state.pointee.sendLock.lock()
        defer { state.pointee.sendLock.unlock() }
        while state.pointee.lostStatus == 0 {
            let bytes = state.pointee.outgoing.next()
            guard let base = bytes.baseAddress, bytes.count > 0 else { return }
            switch state.pointee.channel.send(base, bytes.count) {
            case .bytes(let count):
                state.pointee.outgoing.didSend(count)
                state.pointee.counters.bytesSent.add(UInt64(count), ordering: .relaxed)
            case .wouldBlock: waitToSend(state)
            case .closed, .failed: Replies.loseConnection(state)
            }
        }
    }

    private static func waitToSend(_ state: State) {
        do throws(SocketError) {
            let events = try state.pointee.channel.wait(for: POLLIN | POLLOUT, timeout: -1)
            guard events & POLLOUT == 0 else { return }
            // Another thread may be the reader; then it takes the bytes and this one looks again.
            if !Replies.readAvailable(state) { _ = usleep(50) }
        } catch {
            Replies.loseConnection(state)
        }
    }
}
