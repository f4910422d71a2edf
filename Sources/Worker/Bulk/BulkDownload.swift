internal import CUDAABI
internal import Driver
internal import Synchronization
internal import Wire

/// A copy to the program's memory, of which each bulk channel carries what it gets to.
final class BulkDownload: Sendable {
    let number: UInt64
    let ticket: Ticket
    private let contextAddress: UInt
    private let source: CUdeviceptr
    private let length: UInt64
    /// `nil`: as the synchronous call.
    private let stream: UInt?
    private let next = Atomic<UInt64>(0)
    private let firstError = Atomic<Int32>(0)
    private let open: Atomic<UInt32>

    init(
        number: UInt64,
        ticket: Ticket,
        context: CUcontext?,
        source: CUdeviceptr,
        length: UInt64,
        stream: UInt?,
        channels: UInt32,
        status: Int32
    ) {
        self.number = number
        self.ticket = ticket
        contextAddress = UInt(bitPattern: context)
        self.source = source
        self.length = length
        self.stream = stream
        open = Atomic(channels)
        firstError.store(status, ordering: .relaxed)
    }

    /// The first status that was no success.
    var status: Int32 { firstError.load(ordering: .acquiring) }

    /// The next piece, as an offset and a number of bytes; `nil` when there is none, or one failed.
    ///
    /// - Parameter most: So many bytes, or all that are left.
    func takePiece(_ most: Int) -> (UInt64, Int)? {
        guard status == Status.success else { return nil }
        let offset = next.wrappingAdd(UInt64(most), ordering: .relaxed).oldValue
        guard offset < length else { return nil }
        return (offset, Int(min(UInt64(most), length - offset)))
    }

    /// Begins to copy a piece into a slot, which is the calling thread's.
    ///
    /// - Returns: What will have happened then; `nil` when it failed.
    func start(
        _ driver: DriverTable,
        _ slots: BulkSlots,
        _ slot: Int,
        _ offset: UInt64,
        _ size: Int
    ) -> CUevent? {
        let context = CUcontext(bitPattern: contextAddress)
        // The default stream orders the copy as it orders the synchronous call.
        let stream = stream.flatMap { CUstream(bitPattern: $0) }
        var event: CUevent?
        var result = driver.cuCtxSetCurrent?(context)
        if result == Status.success {
            result = driver.cuMemcpyDtoHAsync_v2?(slots.data(slot), source &+ offset, size, stream)
        }
        if result == Status.success {
            result = slots.mark(slot, stream, ticket.context, context, &event)
            // Nothing may write to the slot any more.
            if result != Status.success { _ = driver.cuStreamSynchronize?(stream) }
        }
        return succeeded(result) ? event : nil
    }

    /// Waits until a piece is there.
    ///
    /// - Returns: Whether it came.
    func wait(_ driver: DriverTable, _ event: CUevent) -> Bool {
        succeeded(driver.cuEventSynchronize?(event))
    }

    /// Copies a piece to this process and waits for it; on any thread.
    func fetch(
        _ driver: DriverTable,
        _ offset: UInt64,
        _ size: Int,
        to memory: UnsafeMutableRawPointer
    ) -> Bool {
        var result = driver.cuCtxSetCurrent?(CUcontext(bitPattern: contextAddress))
        if result == Status.success {
            result = driver.fetch(source &+ offset, size, to: memory, stream: stream)
        }
        return succeeded(result)
    }

    private func succeeded(_ result: CUresult?) -> Bool {
        let status = result ?? Status.notFound
        if status != Status.success {
            _ = firstError.compareExchange(
                expected: 0,
                desired: status,
                ordering: .acquiringAndReleasing
            )
        }
        return status == Status.success
    }

    /// A channel has nothing more to do.
    ///
    /// - Returns: Whether it was the last one.
    func leave() -> Bool {
        open.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0
    }
}

/// Downloads between the record that begins one and the channels that serve it. Thread-safe.
final class BulkDownloads: @unchecked Sendable {
    /// Downloads that no channel has joined, at most: a client has one at a time.
    private static let most = 16

    private let monitor = Monitor()
    private var waiting: [(download: BulkDownload, channels: UInt32)] = []
    private var last: UInt64 = 0
    private var isClosed = false

    /// What the next one is called.
    var next: UInt64 { monitor.withLock { last + 1 } }

    /// Begins a download that so many channels will join.
    ///
    /// - Returns: `false` when there are too many.
    func begin(_ download: BulkDownload, channels: UInt32) -> Bool {
        monitor.withLock {
            guard waiting.count < Self.most else { return false }
            last = download.number
            waiting.append((download, channels))
            monitor.wakeAll()
            return true
        }
    }

    /// The download of this number, once its record has come.
    ///
    /// - Returns: `nil` when all its channels have joined it already, or after `close`.
    func join(_ number: UInt64) -> BulkDownload? {
        monitor.lock()
        defer { monitor.unlock() }
        while last < number, !isClosed { monitor.wait() }
        guard !isClosed, let index = waiting.firstIndex(where: { $0.download.number == number })
        else { return nil }
        let download = waiting[index].download
        waiting[index].channels -= 1
        if waiting[index].channels == 0 { waiting.remove(at: index) }
        return download
    }

    /// Lets threads that wait go.
    func close() {
        monitor.withLock {
            isClosed = true
            monitor.wakeAll()
        }
    }
}
