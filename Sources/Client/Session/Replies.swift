internal import CLinux
internal import Driver
internal import DriverFrontend
internal import Synchronization
internal import Transport
internal import Wire

/// Reading what a server sends (rule 5 of the data plane).
///
/// There is no reader thread. Of the threads that wait for replies, one reads for all: it hands
/// each record to the thread that it belongs to, and when its own reply has come it passes the
/// task on.
enum Replies {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Makes a waiter known, before its record is sent.
    static func register(_ state: State, _ waiter: UnsafeMutablePointer<Waiter>) {
        state.pointee.replyLock.lock()
        waiter.pointee.next = state.pointee.waiters
        state.pointee.waiters = waiter
        state.pointee.replyLock.unlock()
    }

    /// Forgets a waiter that got no reply because the connection was lost.
    static func unregister(_ state: State, _ waiter: UnsafeMutablePointer<Waiter>) {
        state.pointee.replyLock.lock()
        defer { state.pointee.replyLock.unlock() }
        _ = unlink(state, waiter.pointee.sequence)
    }

    /// Takes the waiter of this record out of the list. Called with the reply lock held.
    private static func unlink(
        _ state: State,
        _ sequence: UInt32
    ) -> UnsafeMutablePointer<Waiter>? {
        var link: UnsafeMutablePointer<Waiter>?
        var next = state.pointee.waiters
        while let waiter = next, waiter.pointee.sequence != sequence {
            link = waiter
            next = waiter.pointee.next
        }
        guard let waiter = next else { return nil }
        if let link {
            link.pointee.next = waiter.pointee.next
        } else {
            state.pointee.waiters = waiter.pointee.next
        }
        return waiter
    }

    /// Makes an asynchronous copy known, before its record is sent.
    static func register(_ state: State, _ copy: UnsafeMutablePointer<PendingCopy>) {
        state.pointee.replyLock.lock()
        state.pointee.copies.append(copy)
        state.pointee.pendingCopies.add(1, ordering: .releasing)
        state.pointee.replyLock.unlock()
    }

    /// The waiter's thread, which was away, waits from now on.
    static func comeBack(_ state: State, _ waiter: UnsafeMutablePointer<Waiter>) {
        state.pointee.replyLock.withLock { waiter.pointee.isAway = false }
    }

    /// A thread that waits and could read for all. Called with the reply lock held.
    private static func present(_ state: State) -> UnsafeMutablePointer<Waiter>? {
        var next = state.pointee.waiters
        while let waiter = next, waiter.pointee.isAway { next = waiter.pointee.next }
        return next
    }

    /// Waits until the waiter's reply is there or the connection is lost.
    static func wait(_ state: State, _ waiter: UnsafeMutablePointer<Waiter>) {
        while true {
            state.pointee.replyLock.lock()
            // Whoever loses the connection tells all waiters of the list, under this lock; one that
            // came into it later finds the loss here.
            if waiter.pointee.signal.load(ordering: .acquiring) == Waiter.Signal.done
                || state.pointee.lostStatus != 0
            {
                state.pointee.replyLock.unlock()
                return
            }
            let mustRead = !state.pointee.isBeingRead
            if mustRead { state.pointee.isBeingRead = true }
            waiter.pointee.signal.store(Waiter.Signal.none, ordering: .relaxed)
            state.pointee.replyLock.unlock()
            if mustRead {
                read(state, until: waiter)
                passOn(state)
                return
            }
            waiter.pointee.sleep()
        }
    }

    /// Reads what is there without waiting for more, if no other thread reads. For the thread that
    /// sends and is held up: it also sends what this makes necessary.
    ///
    /// - Returns: Whether this thread was the reader.
    static func readAvailable(_ state: State) -> Bool {
        guard becomeReader(state) else { return false }
        _ = receive(state, isSending: true)
        passOn(state)
        return true
    }

    /// Waits until something came, for a thread that can only go on when the server has acknowledged
    /// so much that `size` bytes fit. May return without it.
    static func awaitAcknowledgement(_ state: State, _ size: Int) {
        guard becomeReader(state) else {
            // The reader will see it; it sleeps in the kernel, so there is nothing to wait on.
            _ = usleep(20)
            return
        }
        // The reader before may have taken the acknowledgement after this thread looked; then nothing
        // more need come.
        let isThere = state.pointee.outgoing.space(size) != nil
        if !isThere, case .nothing = receive(state) {
            waitForData(state)
            _ = receive(state)
        }
        passOn(state)
    }

    /// As the reader: takes in what is there, as long as no thread waits, and passes the task on.
    static func takeIn(_ state: State) {
        while state.pointee.replyLock.withLock({ present(state) == nil }) {
            guard case .received = receive(state) else { break }
        }
        passOn(state)
    }

