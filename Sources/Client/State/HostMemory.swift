internal import CLinux
internal import Driver
internal import DriverFrontend

/// A range of the program's own memory that counts as page-locked.
struct HostRange {
    var address: UInt
    var size: Int
    var flags: UInt32
    /// Whether it was allocated here, or only registered.
    var isOwned: Bool
    /// Whether it is memory that the GPU has as well, at the same address.
    var isMapped = false
    /// Where its contents are in the file of `PageLockedArea`; -1 when they are in none.
    var offset = -1
    /// Whether copies to it may be on their way.
    var wasCopied = false
    /// Whether Ferry reads or writes it whenever some graph runs.
    var isInGraph = false

    /// Whether the GPU can have it as well, as soon as something needs that (`ManagedMemory.adopt`).
    var isAdoptable: Bool { offset >= 0 && !isMapped && !isInGraph }

    func contains(_ address: UInt, _ bytes: Int) -> Bool {
        address >= self.address && bytes >= 0 && bytes <= size
            && address - self.address <= UInt(size - bytes)
    }
}

/// Page-locked host memory of the program: plain memory here, remembered so that asynchronous
/// copies to it are truly asynchronous. Thread-safe.
struct HostMemory: ~Copyable {
    private let lock = ForkSafeLock()
    private let ranges: UnsafeMutablePointer<HostRange>
    private let count: UnsafeMutablePointer<Int>
    private static let capacity = 65_536

    init() {
        ranges = .allocate(capacity: Self.capacity)
        count = .allocate(capacity: 1)
        count.initialize(to: 0)
    }

    /// Remembers memory that was allocated as page-locked.
    ///
    /// - Parameter offset: Where it is in the file of `PageLockedArea`; `nil`: in no file.
    func own(_ address: UInt, _ size: Int, flags: UInt32, offset: Int?) -> Int32 {
        add(
            HostRange(
                address: address,
                size: size,
                flags: flags,
                isOwned: true,
                offset: offset ?? -1
            )
        )
    }

    /// Notes that the GPU has such memory, too.
    func adopt(_ address: UInt) {
        lock.lock()
        defer { lock.unlock() }
        if let index = exact(address) { ranges[index].isMapped = true }
    }

    /// Notes a copy to some bytes, if all of them are page-locked memory.
    ///
    /// - Returns: Whether they are, so that the copy can be asynchronous.
    func noteCopy(to address: UInt, _ bytes: Int) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        guard let index = index(address), ranges[index].contains(address, bytes) else {
            return false
        }
        ranges[index].wasCopied = true
        return true
    }

    /// Notes that a graph copies from or to an address whenever it runs.
    func keepForGraph(_ address: UInt) {
        lock.lock()
        defer { lock.unlock() }
        if let index = index(address) { ranges[index].isInGraph = true }
    }

    /// Remembers memory that the program shares with the GPU as page-locked.
    func share(_ address: UInt, _ size: Int, flags: UInt32) -> Int32 {
        add(HostRange(address: address, size: size, flags: flags, isOwned: true, isMapped: true))
    }

    /// Forgets all memory from `share` that begins in a range.
    func unshare(_ address: UInt, _ size: Int) {
        lock.lock()
        defer { lock.unlock() }
        var index = count.pointee - 1
        while index >= 0 {
            let range = ranges[index]
            if range.isMapped, range.address >= address, range.address - address < UInt(size) {
                take(index)
            }
            index -= 1
        }
    }

    /// Forgets memory from `own`, which the caller gives back.
    ///
    /// - Returns: `nil` when there is none at the address.
    func disown(_ address: UInt) -> HostRange? {
        lock.lock()
        defer { lock.unlock() }
        guard let index = exact(address), ranges[index].isOwned, !ranges[index].isMapped else {
            return nil
        }
        let range = ranges[index]
        take(index)
        return range
    }

    /// Remembers memory of the program as page-locked.
    func register(_ pointer: UnsafeMutableRawPointer, _ size: Int, flags: UInt32) -> Int32 {
        guard size > 0 else { return Status.invalidValue }
        let address = UInt(bitPattern: pointer)
        if find(address) != nil || find(address + UInt(size) - 1) != nil {
            return Status.hostMemoryAlreadyRegistered
        }
        return add(HostRange(address: address, size: size, flags: flags, isOwned: false))
    }

    /// Forgets memory from `register`.
    func unregister(_ pointer: UnsafeMutableRawPointer) -> Int32 {
        lock.lock()
        defer { lock.unlock() }
        guard let index = exact(UInt(bitPattern: pointer)), !ranges[index].isOwned else {
            return Status.hostMemoryNotRegistered
        }
        take(index)
        return Status.success
    }

    /// The range that an address lies in.
    func find(_ address: UInt) -> HostRange? {
        lock.lock()
        defer { lock.unlock() }
        return index(address).map { ranges[$0] }
    }

    private func index(_ address: UInt) -> Int? {
        for index in 0..<count.pointee
        where address >= ranges[index].address
            && address - ranges[index].address < UInt(ranges[index].size)
        {
            return index
        }
        return nil
    }

    private func add(_ range: HostRange) -> Int32 {
        lock.lock()
        defer { lock.unlock() }
        guard count.pointee < Self.capacity else { return Status.outOfMemory }
        ranges[count.pointee] = range
        count.pointee += 1
        return Status.success
    }

    private func exact(_ address: UInt) -> Int? {
        for index in 0..<count.pointee where ranges[index].address == address { return index }
        return nil
    }

    private func take(_ index: Int) {
        count.pointee -= 1
        ranges[index] = ranges[count.pointee]
    }
}
