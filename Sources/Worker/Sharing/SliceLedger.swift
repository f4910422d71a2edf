internal import CLinux
internal import Synchronization

/// What all workers of a lease have taken of its slices: a file in the lease's folder that all of them have mapped.
/// Each has a column of its own and holds a lock on it for as long as it lives, so that what a worker had is free again
/// however it ends.
///
/// Used by the reader thread alone.
package final class SliceLedger {
    /// Workers at most; more than a lease can have at a time.
    package static let columns = 256
    private static let magic: UInt64 = 0x3153_4543_494c_5346  // "FSLICES1"
    /// Bytes before the rows: the magic.
    private static let head = 64
    /// Byte of the file whose lock is that of column 0; behind all that is mapped.
    private static let locks = 1 << 20

    private let file: Int32
    private let base: UnsafeMutableRawPointer
    private let devices: Int
    private let column: Int

    private var size: Int { Self.head + devices * Self.columns * 8 }

    /// - Parameters:
    ///   - path: The lease's folder, which is there.
    ///   - devices: How many the lease has.
    package init?(folder path: String, devices: Int) {
        let size = Self.head + devices * Self.columns * 8
        file = ferry_open(path + "/slices", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        self.devices = devices
        guard file >= 0 else { return nil }
        guard let mapped = Self.map(file, size) else {
            close(file)
            return nil
        }
        base = mapped
        // One that nobody holds is free, whatever is left in it.
        let file = self.file
        let free = (0..<Self.columns).first { ferry_lock_byte(file, Self.locks + $0) == 0 }
        guard let free else {
            munmap(mapped, size)
            close(file)
            return nil
        }
        column = free
        for device in 0..<devices { cell(device, free).pointee.store(0, ordering: .releasing) }
    }

    deinit {
        munmap(base, size)
        // The lock goes with it.
        close(file)
    }

    private static func map(_ file: Int32, _ size: Int) -> UnsafeMutableRawPointer? {
        guard flock(file, LOCK_EX) == 0 else { return nil }
        defer { flock(file, LOCK_UN) }
        // Growing leaves what is there, and gives zeros.
        guard ftruncate(file, size) == 0 else { return nil }
        let mapped = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let mapped, ferry_map_failed(mapped) == 0 else { return nil }
        let first = mapped.load(as: UInt64.self)
        guard first == 0 || first == magic else {
            munmap(mapped, size)
            return nil
        }
        mapped.storeBytes(of: magic, as: UInt64.self)
        return mapped
    }

    private func cell(_ device: Int, _ column: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        (base + Self.head + (device * Self.columns + column) * 8)
            .assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// Bytes of a device that all workers have together.
    package func taken(_ device: Int32) -> UInt64 {
        var sum: UInt64 = 0
        for each in 0..<Self.columns {
            let bytes = cell(Int(device), each).pointee.load(ordering: .acquiring)
            guard bytes > 0 else { continue }
            // What a worker that is no more has left in its column counts no longer.
            if each == column || ferry_is_byte_locked(file, Self.locks + each) == 1 {
                sum = sum.addingReportingOverflow(bytes).partialValue
            }
        }
        return sum
    }

    /// Takes bytes for this worker, if all together have no more than `total` then.
    package func take(_ bytes: UInt64, of device: Int32, total: UInt64) -> Bool {
        while flock(file, LOCK_EX) != 0 { guard ferry_errno() == EINTR else { return false } }
        defer { flock(file, LOCK_UN) }
        let (wanted, overflow) = taken(device).addingReportingOverflow(bytes)
        guard !overflow, wanted <= total else { return false }
        set(device) { $0 &+ bytes }
        return true
    }

    /// Changes what this worker has.
    package func set(_ device: Int32, _ change: (UInt64) -> UInt64) {
        let own = cell(Int(device), column)
        own.pointee.store(change(own.pointee.load(ordering: .relaxed)), ordering: .releasing)
    }
}
