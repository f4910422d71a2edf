internal import CLinux
internal import CUDAABI
internal import Driver
internal import Wire

/// A call that waits for the GPU.
struct WaitJob: Sendable {
    enum Kind: Sendable {
        case stream(UInt)
        case event(UInt)
        case context
        /// To the client; in this stream, or as the synchronous call.
        case copy(source: CUdeviceptr, length: UInt64, stream: UInt?)
        /// To the client as well: address of a `BoxFetch`, which belongs to the job.
        case box(UInt)
        /// For room in staging memory: address of a `StagingRoom`, which belongs to the job.
        case room(UInt)
    }

    var ticket: Ticket
    private var contextAddress: UInt
    var kind: Kind

    init(ticket: Ticket, context: CUcontext?, kind: Kind) {
        self.ticket = ticket
        contextAddress = UInt(bitPattern: context)
        self.kind = kind
    }

    /// What `Kind.box` names.
    static func box(_ address: UInt) -> UnsafeMutablePointer<BoxFetch>? {
        UnsafeMutablePointer(bitPattern: address)
    }

    /// What `Kind.room` names.
    static func room(_ address: UInt) -> UnsafeMutablePointer<StagingRoom>? {
        UnsafeMutablePointer(bitPattern: address)
    }

    /// Frees what belongs to the job.
    func discard() {
        switch kind {
        case .box(let address): Self.box(address)?.deallocate()
        case .room(let address):
            Self.room(address)?.deinitialize(count: 1)
            Self.room(address)?.deallocate()
        case .stream, .event, .context, .copy: break
        }
    }

    /// The driver's context in which to wait.
    var context: CUcontext? { CUcontext(bitPattern: contextAddress) }
}

/// Threads on which calls wait for the GPU, so that the reader goes on with later records (rule 6
/// of the data plane).
///
/// Threads are started as they are needed, up to `most`; more waits than that queue up, which
/// delays them but can never stop the work that they wait for. Thread-safe.
final class WaiterPool: @unchecked Sendable {
    /// Threads at most.
    static let most = 64
    /// Waits that may queue up; then the reader waits for one to end.
    static let mostQueued = 65_536

    private let driver: DriverTable
    private let answers: Answers
    private let monitor = Monitor()
    private var jobs: [WaitJob] = []
    private var next = 0
    private var threads = 0
    private var idle = 0
    private var isClosed = false

    init(driver: DriverTable, answers: Answers) {
        self.driver = driver
        self.answers = answers
    }

    /// Waits for something aside, then replies.
    func submit(_ job: WaitJob) {
        monitor.lock()
        while jobs.count - next >= Self.mostQueued, !isClosed { monitor.wait() }
        jobs.append(job)
        if idle < jobs.count - next, threads < Self.most {
            threads += 1
            if !Thread.start({ [self] in run() }) { threads -= 1 }
        }
        let mustRunHere = threads == 0
        monitor.wakeAll()
        monitor.unlock()
        if mustRunHere { runHere() }
    }

    /// Ends the threads that do not wait for the GPU right now, and the others when they have.
    func close() {
        monitor.withLock {
            isClosed = true
            monitor.wakeAll()
        }
    }

    private func run() {
        let work = Waiting(driver: driver, answers: answers)
        monitor.lock()
        while true {
            idle += 1
            while next == jobs.count, !isClosed { monitor.wait() }
            idle -= 1
            guard let job = take() else { break }
            monitor.unlock()
            work.perform(job)
            monitor.lock()
        }
        threads -= 1
        monitor.unlock()
    }

    /// The oldest job; `nil` after `close`. Called with the lock held.
    private func take() -> WaitJob? {
        guard !isClosed, next < jobs.count else { return nil }
        let job = jobs[next]
        next += 1
        if next == jobs.count {
            jobs.removeAll(keepingCapacity: jobs.capacity < 1024)
            next = 0
        } else if next >= 4096 {
            jobs.removeFirst(next)
            next = 0
        }
        if jobs.count - next >= Self.mostQueued - 1 { monitor.wakeAll() }
        return job
    }

    /// The system has no thread to give: the reader waits itself.
    private func runHere() {
        monitor.lock()
        let job = take()
        monitor.unlock()
        if let job { Waiting(driver: driver, answers: answers).perform(job) }
    }
}
