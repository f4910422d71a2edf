internal import CLinux
internal import DriverFrontend
internal import Synchronization
internal import Transport
internal import Wire

/// The session's bulk channels (rule 7 of the data plane, docs/adr/0013-bulk-channels.md): opened at
/// the first large copy, used by one copy at a time. The thread that makes the copy carries its
/// bytes; for every further channel there is a thread that helps.
struct BulkLink: ~Copyable {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Bytes from which on a copy goes over the bulk channels: below, an answer more costs too much.
    static let threshold = 2 << 20

    /// How the session's connection came about; its bulk channels come about in the same way.
    struct Origin {
        var lease: Lease
        var route: Route
        /// What the client said on the session's first connection, which names the session.
        var nonce: InlineArray<32, UInt8>
        /// Channels that are wanted; 0: none.
        var channels: Int
        /// Whether bytes may be compressed.
        var mayPack: Bool
    }

    /// Held by the copy that uses the channels.
    let lock = ForkSafeLock()
    private let origin: Origin
    private var channels: InlineArray<4, Channel?> = .init(repeating: nil)
    /// For each channel what its thread carries pieces with.
    private let carriers: UnsafeMutablePointer<PieceCarrier>
    private var helpers: InlineArray<4, UnsafeMutablePointer<BulkHelper>?> = .init(repeating: nil)
    private let opened = Atomic<Int>(0)
    private var wasTried = false
    private var lastTransfer: UInt64 = 0

    /// Nothing is opened yet.
    init(_ origin: Origin) {
        self.origin = origin
        carriers = .allocate(capacity: BulkFrame.mostChannels)
        for index in 0..<BulkFrame.mostChannels {
            (carriers + index).initialize(to: PieceCarrier())
        }
    }

    /// What the thread of a channel carries pieces with.
    func carrier(_ index: Int) -> UnsafeMutablePointer<PieceCarrier> { carriers + index }

    /// Whether bytes may be compressed.
    var mayPack: Bool { origin.mayPack }

    /// Channels that are wanted; 0: none.
    var wantedChannels: Int { origin.channels }

    /// One more connection of the session; `nil` when there is none to be had.
    func openAnother() -> Channel? { Connector.openBulk(origin) }

    /// How many channels are open.
    var count: Int { opened.load(ordering: .acquiring) }

    /// A channel, below `count`.
    func channel(_ index: Int) -> Channel? { channels[index] }

    /// A name for a download, never used before.
    mutating func nextTransfer() -> UInt64 {
        lastTransfer += 1
        return lastTransfer
    }

    /// Takes the channels for a copy, if it is large enough and no other one has them: that could be
    /// one which cannot end before this one. The caller gives `lock` back.
    static func take(_ state: State, _ bytes: Int) -> Bool {
        guard bytes >= threshold, state.pointee.bulk.origin.channels > 0,
            state.pointee.bulk.lock.tryLock()
        else { return false }
        if !state.pointee.bulk.wasTried { open(state) }
        if state.pointee.bulk.count > 0 { return true }
        state.pointee.bulk.lock.unlock()
        return false
    }

    private static func open(_ state: State) {
        state.pointee.bulk.wasTried = true
        for index in 0..<state.pointee.bulk.origin.channels {
            guard let channel = state.pointee.bulk.openAnother() else {
                if index == 0 { Log.error("no bulk channels: large copies go with the commands") }
                return
            }
            if index > 0 {
                guard let helper = BulkHelper.start(state, index) else { return channel.close() }
                state.pointee.bulk.helpers[index] = helper
            }
            state.pointee.bulk.channels[index] = channel
            state.pointee.bulk.opened.store(index + 1, ordering: .sequentiallyConsistent)
            // Whoever loses the connection shuts down only what was open by then.
            if state.pointee.lostStatus != 0 { return channel.shutDown() }
        }
    }

    /// Carries a copy over all channels; returns when its bytes are through, or the session is lost.
    static func carry(_ state: State, _ job: UnsafeMutablePointer<BulkJob>) {
        for index in 1..<max(1, state.pointee.bulk.count) {
            state.pointee.bulk.helpers[index]?.pointee.help(job)
        }
        job.pointee.work(state, 0)
        job.pointee.awaitHelpers()
    }

    /// Wakes everybody who waits on a channel: the session is lost.
    func shutDown() {
        for index in 0..<count { channels[index]?.shutDown() }
    }

    /// Ends the helpers, and closes the channels; no copy may be under way.
    func close() {
        for index in 0..<count {
            helpers[index]?.pointee.stop()
            channels[index]?.close()
        }
    }
}

/// The thread of a bulk channel other than the first one. For the life of the process.
struct BulkHelper: ~Copyable {
    private let state: BulkLink.State
    private let index: Int
    private let word = Atomic<UInt32>(Word.idle)
    private var job: UnsafeMutablePointer<BulkJob>?

    private enum Word {
        static let idle: UInt32 = 0
        static let work: UInt32 = 1
        static let stop: UInt32 = 2
    }

    private init(_ state: BulkLink.State, _ index: Int) {
        self.state = state
        self.index = index
    }

    /// - Returns: `nil` when the system has no thread to give.
    static func start(_ state: BulkLink.State, _ index: Int) -> UnsafeMutablePointer<BulkHelper>? {
        let helper = UnsafeMutablePointer<BulkHelper>.allocate(capacity: 1)
        helper.initialize(to: BulkHelper(state, index))
        if LibraryThread.start({ helperMain($0) }, UnsafeMutableRawPointer(helper)) {
            return helper
        }
        helper.deinitialize(count: 1)
        helper.deallocate()
        return nil
    }

    /// Lets the thread work on a job, whose owner waits for it.
    mutating func help(_ job: UnsafeMutablePointer<BulkJob>) {
        self.job = job
        tell(Word.work)
    }

    /// Lets the thread end.
    func stop() { tell(Word.stop) }

    private func tell(_ value: UInt32) {
        word.store(value, ordering: .releasing)
        withUnsafePointer(to: word) {
            _ = ferry_futex(UnsafeMutableRawPointer(mutating: $0), 129, 1, nil)
        }
    }

    /// The thread's loop.
    fileprivate func run() {
        while true {
            while word.load(ordering: .acquiring) == Word.idle {
                withUnsafePointer(to: word) {
                    _ = ferry_futex(UnsafeMutableRawPointer(mutating: $0), 128, Word.idle, nil)
                }
            }
            guard word.load(ordering: .acquiring) == Word.work, let job else { return }
            word.store(Word.idle, ordering: .relaxed)
            job.pointee.work(state, index)
            job.pointee.leave()
        }
    }
}

private func helperMain(_ argument: UnsafeMutableRawPointer?) {
    argument?.assumingMemoryBound(to: BulkHelper.self).pointee.run()
}