    /// Waits until everything before a place of the server's stream has been taken in, and reads if nobody else does.
    static func awaitPlace(_ state: State, _ place: UInt64) {
        while state.pointee.lostStatus == 0,
            state.pointee.takenIn.load(ordering: .acquiring) < place
        {
            guard becomeReader(state) else {
                // The reader sleeps in the kernel, so there is nothing to wait on; the bytes are on their way.
                _ = usleep(20)
                continue
            }
            let isThere = state.pointee.incoming.received >= place
            if !isThere, case .nothing = receive(state) {
                waitForData(state)
                _ = receive(state)
            }
            passOn(state)
        }
    }

    /// - Returns: Whether nobody else was it.
    static func becomeReader(_ state: State) -> Bool {
        state.pointee.replyLock.lock()
        defer { state.pointee.replyLock.unlock() }
        guard !state.pointee.isBeingRead else { return false }
        state.pointee.isBeingRead = true
        return true
    }

    /// The connection is of no use any more: everybody who waits is told, and later calls fail.
    static func loseConnection(_ state: State, status: Int32 = Status.deviceUnavailable) {
        let (isFirst, _) = state.pointee.lost.compareExchange(
            expected: 0,
            desired: status,
            ordering: .sequentiallyConsistent
        )
        guard isFirst else { return }
        ferry_set_live_session(nil)
        Log.error("the connection to the server is lost")
        state.pointee.channel.shutDown()
        state.pointee.bulk.shutDown()
        state.pointee.landing.shutDown()
        LandingLink.tell(state)
        state.pointee.hostFunctions.shutDown()
        state.pointee.replyLock.lock()
        while let waiter = state.pointee.waiters {
            state.pointee.waiters = waiter.pointee.next
            waiter.pointee.tell(Waiter.Signal.done)
        }
        state.pointee.replyLock.unlock()
    }

    // MARK: - As the reader

    private static func read(_ state: State, until waiter: UnsafeMutablePointer<Waiter>) {
        while waiter.pointee.signal.load(ordering: .acquiring) != Waiter.Signal.done {
            switch receive(state) {
            case .received: state.pointee.spinning.reset()
            case .nothing: if !state.pointee.spinning.spin() { waitForData(state) }
            case .lost: return
            }
        }
    }

    private static func waitForData(_ state: State) {
        do throws(SocketError) {
            _ = try state.pointee.channel.wait(for: POLLIN, timeout: -1)
        } catch {
            loseConnection(state)
        }
    }

    /// Stops being the reader; a thread that still waits takes over.
    private static func passOn(_ state: State) {
        state.pointee.replyLock.lock()
        state.pointee.isBeingRead = false
        present(state)?.pointee.tell(Waiter.Signal.read)
        state.pointee.replyLock.unlock()
    }

    private enum Progress {
        case received, nothing, lost
    }

    /// - Parameter isSending: Whether this thread has the send lock.
    private static func receive(_ state: State, isSending: Bool = false) -> Progress {
        guard state.pointee.lostStatus == 0 else { return .lost }
        let space = state.pointee.incoming.space()
        guard let base = space.baseAddress else { return .lost }
        switch state.pointee.channel.receive(base, space.count) {
        case .bytes(let count):
            state.pointee.incoming.commit(count)
            state.pointee.counters.bytesReceived.add(UInt64(count), ordering: .relaxed)
        case .wouldBlock: return .nothing
        case .closed, .failed:
            loseConnection(state)
            return .lost
        }
        do throws(ProtocolViolation) {
            while let item = try state.pointee.incoming.next() {
                try take(state, item)
            }
        } catch {
            Log.error("the server broke the protocol")
            loseConnection(state)
            return .lost
        }
        state.pointee.takenIn.store(state.pointee.incoming.received, ordering: .releasing)
        let due = state.pointee.incoming.acknowledgement(threshold: WireFormat.acknowledgeAfter)
        if let due {
            // The server may be waiting for just this.
            state.pointee.outgoing.requestAcknowledgement(due)
            if !isSending { CommandStream.send(state) }
        }
        return .received
    }

    private static func take(
        _ state: State,
        _ item: IncomingStream.Item
    ) throws(ProtocolViolation) {
        switch item {
        case .record(let header, let body): try dispatch(state, Record(header, body: body))
        case .acknowledge(let place):
            guard state.pointee.outgoing.acknowledge(place) else { throw .malformed(.acknowledge) }
        // Sessions do not change their connection yet.
        case .resume: throw .unknownOpcode(Opcode.resume.rawValue)
        }
    }

    private static func dispatch(_ state: State, _ record: Record) throws(ProtocolViolation) {
        switch record.opcode {
        case .reply: try takeReply(state, record)
        case .hostData: try takeHostData(state, record)
        case .output: try takeOutput(record)
        case .failure: try takeFailure(state, record)
        default: throw .unknownOpcode(record.opcode.rawValue)
        }
    }

