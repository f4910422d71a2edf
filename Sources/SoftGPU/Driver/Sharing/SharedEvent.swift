internal import CLinux
internal import Driver
internal import Synchronization

/// How far an event is that several processes use: a page that all of them have mapped. Safe to use from
/// any thread of any of them.
final class SharedEvent: @unchecked Sendable {
    /// Recordings so far, those that are reached, and the process of the latest.
    private struct Page: ~Copyable {
        let recorded = Atomic<UInt64>(0)
        let reached = Atomic<UInt64>(0)
        let process = Atomic<Int32>(0)
    }

    /// Its file, for handles.
    let file: Int32
    private let page: UnsafeMutablePointer<Page>
    /// Bytes of the file.
    static let pageSize = 4096

    /// A new one; `nil` when the system has no memory for it.
    convenience init?() {
        let file = ferry_memfd("ferry-soft-gpu-event", 1)  // MFD_CLOEXEC
        guard file >= 0 else { return nil }
        guard ftruncate(file, Self.pageSize) == 0 else {
            close(file)
            return nil
        }
        self.init(file: file)
    }

    /// One that another process has made.
    ///
    /// - Parameter file: Belongs to this object from now on.
    init?(file: Int32) {
        let mapped = mmap(nil, Self.pageSize, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let mapped, ferry_map_failed(mapped) == 0 else {
            close(file)
            return nil
        }
        self.file = file
        // A fresh file has zeros, which is what a fresh page holds.
        page = mapped.assumingMemoryBound(to: Page.self)
    }

    deinit {
        munmap(page, Self.pageSize)
        close(file)
    }

    /// Begins a recording, and says its number.
    func record() -> UInt64 {
        page.pointee.process.store(getpid(), ordering: .relaxed)
        return page.pointee.recorded.add(1, ordering: .acquiringAndReleasing).newValue
    }

    /// All work before a recording is done.
    func reach(_ number: UInt64) {
        page.pointee.reached.max(number, ordering: .acquiringAndReleasing)
    }

    /// The latest recording.
    var latest: UInt64 { page.pointee.recorded.load(ordering: .acquiring) }

    /// Whether a recording is reached. One of a process that is no more is not waited for.
    func isReached(_ number: UInt64) -> Bool {
        if page.pointee.reached.load(ordering: .acquiring) >= number { return true }
        let process = page.pointee.process.load(ordering: .relaxed)
        return process > 0 && kill(process, 0) != 0 && ferry_errno() == ESRCH
    }

    /// Returns when a recording is reached.
    func wait(for number: UInt64) {
        var pause: UInt32 = 20
        while !isReached(number) {
            usleep(pause)
            pause = min(pause * 2, 1000)
        }
    }
}
