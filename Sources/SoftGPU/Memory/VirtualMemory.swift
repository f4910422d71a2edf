internal import CLinux

/// What is mapped into the reserved ranges of a GPU's addresses. A pure value: it keeps the books, others
/// do the mapping.
package struct VirtualMemory {
    /// Physical memory at an address.
    package struct Mapping {
        /// Where it begins.
        package var address: UInt64
        /// Bytes.
        package var size: UInt64
        var physical: PhysicalMemory
        /// `CUmemAccess_flags`: 0 none, 1 read, 3 read and write.
        var access: UInt64 = 0
        /// The same of other GPUs that have any, by ordinal.
        var peers: [Int: Peer] = [:]

        var end: UInt64 { address + size }
        /// Whether a GPU has access.
        var isUsable: Bool { access != 0 || !peers.isEmpty }
    }

    /// Another GPU that may use a mapping.
    package struct Peer {
        var memory: DeviceMemory
        var access: UInt64
    }

    /// Sizes of the reserved ranges, by where they start.
    private var reserved: [UInt64: UInt64] = [:]
    /// By address; they never overlap.
    private var mappings: [Mapping] = []

    /// Notes a reserved range.
    mutating func reserve(_ address: UInt64, _ size: UInt64) {
        reserved[address] = size
    }

    /// Forgets a reserved range.
    ///
    /// - Returns: Whether there was exactly this one, with nothing mapped.
    mutating func release(_ address: UInt64, _ size: UInt64) -> Bool {
        guard reserved[address] == size, between(address, address + size).isEmpty else {
            return false
        }
        reserved[address] = nil
        return true
    }

    /// Whether this is where a reserved range starts.
    func isReserved(_ base: UInt64) -> Bool { reserved[base] != nil }

    /// Notes a mapping.
    ///
    /// - Returns: Whether it lies in a reserved range, where nothing is mapped yet.
    mutating func map(_ mapping: Mapping) -> Bool {
        let isInside = reserved.contains { base, size in
            mapping.address >= base && mapping.size <= size
                && mapping.address - base <= size - mapping.size
        }
        guard isInside else { return false }
        let place = between(mapping.address, mapping.end)
        guard place.isEmpty else { return false }
        mappings.insert(mapping, at: place.lowerBound)
        return true
    }

    /// Forgets the mappings of a range.
    ///
    /// - Returns: `nil` when the range does not consist of whole mappings; else those.
    mutating func unmap(_ address: UInt64, _ size: UInt64) -> [Mapping]? {
        guard let whole = whole(address, size) else { return nil }
        let old = Array(mappings[whole])
        mappings.removeSubrange(whole)
        return old
    }

    /// Says what may be done with a range.
    ///
    /// - Returns: Whether the range consists of whole mappings of this memory.
    mutating func setAccess(
        _ address: UInt64,
        _ size: UInt64,
        _ access: UInt64
    ) -> Bool {
        guard let whole = whole(address, size) else { return false }
        for index in whole { mappings[index].access = access }
        return true
    }

    /// Says what another GPU may do with a range.
    ///
    /// - Returns: The mappings that the range consists of; `nil` when it does not.
    mutating func setAccess(
        _ address: UInt64,
        _ size: UInt64,
        _ access: UInt64,
        of peer: DeviceMemory
    ) -> [Mapping]? {
        guard let whole = whole(address, size) else { return nil }
        for index in whole {
            mappings[index].peers[peer.ordinal] =
                access == 0 ? nil : Peer(memory: peer, access: access)
        }
        return Array(mappings[whole])
    }

    /// The mapping that an address lies in.
    func mapping(containing address: UInt64) -> Mapping? {
        let found = between(address, address + 1)
        return found.isEmpty ? nil : mappings[found.lowerBound]
    }

    /// All around an address that can be used in one piece: mappings with access, one behind another.
    func run(containing address: UInt64) -> (base: UInt64, size: Int)? {
        let found = between(address, address + 1)
        guard !found.isEmpty, mappings[found.lowerBound].isUsable else { return nil }
        var (first, last) = (found.lowerBound, found.lowerBound)
        while first > 0, mappings[first - 1].end == mappings[first].address,
            mappings[first - 1].isUsable
        {
            first -= 1
        }
        while last + 1 < mappings.count, mappings[last].end == mappings[last + 1].address,
            mappings[last + 1].isUsable
        {
            last += 1
        }
        return (mappings[first].address, Int(mappings[last].end - mappings[first].address))
    }

    /// The mappings that a range consists of, without gaps or parts.
    private func whole(_ address: UInt64, _ size: UInt64) -> Range<Int>? {
        let found = between(address, address + size)
        guard let first = found.first, mappings[first].address == address else { return nil }
        var end = address
        for index in found {
            guard mappings[index].address == end else { return nil }
            end = mappings[index].end
        }
        return end == address + size ? found : nil
    }

    /// The mappings that have a byte in a range; empty, at where one would be inserted, if none has.
    private func between(_ start: UInt64, _ end: UInt64) -> Range<Int> {
        var low = 0
        var high = mappings.count
        while low < high {
            let middle = (low + high) / 2
            if mappings[middle].end <= start { low = middle + 1 } else { high = middle }
        }
        var last = low
        while last < mappings.count, mappings[last].address < end { last += 1 }
        return low..<last
    }
}

