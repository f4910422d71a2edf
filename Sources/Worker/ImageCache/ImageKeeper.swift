internal import CLinux
internal import Wire

/// Stores images in a cache on a thread of its own: hashing and writing a large one takes longer
/// than loading it, and the client's next calls need not wait for that.
///
/// The cache is used by one thread at a time: the keeper's while something waits to be stored, else
/// the caller's. What waits when the process ends is lost, which costs the next session a
/// transfer; so whoever ends the process gives the keeper a moment (`finish(within:)`). `add` and `find`
/// are the reader's; `finish` is for any thread.
package final class ImageKeeper: @unchecked Sendable {
    private struct Pending {
        var memory: UnsafeMutableRawPointer
        var count: Int
    }

    private let cache: ImageCache
    private let monitor = Monitor()
    // Guarded by the monitor.
    private var queue: [Pending] = []
    private var pendingBytes = 0
    private var hasThread = false

    /// Bytes that may wait; beyond that, whoever adds an image waits.
    private static let most = 256 << 20

    /// A keeper for a cache that nobody else uses.
    package init(_ cache: ImageCache) { self.cache = cache }

    /// Takes an image over to store it.
    ///
    /// - Parameter memory: From `malloc`; freed here.
    func add(_ memory: UnsafeMutableRawPointer, _ count: Int) {
        monitor.lock()
        while pendingBytes > 0, pendingBytes + count > Self.most { monitor.wait() }
        queue.append(Pending(memory: memory, count: count))
        pendingBytes += count
        let needsThread = !hasThread
        hasThread = true
        monitor.unlock()
        // Without a thread it is this one's work.
        if needsThread, !Thread.start({ self.run() }) { run() }
    }

    /// The image of this name, once everything is stored that came before.
    func find(_ name: ImageName) -> MappedImage? {
        finish()
        return cache.find(name)
    }

    /// Waits until nothing is left to store.
    func finish() {
        monitor.lock()
        while hasThread { monitor.wait() }
        monitor.unlock()
    }

    /// The same, but for so many milliseconds at most.
    func finish(within milliseconds: Int) {
        let step = 5
        for _ in 0..<(milliseconds / step) {
            if monitor.withLock({ !hasThread }) { return }
            Thread.sleep(microseconds: step * 1000)
        }
    }

    private func run() {
        while let image = next() {
            cache.store(UnsafeRawBufferPointer(start: image.memory, count: image.count))
            CLinux.free(image.memory)
            monitor.withLock {
                pendingBytes -= image.count
                monitor.wakeAll()
            }
        }
    }

    private func next() -> Pending? {
        monitor.withLock {
            if queue.isEmpty {
                hasThread = false
                monitor.wakeAll()
                return nil
            }
            return queue.removeFirst()
        }
    }
}