    private static func takeReply(_ state: State, _ record: Record) throws(ProtocolViolation) {
        try record.expect(atLeast: ReplyLayout.values)
        state.pointee.replyLock.lock()
        defer { state.pointee.replyLock.unlock() }
        // Without memory for it the session is over, too; better than a call without an answer.
        guard let base = record.body.baseAddress, let copy = malloc(record.body.count),
            let waiter = unlink(state, record.sequence)
        else { throw .malformed(.reply) }
        memcpy(copy, base, record.body.count)
        state.pointee.outgoing.acknowledge(waiter.pointee.place)
        waiter.pointee.body = copy
        waiter.pointee.bodySize = record.body.count
        waiter.pointee.tell(Waiter.Signal.done)
    }

    private static func takeHostData(_ state: State, _ record: Record) throws(ProtocolViolation) {
        try record.expect(atLeast: HostDataLayout.data)
        let offset = record.load(HostDataLayout.offset, as: UInt64.self)
        let length = UInt64(record.load(HostDataLayout.length, as: UInt32.self))
        try record.expect(atLeast: HostDataLayout.data + Int(length))
        let status = Int32(record.load(HostDataLayout.status, as: UInt16.self))
        let isLast = record.load(HostDataLayout.isLast, as: UInt16.self) != 0
        state.pointee.replyLock.lock()
        defer { state.pointee.replyLock.unlock() }
        guard let target = target(state, record.sequence) else { throw .malformed(.hostData) }
        let (end, overflow) = offset.addingReportingOverflow(length)
        guard !overflow, end <= UInt64(target.size) else { throw .malformed(.hostData) }
        if let base = record.body.baseAddress, length > 0 {
            memcpy(target.base + Int(offset), base + HostDataLayout.data, Int(length))
        }
        if let waiter = target.waiter {
            if status != 0 { waiter.pointee.copyStatus = status }
            waiter.pointee.received += Int(length)
        } else if let copy = target.copy, copy.pointee.isOverChannels {
            try endCopy(state, record, copy, status, offset)
        } else if let copy = target.copy {
            copy.pointee.received += Int(length)
            guard isLast else { return }
            // A copy that failed is told about by the next reply (rule 2).
            let isWhole = copy.pointee.received == copy.pointee.size
            forget(state, record.sequence)
            guard isWhole || status != 0 else { throw .malformed(.hostData) }
        }
    }

    /// Of a copy whose bytes come over channels only its end comes here. Called with the reply lock held.
    private static func endCopy(
        _ state: State,
        _ record: Record,
        _ copy: UnsafeMutablePointer<PendingCopy>,
        _ status: Int32,
        _ bytes: UInt64
    ) throws(ProtocolViolation) {
        let isWhole = bytes == UInt64(copy.pointee.size)
        guard isWhole || status != 0, bytes >= UInt64(copy.pointee.received) else {
            throw .malformed(.hostData)
        }
        copy.pointee.expected = Int(bytes)
        if copy.pointee.received == copy.pointee.expected { forget(state, record.sequence) }
    }

    /// A copy has ended. Called with the reply lock held.
    static func forget(_ state: State, _ sequence: UInt32) {
        state.pointee.copies.remove(sequence)
        state.pointee.pendingCopies.subtract(1, ordering: .releasing)
    }

    private struct Target {
        var base: UnsafeMutableRawPointer
        var size: Int
        var waiter: UnsafeMutablePointer<Waiter>?
        var copy: UnsafeMutablePointer<PendingCopy>?
    }

    private static func target(_ state: State, _ sequence: UInt32) -> Target? {
        var next = state.pointee.waiters
        while let waiter = next {
            if waiter.pointee.sequence == sequence, let base = waiter.pointee.destination {
                return Target(base: base, size: waiter.pointee.destinationSize, waiter: waiter)
            }
            next = waiter.pointee.next
        }
        return state.pointee.copies.find(sequence).map { copy in
            Target(base: copy.pointee.destination, size: copy.pointee.size, copy: copy)
        }
    }

    /// Text that kernels printed appears on the program's own output, in order with what the
    /// program itself printed through the C library.
    private static func takeOutput(_ record: Record) throws(ProtocolViolation) {
        try record.expect(atLeast: OutputLayout.text)
        let length = Int(record.load(OutputLayout.length, as: UInt32.self))
        try record.expect(atLeast: OutputLayout.text + length)
        guard let base = record.body.baseAddress else { return }
        if record.load(OutputLayout.descriptor, as: UInt32.self) == 2 {
            _ = write(2, base + OutputLayout.text, length)
        } else {
            _ = ferry_write_stdout(base + OutputLayout.text, length)
        }
    }

    private static func takeFailure(_ state: State, _ record: Record) throws(ProtocolViolation) {
        try record.expect(atLeast: FailureLayout.text)
        let length = Int(record.load(FailureLayout.length, as: UInt32.self))
        try record.expect(atLeast: FailureLayout.text + length)
        let status = record.load(FailureLayout.status, as: Int32.self)
        if let base = record.body.baseAddress {
            Log.error("the server ended the session: ", text: base + FailureLayout.text, length)
        }
        loseConnection(state, status: status == 0 ? Status.deviceUnavailable : status)
    }
}
