internal import Driver
internal import DriverFrontend
internal import Synchronization

/// What a context handle stands for: a created context, or the primary context of a GPU, which
/// keeps its handle through any number of lives.
final class ContextSlot: @unchecked Sendable {
    let device: Device
    let isPrimary: Bool
    /// The handle as the program sees it; set once, before anyone sees it.
    var handle: UInt64 = 0

    private let lock = ForkSafeLock()
    private var live: Context?
    private var retainCount = 0
    private var currentFlags: UInt32 = 0

    init(device: Device, isPrimary: Bool) {
        self.device = device
        self.isPrimary = isPrimary
    }

    /// The flags it was created with, or was given since.
    var flags: UInt32 {
        get { lock.withLock { currentFlags } }
        set { lock.withLock { currentFlags = newValue } }
    }

    /// The context, if there is one now.
    var liveContext: Context? { lock.withLock { live } }

    /// The context; fails when it is destroyed, or a primary one that nobody retains.
    func requireLive() throws(Failure) -> Context {
        guard let context = liveContext else { throw Failure(Status.contextIsDestroyed) }
        return context
    }

    /// Adds a user of the context, which starts to live with the first.
    func retain(_ driver: SoftDriver) throws(Failure) {
        let engine = try device.engine(driver)
        try lock.withLock { () throws(Failure) in
            if live == nil {
                let context = try Context(slot: self, driver: driver, engine: engine)
                live = context
                device.add(context)
            }
            retainCount += 1
        }
    }

    /// Removes a user; destroys the context with the last.
    func release() throws(Failure) {
        let last = try lock.withLock { () throws(Failure) -> Context? in
            guard retainCount > 0 else { throw .invalidContext }
            retainCount -= 1
            return retainCount == 0 ? takeLive() : nil
        }
        if let last { destroy(last) }
    }

    /// Destroys the context, whoever uses it. It is not released by that: each user still may, and
    /// whoever retains it next makes it live again (driver API reference, cuDevicePrimaryCtxReset).
    func reset() {
        let context = lock.withLock { takeLive() }
        if let context { destroy(context) }
    }

    private func takeLive() -> Context? {
        defer {
            live = nil
            RememberedLaunches.forget()
        }
        return live
    }

    private func destroy(_ context: Context) {
        device.remove(context)
        // Runs code of the program, so no lock may be held.
        ExportTables.storage.values.removeAll(context: handle)
        context.destroy()
    }
}
