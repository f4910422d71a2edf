internal import CLinux
internal import Driver
internal import Synchronization
internal import Transport
internal import Wire

/// The one ordered stream of records to a server (rules 1 and 4 of the data plane).
///
/// Records gather in a buffer, which leaves when a reply is needed, when it holds 16 KiB, or when
/// the program has been quiet for a moment (`Flusher`). All functions are called with the
/// session's `streamLock` held.
enum CommandStream {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Starts a record and returns where its body goes.
    @inline(__always)
    static func append(
        _ state: State,
        _ opcode: Opcode,
        flags: UInt16,
        context: UInt32,
        size: Int
    ) -> UnsafeMutableRawPointer {
        let total = WireFormat.headerSize &+ size
        Tracing.add(StatisticsLayout.bytesSent, total)
        if state.pointee.used &+ total > SessionState.bufferSize { flush(state) }
        let record = state.pointee.buffer + state.pointee.used
        state.pointee.used &+= total
        writeHeader(state, record, opcode, flags, context, total)
        return record + WireFormat.headerSize
    }

    @inline(__always)
    private static func writeHeader(
        _ state: State,
        _ record: UnsafeMutableRawPointer,
        _ opcode: Opcode,
        _ flags: UInt16,
        _ context: UInt32,
        _ total: Int
    ) {
        state.pointee.sequence &+= 1
        RecordHeader(
            size: total,
            opcode: opcode,
            flags: flags,
            sequence: state.pointee.sequence,
            context: context
        ).write(to: record)
    }

    /// Ends a record that has no reply: it may leave now or later.
    @inline(__always)
    static func finishRecord(_ state: State) {
        if state.pointee.used >= SessionState.flushSize {
            flush(state)
        } else {
            Flusher.request(state)
        }
    }

    /// Sends a record whose data stays where it is: `prefix` bytes of body are written by
    /// `encode`, then `data` follows and is padded to 8 bytes. Returns when the data may change.
    static func sendWithData(
        _ state: State,
        _ opcode: Opcode,
        flags: UInt16 = 0,
        context: UInt32,
        prefix: Int,
        data: UnsafeRawBufferPointer,
        _ encode: (UnsafeMutableRawPointer) -> Void
    ) {
        let padded = WireFormat.padded(data.count)
        if padded <= SessionState.flushSize {
            let body = append(state, opcode, flags: flags, context: context, size: prefix + padded)
            encode(body)
            if let base = data.baseAddress { memcpy(body + prefix, base, data.count) }
            finishRecord(state)
            return
        }
        if state.pointee.used + WireFormat.headerSize + prefix > SessionState.bufferSize {
            flush(state)
        }
        let record = state.pointee.buffer + state.pointee.used
        let total = WireFormat.headerSize + prefix + padded
        Tracing.add(StatisticsLayout.bytesSent, total)
        writeHeader(state, record, opcode, flags, context, total)
        encode(record + WireFormat.headerSize)
        state.pointee.used += WireFormat.headerSize + prefix
        flush(state)
        transmit(state, data)
        var zeros: UInt64 = 0
        withUnsafeBytes(of: &zeros) {
            transmit(state, UnsafeRawBufferPointer(rebasing: $0[0..<(padded - data.count)]))
        }
    }

    /// Sends everything that waits.
    @inline(never)
    static func flush(_ state: State) {
        let count = state.pointee.used
        guard count > 0 else { return }
        state.pointee.used = 0
        transmit(state, UnsafeRawBufferPointer(start: state.pointee.buffer, count: count))
    }

    /// Sends bytes. While the server does not take them, what it sends is read, so that the two
    /// sides can never wait for each other.
    private static func transmit(_ state: State, _ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count, state.pointee.lostStatus == 0 {
            switch state.pointee.channel.send(base + done, bytes.count - done) {
            case .bytes(let count): done += count
            case .wouldBlock: waitToSend(state)
            case .closed, .failed: Replies.loseConnection(state)
            }
        }
        state.pointee.counters.bytesSent.add(UInt64(done), ordering: .relaxed)
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
