internal import CLinux
internal import Driver
internal import DriverFrontend
internal import Synchronization
internal import Transport
internal import Wire

/// The connection to one server and everything that is known of what lives there.
///
/// One object for the life of the process, behind a pointer, so that the hot path costs no
/// reference counting and no exclusivity checks. Each part is guarded by the lock named beside it.
struct SessionState: ~Copyable {
    let channel: Channel
    /// All borrowed GPUs, which is what the management library shows.
    let borrowed: Devices
    /// Those that CUDA shows. Constant since `cuInit`.
    var devices: Devices
    /// For large copies.
    var bulk: BulkLink

    // The command stream: what is written is guarded by `streamLock`, what is sent by `sendLock`.
    // Whoever needs both takes `streamLock` first.
    let streamLock = ForkSafeLock()
    let sendLock = ForkSafeLock()
    var outgoing: OutgoingStream
    /// Number of the last record.
    var sequence: UInt32 = 0
    /// Number of a record and, above it, of a context whose default stream had no work left when the
    /// record was executed. If it is the last one, it has none now.
    let settled = Atomic<UInt64>(.max)
    /// Staging memory of the worker that asynchronous copies have in use.
    var credit = StagingCredit()

    // Replies; guarded by `replyLock`, the stream by being the reader.
    let replyLock = ForkSafeLock()
    var waiters: UnsafeMutablePointer<Waiter>?
    var copies = PendingCopies()
    /// Where the large ones of them come.
    var landing = LandingLink()
    /// How many those are, for who does not have the lock.
    let pendingCopies = Atomic<Int>(0)
    var isBeingRead = false
    var spinning: SpinPolicy
    var incoming = IncomingStream(limit: WireFormat.maxReply)
    /// How much of it has been taken in, for who does not read.
    let takenIn = Atomic<UInt64>(0)

    /// A CUresult once the connection is lost: every later call returns it.
    let lost = Atomic<Int32>(0)
    /// `lost`, for the hot path.
    @inline(__always)
    var lostStatus: Int32 { lost.load(ordering: .relaxed) }

    /// What the flusher's thread does; the word that it sleeps on.
    let flusher = Atomic<UInt32>(0)
    /// Whether the flusher's thread was started.
    let hasFlusher = Atomic<Bool>(false)
    let counters = Counters()

    // Objects of the program; changed under `objectLock`, read without.
    let objectLock = ForkSafeLock()
    var contexts: Contexts
    var streams = HandleTable<StreamEntry>(.stream)
    var events = HandleTable<EventEntry>(.event)
    var images = HandleTable<ImageEntry>(.image)
    var functions = HandleTable<FunctionEntry>(.function)
    var links = HandleTable<LinkEntry>(.link)
    let memory = Allocations()
    let occupancy = OccupancyCache()
    let limits = LimitCache()
    let tensorMaps = TensorMapCache()
    /// `nil` when the server keeps no images.
    let keptImages: KeptImages?
    let hostMemory = HostMemory()
    var pageLocked = PageLockedArea()
    var arrays = HandleTable<ArrayEntry>(.array)
    let textures = TextureObjects()
    var references = HandleTable<ReferenceEntry>(.reference)
    /// Functions of the program that streams call.
    var hostFunctions = HostFunctions()
    var captures = Captures()
    /// Memory that nodes of graphs take and give back.
    var graphMemory = GraphMemories()
    /// Nodes of graphs that call the program.
    var hostNodes = HostNodes()
    var graphs = HandleTable<GraphEntry>(.graph)
    /// Whether graphs were ever moved into nodes.
    var hasMovedGraphs = false
    var graphNodes = HandleTable<GraphNodeEntry>(.graphNode)
    var graphExecs = HandleTable<GraphExecEntry>(.graphExec)
    var userObjects = HandleTable<UserObjectEntry>(.userObject)
    let nodeMemory = NodeMemory()
    var hostCopyMemory = HostCopyMemory()
    var memoryPoolHandles = HandleTable<MemoryPoolEntry>(.memoryPool)
    var memoryPools = MemoryPoolState()
    var managed = ManagedState()

    /// A session over an open channel; the ring has `WireFormat.window` bytes.
    init(
        channel: Channel,
        ring: UnsafeMutableRawPointer,
        borrowed: consuming Devices,
        devices: consuming Devices,
        keptImages: KeptImages?,
        origin: BulkLink.Origin
    ) {
        self.channel = channel
        bulk = BulkLink(origin)
        spinning = SpinPolicy(channel)
        self.keptImages = keptImages
        contexts = Contexts(devices)
        self.devices = devices
        self.borrowed = borrowed
        outgoing = OutgoingStream(ring: ring, capacity: WireFormat.window)
    }

