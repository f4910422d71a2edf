internal import Driver

/// Memory of other processes that this one has opened. Safe to use from any thread.
final class OpenedMemory: @unchecked Sendable {
    /// One range, which a GPU opens once however often it is asked to.
    private struct Range {
        var file: UInt64
        var offset: UInt64
        /// The GPU whose kernels use it.
        var user: Int
        /// Where its addresses were reserved, and how many.
        var owner: DeviceMemory
        var reserved: UInt64
        var count: Int
    }

    private let lock = Lock()
    private var ranges: [UInt64: Range] = [:]

    /// Opens memory for a GPU.
    ///
    /// - Parameters:
    ///   - owner: Memory of the GPU that it is of.
    ///   - user: Memory of the GPU that asks.
    /// - Returns: Where it is.
    func open(
        _ handle: SharedHandle,
        of owner: DeviceMemory,
        for user: DeviceMemory
    ) throws(Failure) -> UInt64 {
        try lock.withLock { () throws(Failure) in
            let known = ranges.first {
                $0.value.file == handle.file && $0.value.offset == handle.offset
                    && $0.value.user == user.ordinal
            }
            if let known {
                ranges[known.key]?.count += 1
                return known.key
            }
            guard handle.bytes > 0, handle.bytes <= 1 << 40, handle.offset % 4096 == 0 else {
                throw .invalidValue
            }
            let file = try handle.open()
            // Takes nothing of this process' share: the memory is the other's.
            let physical = PhysicalMemory(shared: file, Int(handle.bytes), of: owner)
            let reserved = (handle.bytes + 4095) & ~4095
            guard let address = owner.reserve(reserved, alignment: 0) else { throw .outOfMemory }
            guard
                owner.map(physical, at: address, bytes: handle.bytes, offset: handle.offset),
                owner.setAccess(address, handle.bytes, 3, of: user)
            else {
                _ = owner.unmap(address, handle.bytes)
                _ = owner.releaseReserved(address, reserved)
                throw .outOfMemory
            }
            ranges[address] = Range(
                file: handle.file,
                offset: handle.offset,
                user: user.ordinal,
                owner: owner,
                reserved: reserved,
                count: 1
            )
            return address
        }
    }

    /// Whether there is a range that starts there.
    func contains(_ address: UInt64) -> Bool { lock.withLock { ranges[address] != nil } }

    /// Closes what `open` has returned; false for anything else.
    func close(_ address: UInt64) -> Bool {
        lock.withLock {
            guard var range = ranges[address] else { return false }
            range.count -= 1
            ranges[address] = range
            if range.count > 0 { return true }
            ranges[address] = nil
            if let mapping = range.owner.mapping(containing: address) {
                _ = range.owner.unmap(address, mapping.size)
            }
            return range.owner.releaseReserved(address, range.reserved)
        }
    }
}