// Virtual memory management: addresses that are reserved first and get their memory later.
extension DeviceMemory {
    /// What the sizes, addresses and offsets of mapped memory are multiples of.
    package static let pageSize: UInt64 = 2 << 20

    /// Reserves addresses.
    ///
    /// - Parameter alignment: A power of two.
    /// - Returns: Where the range starts; `nil` when there is none.
    package func reserve(_ bytes: UInt64, alignment: UInt64) -> UInt64? {
        lock.withLock {
            guard bytes <= size,
                let address = allocator.allocate(
                    bytes,
                    alignment: max(alignment, Self.pageSize),
                    guardBytes: Self.granule
                )
            else { return nil }
            virtual.reserve(address, bytes)
            return address
        }
    }

    /// Gives reserved addresses back; false when this is no such range, or something is mapped there.
    package func releaseReserved(_ address: UInt64, _ bytes: UInt64) -> Bool {
        lock.withLock {
            guard virtual.release(address, bytes) else { return false }
            return allocator.free(address) != nil
        }
    }

    /// Maps physical memory at reserved addresses; it cannot be used before `setAccess`.
    ///
    /// - Returns: Whether the range was reserved and free.
    package func map(_ physical: PhysicalMemory, at address: UInt64, bytes: UInt64, offset: UInt64)
        -> Bool
    {
        lock.withLock {
            let mapping = VirtualMemory.Mapping(address: address, size: bytes, physical: physical)
            guard virtual.map(mapping) else { return false }
            guard place(address, bytes, physical.file, offset) else {
                _ = virtual.unmap(address, bytes)
                return false
            }
            return true
        }
    }

    /// Takes mappings away; false when the range does not consist of whole ones.
    package func unmap(_ address: UInt64, _ bytes: UInt64) -> Bool {
        // The memory is given back when the lock is free.
        let old = lock.withLock { () -> [VirtualMemory.Mapping]? in
            guard let old = virtual.unmap(address, bytes) else { return nil }
            unmark(address, bytes)
            for mapping in old {
                for peer in mapping.peers.values { peer.memory.unmapForeign(mapping.address) }
            }
            _ = place(address, bytes, -1, 0)
            return old
        }
        return old != nil
    }

    /// Allows kernels and copies to use mapped memory, or takes that back; false when the range does
    /// not consist of whole mappings.
    ///
    /// - Parameter access: 0 none, 1 read, 3 read and write; kernels can write where they can read.
    package func setAccess(_ address: UInt64, _ bytes: UInt64, _ access: UInt64) -> Bool {
        lock.withLock {
            guard virtual.setAccess(address, bytes, access) else { return false }
            if access == 0 { unmark(address, bytes) } else { mark(address, bytes) }
            return true
        }
    }

    /// The same for kernels of another GPU.
    package func setAccess(
        _ address: UInt64,
        _ bytes: UInt64,
        _ access: UInt64,
        of peer: DeviceMemory
    ) -> Bool {
        guard peer !== self else { return setAccess(address, bytes, access) }
        return lock.withLock {
            guard let changed = virtual.setAccess(address, bytes, access, of: peer) else {
                return false
            }
            for mapping in changed {
                if access == 0 {
                    peer.unmapForeign(mapping.address)
                } else {
                    peer.mapForeign(mapping.address, Int(mapping.size))
                }
            }
            return true
        }
    }

    /// The mapping that holds an address.
    package func mapping(containing address: UInt64) -> VirtualMemory.Mapping? {
        lock.withLock { virtual.mapping(containing: address) }
    }

    /// Counts physical memory as used, if there is enough.
    func takePhysical(_ bytes: Int) -> Bool {
        lock.withLock {
            guard bytes > 0, bytes <= capacity - usedBytes else { return false }
            usedBytes += bytes
            return true
        }
    }

    /// Takes that back.
    func givePhysicalBack(_ bytes: Int) {
        lock.withLock { usedBytes -= bytes }
    }

    /// Has the bytes of a file lie at addresses, or with -1 nothing.
    private func place(_ address: UInt64, _ bytes: UInt64, _ file: Int32, _ offset: UInt64) -> Bool
    {
        let arena = file < 0 ? self.file : nil
        let isNothing = file < 0 && arena == nil
        let kind = isNothing ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED
        let placed = mmap(
            UnsafeMutableRawPointer(bitPattern: UInt(address)),
            Int(bytes),
            PROT_READ | PROT_WRITE,
            kind | MAP_FIXED,
            arena ?? file,
            arena == nil ? Int(offset) : Int(address - base)
        )
        return placed.map { ferry_map_failed($0) == 0 } ?? false
    }
}
