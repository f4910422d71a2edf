internal import CLinux
internal import DriverFrontend
internal import Synchronization
internal import Transport
internal import Wire

/// Channels on which large asynchronous copies to page-locked memory come (docs/adr/0016): opened at the first
/// one, each with a thread that puts their bytes where they belong, whatever the program does.
struct LandingLink: ~Copyable {
    typealias State = UnsafeMutablePointer<SessionState>

    private let lock = ForkSafeLock()
    private var channels: InlineArray<4, Channel?> = .init(repeating: nil)
    private let opened = Atomic<Int>(0)
    private var wasTried = false
    /// Changes whenever a copy has landed; the word that threads sleep on who wait for one.
    private let landings = Atomic<UInt32>(0)

    /// Nothing is opened yet.
    init() {}

    /// Whether copies can come so.
    static func isOpen(_ state: State) -> Bool {
        if _fastPath(state.pointee.landing.opened.load(ordering: .acquiring) > 0) { return true }
        guard state.pointee.bulk.wantedChannels > 0 else { return false }
        return state.pointee.landing.lock.withLock {
            if !state.pointee.landing.wasTried { open(state) }
            return state.pointee.landing.opened.load(ordering: .relaxed) > 0
        }
    }

    private static func open(_ state: State) {
        state.pointee.landing.wasTried = true
        for index in 0..<state.pointee.bulk.wantedChannels {
            guard let channel = state.pointee.bulk.openAnother() else {
                if index == 0 { Log.error("no channels for asynchronous copies") }
                return
            }
            guard LandingThread.start(state, channel) else { return channel.close() }
            state.pointee.landing.channels[index] = channel
            state.pointee.landing.opened.store(index + 1, ordering: .sequentiallyConsistent)
            // Whoever loses the connection shuts down only what was open by then.
            if state.pointee.lostStatus != 0 { return channel.shutDown() }
        }
    }

    /// Waits until all bytes are there of the copies that the worker has done before it answered a record.
    @inline(__always)
    static func await(_ state: State, before sequence: UInt32) {
        if _slowPath(state.pointee.pendingCopies.load(ordering: .acquiring) > 0) {
            awaitLanding(state, sequence)
        }
    }

    private static func awaitLanding(_ state: State, _ sequence: UInt32) {
        while state.pointee.lostStatus == 0 {
            let seen = state.pointee.landing.landings.load(ordering: .acquiring)
            let isComing = state.pointee.replyLock.withLock {
                state.pointee.copies.areLanding(before: sequence)
            }
            if !isComing { return }
            withUnsafePointer(to: state.pointee.landing.landings) { word in
                _ = ferry_futex(UnsafeMutableRawPointer(mutating: word), 128, seen, nil)
            }
        }
    }

    /// A copy has landed, or none ever will.
    static func tell(_ state: State) {
        state.pointee.landing.landings.wrappingAdd(1, ordering: .releasing)
        withUnsafePointer(to: state.pointee.landing.landings) { word in
            _ = ferry_futex(UnsafeMutableRawPointer(mutating: word), 129, UInt32(Int32.max), nil)
        }
    }

    /// Wakes the threads of the channels: the session is lost.
    func shutDown() {
        for index in 0..<opened.load(ordering: .acquiring) { channels[index]?.shutDown() }
    }
}

/// The thread of such a channel. For the life of the process.
private struct LandingThread: ~Copyable {
    private let state: LandingLink.State
    private let channel: Channel
    private let carrier: UnsafeMutablePointer<PieceCarrier>
    private let room: UnsafeMutableRawPointer

    private init(_ state: LandingLink.State, _ channel: Channel) {
        self.state = state
        self.channel = channel
        room = .allocate(byteCount: BulkFrame.size, alignment: 8)
        carrier = .allocate(capacity: 1)
        carrier.initialize(to: PieceCarrier())
    }

    /// - Returns: Whether the system had a thread to give.
    static func start(_ state: LandingLink.State, _ channel: Channel) -> Bool {
        let thread = UnsafeMutablePointer<LandingThread>.allocate(capacity: 1)
        thread.initialize(to: LandingThread(state, channel))
        return LibraryThread.start({ landingMain($0) }, UnsafeMutableRawPointer(thread))
    }

    /// The thread's loop: until the channel ends, and the session with it.
    borrowing func run() {
        do throws(SocketError) {
            let manner =
                (channel.lent == nil ? 0 : BulkFrame.readsLent)
                | (state.pointee.bulk.mayPack ? BulkFrame.readsPacked : 0)
            try carrier.pointee.send(BulkFrame(.deliver, slot: manner), to: channel)
            while true { try takePiece() }
        } catch {
            if error.number == EPROTO { Log.error("the server broke the protocol of copies") }
            Replies.loseConnection(state)
        }
    }

    private borrowing func takePiece() throws(SocketError) {
        try channel.receiveAll(.init(start: room, count: BulkFrame.size))
        guard let frame = BulkFrame(reading: room), let sequence = UInt32(exactly: frame.transfer),
            let place = place(sequence, frame)
        else { throw SocketError(EPROTO, .receive) }
        switch frame.kind {
        case .data, .packed: try carrier.pointee.receive(frame, into: place, from: channel)
        case .filled:
            place.copyMemory(
                from: UnsafeRawBufferPointer(try channel.lentSlot(frame.slot, frame.length))
            )
            try carrier.pointee.send(BulkFrame(.taken, slot: frame.slot), to: channel)
        case .stored, .fetch, .end, .want, .taken, .deliver, .listen, .call, .returned:
            throw SocketError(EPROTO, .receive)
        }
        land(sequence, place.count)
    }

    /// Where in the program's memory a piece belongs; nobody frees that before the copy has landed.
    private borrowing func place(_ sequence: UInt32, _ frame: BulkFrame)
        -> UnsafeMutableRawBufferPointer?
    {
        let copy = state.pointee.replyLock.withLock {
            state.pointee.copies.find(sequence).map { $0.pointee }
        }
        let (end, overflow) = frame.offset.addingReportingOverflow(UInt64(frame.bytes))
        guard let copy, copy.isOverChannels, !overflow, end <= UInt64(copy.size) else { return nil }
        return .init(start: copy.destination + Int(frame.offset), count: frame.bytes)
    }

    private borrowing func land(_ sequence: UInt32, _ bytes: Int) {
        let hasLanded = state.pointee.replyLock.withLock {
            guard let copy = state.pointee.copies.find(sequence) else { return false }
            copy.pointee.received += bytes
            guard copy.pointee.received == copy.pointee.expected else { return false }
            Replies.forget(state, sequence)
            return true
        }
        if hasLanded { LandingLink.tell(state) }
    }
}

private func landingMain(_ argument: UnsafeMutableRawPointer?) {
    argument?.assumingMemoryBound(to: LandingThread.self).pointee.run()
}
