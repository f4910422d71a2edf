internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Synchronization
internal import Transport
internal import Wire

/// A function of the program that a stream calls.
struct HostFunctionEntry {
    enum Kind {
        /// Of `cuLaunchHostFunc`.
        case launched(CUhostFn)
        /// Of `cuStreamAddCallback`, with the stream as the program named it.
        case added(CUstreamCallback, CUstream?)
    }

    var kind: Kind
    var data: UnsafeMutableRawPointer?
    /// The handle of its context.
    var context: UInt64
    /// Its stream, as it is on the wire.
    var stream: UInt64
    /// How many were given to streams before it.
    var place: UInt64
    /// The record that gave it to its stream.
    var sequence: UInt32 = 0
}

/// Functions of the program that streams have been given and that have not returned (docs/adr/0017). The server
/// knows them by numbers, and calls them over a channel of its own, whose thread runs them.
struct HostFunctions: ~Copyable {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Whoever needs the stream lock, too, takes that first.
    let lock = ForkSafeLock()
    private var entries = HandleTable<HostFunctionEntry>(.hostFunction)
    /// How many were given to streams so far.
    private(set) var given: UInt64 = 0
    /// As many were given to streams when a default stream last joined others.
    var joinedByDefault: UInt64 = 0
    private let unfinished = Atomic<Int>(0)
    /// Changes whenever one has returned; the word that threads sleep on who wait for that.
    private let returns = Atomic<UInt32>(0)
    private let sleepers = Atomic<UInt32>(0)
    private var channel: Channel?
    private let opened = Atomic<Bool>(false)
    private var wasTried = false

    /// There are none.
    init() {}

    /// How many have not returned.
    @inline(__always)
    var count: Int { unfinished.load(ordering: .acquiring) }

    /// Whether a call that waits for the GPU in the driver (freeing memory) is better made when nothing is left to
    /// wait for. It could keep other threads out of the driver, which the worker asks for the copies before a function.
    @inline(__always)
    static func mayHoldDriver(_ state: State) -> Bool {
        state.pointee.hostFunctions.count > 0
            && state.pointee.pendingCopies.load(ordering: .acquiring) > 0
    }

    // MARK: - The channel

    /// Whether streams can call functions.
    static func isOpen(_ state: State) -> Bool {
        if _fastPath(state.pointee.hostFunctions.opened.load(ordering: .acquiring)) { return true }
        return state.pointee.hostFunctions.lock.withLock {
            if !state.pointee.hostFunctions.wasTried { open(state) }
            return state.pointee.hostFunctions.opened.load(ordering: .relaxed)
        }
    }

    private static func open(_ state: State) {
        state.pointee.hostFunctions.wasTried = true
        guard let channel = state.pointee.bulk.openAnother() else {
            return Log.error("no channel on which the server could call the program's functions")
        }
        guard HostFunctionThread.start(state, channel) else { return channel.close() }
        state.pointee.hostFunctions.channel = channel
        state.pointee.hostFunctions.opened.store(true, ordering: .sequentiallyConsistent)
        // Whoever loses the connection shuts down only what was open by then.
        if state.pointee.lostStatus != 0 { channel.shutDown() }
    }

    /// Wakes everybody who waits: the session is lost.
    func shutDown() {
        if opened.load(ordering: .sequentiallyConsistent) { channel?.shutDown() }
        tell()
    }

    // MARK: - Giving and finding them

    /// Keeps a function whose record is about to be written. Called with the stream lock held.
    ///
    /// - Returns: Its number; `nil` when there is no memory.
    mutating func insert(_ entry: HostFunctionEntry) -> UInt64? {
        lock.lock()
        defer { lock.unlock() }
        var entry = entry
        entry.place = given &+ 1
        guard let number = entries.insert(entry) else { return nil }
        given &+= 1
        unfinished.wrappingAdd(1, ordering: .releasing)
        return number
    }

    /// The function of this number.
    func find(_ number: UInt64) -> HostFunctionEntry? {
        lock.withLock { entries.find(number).map { $0.pointee } }
    }

    /// A function has returned, or never will be called.
    mutating func remove(_ number: UInt64) {
        lock.lock()
        let isKnown = entries.remove(number) != nil
        lock.unlock()
        guard isKnown else { return }
        unfinished.wrappingSubtract(1, ordering: .releasing)
        tell()
    }

    /// A context is gone, and what its streams have not called.
    mutating func removeAll(context: UInt64) {
        guard count > 0 else { return }
        while let number = first(where: { $0.context == context })?.number { remove(number) }
    }

    /// The oldest function for which `fits` holds.
    func first(
        where fits: (HostFunctionEntry) -> Bool
    ) -> (number: UInt64, entry: HostFunctionEntry)? {
        lock.lock()
        defer { lock.unlock() }
        var found: (number: UInt64, entry: HostFunctionEntry)?
        entries.forEach { number, entry in
            guard fits(entry.pointee), entry.pointee.place < found?.entry.place ?? .max else {
                return
            }
            found = (number, entry.pointee)
        }
        return found
    }

    // MARK: - Waiting

    /// Waits as long as `isBusy` holds, which is asked again whenever a function has returned.
    static func wait(_ state: State, while isBusy: () -> Bool) {
        state.pointee.hostFunctions.sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
        defer {
            state.pointee.hostFunctions.sleepers.wrappingSubtract(
                1,
                ordering: .sequentiallyConsistent
            )
        }
        while true {
            let seen = state.pointee.hostFunctions.returns.load(ordering: .sequentiallyConsistent)
            guard state.pointee.lostStatus == 0, isBusy() else { return }
            // None returns whose record the server does not have.
            CommandStream.send(state)
            withUnsafePointer(to: state.pointee.hostFunctions.returns) { word in
                _ = ferry_futex(UnsafeMutableRawPointer(mutating: word), 128, seen, nil)
            }
        }
    }

    private func tell() {
        returns.wrappingAdd(1, ordering: .sequentiallyConsistent)
        guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
        withUnsafePointer(to: returns) { word in
            _ = ferry_futex(UnsafeMutableRawPointer(mutating: word), 129, UInt32(Int32.max), nil)
        }
    }
}
