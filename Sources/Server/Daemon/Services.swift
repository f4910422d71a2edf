internal import ServiceLifecycle
internal import Synchronization

/// Takes back leases of vanished clients while the daemon runs.
struct Housekeeping: Service {
    let desk: LeaseDesk

    func run() async throws {
        await cancelWhenGracefulShutdown { try? await desk.keepHouse() }
        await desk.tidy()
    }
}

/// The data port while the daemon runs.
struct DataPort: Service {
    let listener: DataListener

    func run() async throws {
        try? await gracefulShutdown()
        listener.stop()
    }
}

/// Carries news of workers from the threads that notice them to the desk.
final class DeskLink: Sendable {
    private let desk = Mutex<LeaseDesk?>(nil)

    /// From now on news goes to this desk.
    func connect(_ desk: LeaseDesk) { self.desk.withLock { $0 = desk } }

    func started(_ info: WorkerInfo) {
        guard let desk = desk.withLock({ $0 }) else { return }
        Task { await desk.workerStarted(info) }
    }

    func ended(_ info: WorkerInfo) {
        guard let desk = desk.withLock({ $0 }) else { return }
        Task { await desk.workerEnded(info) }
    }
}