    /// Lets CUDA show these devices only. Before anything was made on one.
    mutating func show(_ devices: consuming Devices) {
        contexts = Contexts(devices)
        self.devices = devices
    }
}

/// Counts kept for messages and tests: round trips, bytes.
struct Counters: ~Copyable {
    let roundTrips = Atomic<UInt64>(0)
    let bytesSent = Atomic<UInt64>(0)
    let bytesReceived = Atomic<UInt64>(0)
}

/// The process's session, and the two ways to make a call.
package enum Session {
    /// Set once by `cuInit`; constant afterwards.
    nonisolated(unsafe) static var state: UnsafeMutablePointer<SessionState>?

    /// The same before `cuInit`, when something else needed the server: the management library, or the
    /// question for the driver's version. Set once.
    nonisolated(unsafe) static var opened: UnsafeMutablePointer<SessionState>?

    /// Whether the server could not be had when it was asked last. Then only `cuInit` asks again: a runtime makes
    /// hundreds of other calls before it gives up, and each could wait as long as the first.
    nonisolated(unsafe) static var wasRefused = false

    /// Keeps the process's session, for what needs no `cuInit`.
    static func open(_ session: consuming SessionState) {
        ferry_close_in_child(session.channel.descriptor)
        let state = UnsafeMutablePointer<SessionState>.allocate(capacity: 1)
        state.initialize(to: session)
        Host.install()
        opened = state
    }

    /// Lets CUDA's calls use the session that was opened.
    static func begin(_ state: UnsafeMutablePointer<SessionState>) {
        Self.state = state
        ferry_set_live_session(state)
        // Somebody else may have noticed just now that it is lost.
        if state.pointee.lostStatus != Status.success { ferry_set_live_session(nil) }
    }

    /// Forgets the parent's session in a child, where it may begin one of its own. What it consists of
    /// stays where it is: threads of the parent may have been in the middle of it.
    static func forget() {
        state = nil
        opened = nil
        wasRefused = false
        Tracing.counts = nil
    }

    /// Ends the session, so that the next `cuInit` begins another one. A program's session lasts as
    /// long as its process; this is for tests. No other thread may be in a call. The state itself
    /// stays, because the flusher may still look at it.
    package static func end() {
        guard let state = opened else { return }
        Self.state = nil
        opened = nil
        ferry_set_live_session(nil)
        Replies.loseConnection(state)
        ferry_close_in_child(-1)
        Flusher.stop(state)
        state.pointee.bulk.close()
        state.pointee.sendLock.withLock { state.pointee.channel.close() }
    }

    /// Calls that waited for a reply so far, and bytes that were sent, for tests and messages.
    package static var traffic: (roundTrips: UInt64, bytesSent: UInt64) {
        guard let state else { return (0, 0) }
        return (
            state.pointee.counters.roundTrips.load(ordering: .relaxed),
            state.pointee.counters.bytesSent.load(ordering: .relaxed)
        )
    }

    /// The session if calls can be made, else the status that they return.
    @inline(__always)
    static func ready(_ failure: inout Int32) -> UnsafeMutablePointer<SessionState>? {
        if let live { return live }
        failure = whyNot()
        return nil
    }

    @inline(never)
    private static func whyNot() -> Int32 {
        guard let state, ferry_forked() == 0 else { return Status.notInitialized }
        if ferry_called_back() != 0 { return Status.notPermitted }
        return state.pointee.lostStatus
    }

    /// The session and the current context's identifier if a call can be made in it.
    ///
    /// - Parameter givesWork: Whether the GPU may use managed memory because of the call, or the program may
    ///   have waited for the GPU with it.
    @inline(__always)
    static func readyInContext(
        _ failure: inout Int32,
        _ context: inout UInt32,
        givesWork: Bool = true
    ) -> UnsafeMutablePointer<SessionState>? {
        guard let state = live,
            let identifier = state.pointee.contexts.unwatched(ContextStack.current)
        else { return readyInWatchedContext(&failure, &context, givesWork) }
        context = identifier
        return state
    }

    /// The same while there are captures or managed memory, and where no call can be made.
    @inline(never)
    private static func readyInWatchedContext(
        _ failure: inout Int32,
        _ context: inout UInt32,
        _ givesWork: Bool
    ) -> UnsafeMutablePointer<SessionState>? {
        guard let state = live, let identifier = usableContext(state) else {
            failure = whyNotInContext()
            return nil
        }
        if givesWork { ManagedMemory.release(state) }
        context = identifier
        return state
    }

    /// The session if calls can be made.
    @inline(__always)
    static var live: UnsafeMutablePointer<SessionState>? {
        ferry_live_session()?.assumingMemoryBound(to: SessionState.self)
    }

    /// The current context's identifier if a call can be made in it.
    @inline(__always)
    static func usableContext(_ state: UnsafeMutablePointer<SessionState>) -> UInt32? {
        state.pointee.contexts.usable(ContextStack.current)
    }

    @inline(never)
    private static func whyNotInContext() -> Int32 {
        guard let state = live, ferry_called_back() == 0 else { return whyNot() }
        return state.pointee.contexts.problem(ContextStack.current)
    }

    /// Adds a call that has no reply, and gives the GPU nothing to do with memory, to the command stream.
    ///
    /// - Parameters:
    ///   - size: Bytes of the body, a multiple of 8, at most 64 KiB.
    ///   - encode: Writes the body.
    /// - Returns: A status that could be told at once.
    @inline(__always)
    static func send(
        _ opcode: Opcode,
        size: Int,
        _ encode: (UnsafeMutableRawPointer) -> Void
    ) -> Int32 {
        var failure: Int32 = 0
        var context: UInt32 = 0
        guard let state = readyInContext(&failure, &context, givesWork: false) else {
            return failure
        }
        return send(state, opcode, context: context, size: size, encode)
    }

    /// The same in a context that the caller names.
    @inline(__always)
    static func send(
        _ state: UnsafeMutablePointer<SessionState>,
        _ opcode: Opcode,
        context: UInt32,
        size: Int,
        _ encode: (UnsafeMutableRawPointer) -> Void
    ) -> Int32 {
        state.pointee.streamLock.lock()
        encode(CommandStream.begin(state, opcode, flags: 0, context: context, size: size))
        CommandStream.commit(state, size: size)
        state.pointee.streamLock.unlock()
        Flusher.request(state)
        return Status.success
    }

    /// Makes a call that gives the GPU nothing to do with memory, and waits for its reply.
    ///
    /// - Parameters:
    ///   - owner: The event that the call is about, whose context a thread without one borrows.
    ///   - replySize: Bytes that the body of a reply to a successful call has at least.
    ///   - reply: Reads the reply's body when the call succeeded.
    /// - Returns: The call's status, or that of an earlier call that had no reply.
    static func wait(
        _ opcode: Opcode,
        of owner: ContextOwner? = nil,
        size: Int,
        replySize: Int = ReplyLayout.values,
        _ encode: (UnsafeMutableRawPointer) -> Void,
        reply: (UnsafeRawBufferPointer) -> Void = { _ in }
    ) -> Int32 {
        var failure: Int32 = 0
        var context: UInt32 = 0
        guard let state = readyInContext(&failure, &context, givesWork: false) else {
            guard let owner, failure == Status.invalidContext else { return failure }
            return owner.borrowed {
                wait(opcode, size: size, replySize: replySize, encode, reply: reply)
            }
        }
        return wait(
            state,
            opcode,
            context: context,
            size: size,
            replySize: replySize,
            encode,
            reply: reply
        )
    }

    /// Adds the last call that names a handle, and forgets the handle at that very place of the
    /// stream: its index is used again at once, and the record that makes the new object must not
    /// come before this one.
    ///
    /// - Parameter forget: Takes the object out of its table; `false` when it is not there. Runs
    ///   with the stream lock and the object lock held.
    /// - Returns: "Invalid handle" when `forget` says that there is no such object.
    static func sendLast(
        _ state: UnsafeMutablePointer<SessionState>,
        _ opcode: Opcode,
        context: UInt32,
        handle: UInt64,
        forget: () -> Bool
    ) -> Int32 {
        state.pointee.streamLock.lock()
        let isKnown = state.pointee.objectLock.withLock(forget)
        if isKnown, state.pointee.lostStatus == 0 {
            let body = CommandStream.begin(state, opcode, flags: 0, context: context, size: 8)
            body.storeBytes(of: handle, as: UInt64.self)
            CommandStream.commit(state, size: 8)
        }
        state.pointee.streamLock.unlock()
        Flusher.request(state)
        return isKnown ? Status.success : Status.invalidHandle
    }

    /// The same in a context that the caller names.
    ///
    /// - Parameters:
    ///   - destination: Where `hostData` that belongs to the call goes.
    ///   - readsFailure: Whether `reply` runs for a failed call, too.
    ///   - before: Puts records that belong to the call into the stream in front of it.
    ///   - isAway: Whether `during` may take long.
    ///   - during: What there is to do between the call and its reply.
    static func wait(
        _ state: UnsafeMutablePointer<SessionState>,
        _ opcode: Opcode,
        context: UInt32,
        size: Int,
        replySize: Int = ReplyLayout.values,
        destination: UnsafeMutableRawBufferPointer? = nil,
        readsFailure: Bool = false,
        before: () -> Void = {},
        isAway: Bool = false,
        during: () -> Void = {},
        _ encode: (UnsafeMutableRawPointer) -> Void,
        reply: (UnsafeRawBufferPointer) -> Void = { _ in }
    ) -> Int32 {
        var waiter = Waiter()
        waiter.destination = destination?.baseAddress
        waiter.destinationSize = destination?.count ?? 0
        waiter.isAway = isAway
        return withUnsafeMutablePointer(to: &waiter) { waiter in
            state.pointee.streamLock.lock()
            before()
            let body = CommandStream.begin(
                state,
                opcode,
                flags: RecordHeader.Flags.wantsReply,
                context: context,
                size: size
            )
            encode(body)
            waiter.pointee.sequence = state.pointee.sequence &+ 1
            let end = state.pointee.outgoing.written &+ UInt64(WireFormat.headerSize &+ size)
            waiter.pointee.place = end
            // Before anybody can send the record: its reply may come at once.
            Replies.register(state, waiter)
            CommandStream.commit(state, size: size)
            state.pointee.streamLock.unlock()
            CommandStream.send(state)
            state.pointee.counters.roundTrips.add(1, ordering: .relaxed)
            Tracing.waiting {
                during()
                if isAway { Replies.comeBack(state, waiter) }
                Replies.wait(state, waiter)
                LandingLink.await(state, before: waiter.pointee.sequence)
            }
            let received = waiter.pointee.bodySize &+ waiter.pointee.received
            Tracing.add(StatisticsLayout.bytesReceived, received)
            let status = finish(state, waiter, context, replySize, readsFailure, reply)
            if Settling.isDone(by: opcode), status == Status.success {
                Settling.note(state, context, waiter.pointee.sequence)
            }
            return status
        }
    }

    /// Waits until everything that a stream was given has ended.
    ///
    /// - Parameter stream: The handle as it is on the wire.
    /// - Returns: The call's status, or that of an earlier call that had no reply.
    static func synchronize(
        _ state: UnsafeMutablePointer<SessionState>,
        context: UInt32,
        stream: UInt64
    ) -> Int32 {
        let size = StreamSynchronizeLayout.size
        return wait(state, .cuStreamSynchronize, context: context, size: size) {
            $0.storeBytes(of: stream, as: UInt64.self)
        }
    }

    /// Takes the reply apart.
    private static func finish(
        _ state: UnsafeMutablePointer<SessionState>,
        _ waiter: UnsafeMutablePointer<Waiter>,
        _ context: UInt32,
        _ replySize: Int,
        _ readsFailure: Bool,
        _ reply: (UnsafeRawBufferPointer) -> Void
    ) -> Int32 {
        defer { free(waiter.pointee.body) }
        guard let body = waiter.pointee.body else {
            Replies.unregister(state, waiter)
            return state.pointee.lostStatus
        }
        guard isWhole(waiter, body, replySize) else {
            Log.error("the server's reply is incomplete")
            Replies.loseConnection(state)
            return state.pointee.lostStatus
        }
        var status = body.load(fromByteOffset: ReplyLayout.status, as: Int32.self)
        let deferred = Int32(
            body.load(fromByteOffset: ReplyLayout.deferredStatus, as: UInt16.self)
        )
        if status == 0 || readsFailure {
            reply(UnsafeRawBufferPointer(start: body, count: waiter.pointee.bodySize))
        }
        if status == 0 { status = waiter.pointee.copyStatus }
        if deferred != 0 {
            let raw = body.load(fromByteOffset: ReplyLayout.deferredOpcode, as: UInt16.self)
            Log.deferred(opcode: raw, status: deferred)
            status = deferred
        }
        if Status.isSticky(status) { state.pointee.contexts.poison(context, status) }
        return status
    }

    /// Whether everything came that a successful call brings.
    private static func isWhole(
        _ waiter: UnsafeMutablePointer<Waiter>,
        _ body: UnsafeMutableRawPointer,
        _ replySize: Int
    ) -> Bool {
        guard body.load(fromByteOffset: ReplyLayout.status, as: Int32.self) == 0 else {
            return true
        }
        guard waiter.pointee.bodySize >= replySize else { return false }
        return waiter.pointee.copyStatus != 0
            || waiter.pointee.received == waiter.pointee.destinationSize
    }
}
