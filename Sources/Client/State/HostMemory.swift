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

    /// Allocates `size` bytes in whole pages.
    ///
    /// - Returns: The memory, or `nil` when there is none.
    func allocate(_ size: Int, flags: UInt32) -> UnsafeMutableRawPointer? {
        let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory, ferry_map_failed(memory) == 0 else { return nil }
        let range = HostRange(
            address: UInt(bitPattern: memory),
            size: size,
            flags: flags,
            isOwned: true
        )
        guard add(range) == Status.success else {
            munmap(memory, size)
            return nil
        }
        return memory
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

    /// Frees memory from `allocate`.
    func free(_ pointer: UnsafeMutableRawPointer) -> Int32 {
        lock.lock()
        guard let index = exact(UInt(bitPattern: pointer)), ranges[index].isOwned,
            !ranges[index].isMapped
        else {
            lock.unlock()
            return Status.invalidValue
        }
        let range = ranges[index]
        take(index)
        lock.unlock()
        munmap(pointer, range.size)
        return Status.success
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
        for index in 0..<count.pointee
        where address >= ranges[index].address
            && address - ranges[index].address < UInt(ranges[index].size)
        {
            return ranges[index]
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
