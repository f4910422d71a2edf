/// Memory that the client has made by `cuMemCreate`, and where it is mapped. It counts against the slice
/// until its handles are released and nothing of it is mapped any more, as the driver keeps it.
///
/// Used by the reader thread alone; lives as long as the process.
package final class PhysicalMemoryTable: @unchecked Sendable {
    /// Memory of a GPU.
    private struct Memory {
        /// Bytes that count against the slice.
        var charge: UInt64
        var device: Int32
        /// All of its bytes, whether they count or not.
        var bytes: UInt64
        /// Handles that are not released, and mappings.
        var uses = 1
    }

    private struct Mapping {
        var bytes: UInt64
        /// Which memory it is: the first handle that it had.
        var memory: UInt64
    }

    /// Memories and mappings at most.
    package static let most = 1 << 20
    private var memories: [UInt64: Memory] = [:]
    /// Which memory each handle is for, and how often it was given out.
    private var handles: [UInt64: (memory: UInt64, count: Int)] = [:]
    private var mappings: [UInt64: Mapping] = [:]

    /// Hears which memory is not used any more: the first handle that it had.
    package var gone: (UInt64) -> Void = { _ in }

    /// Nothing yet.
    package init() {}

    /// Whether no more fits.
    package var isFull: Bool { handles.count >= Self.most || mappings.count >= Self.most }

    /// Notes new memory.
    ///
    /// - Parameter bytes: When not all of them count.
    package func insert(
        _ handle: UInt64,
        charge: UInt64,
        device: Int32,
        bytes: UInt64? = nil
    ) {
        memories[handle] = Memory(charge: charge, device: device, bytes: bytes ?? charge)
        handles[handle] = (handle, 1)
    }

    /// Notes one more use of a handle, if there is such a one.
    package func useAgain(_ handle: UInt64) -> Bool {
        guard let known = handles[handle] else { return false }
        handles[handle] = (known.memory, known.count + 1)
        memories[known.memory]?.uses += 1
        return true
    }

    /// Bytes and device of memory, by the first handle that it had.
    package func extent(of memory: UInt64) -> (bytes: UInt64, device: Int32)? {
        memories[memory].map { ($0.bytes, $0.device) }
    }

    /// Which memory a handle is for: the first handle that it had.
    package func memory(of handle: UInt64) -> UInt64? { handles[handle]?.memory }

    /// Whether the client has a handle.
    package func contains(_ handle: UInt64) -> Bool { handles[handle] != nil }

    /// Whether something is mapped from an address on.
    package func isMapped(_ address: UInt64) -> Bool { mappings[address] != nil }

    /// Notes one more handle of what is mapped at an address.
    ///
    /// - Parameter mapping: Any address in the mapping.
    package func retain(_ handle: UInt64, at mapping: UInt64) {
        let found = mappings.first { mapping >= $0.key && mapping - $0.key < $0.value.bytes }
        guard let memory = found?.value.memory else { return }
        handles[handle] = (memory, (handles[handle]?.count ?? 0) + 1)
        memories[memory]?.uses += 1
    }

    /// Notes a mapping.
    package func map(_ handle: UInt64, at address: UInt64, bytes: UInt64) {
        guard let memory = handles[handle]?.memory else { return }
        mappings[address] = Mapping(bytes: bytes, memory: memory)
        memories[memory]?.uses += 1
    }

    /// Forgets the mappings of a range.
    ///
    /// - Parameter free: Receives the charge and the device of memory that is not used any more.
    package func unmap(_ address: UInt64, bytes: UInt64, free: (UInt64, Int32) -> Void) {
        let gone = mappings.filter { $0.key >= address && $0.key - address < bytes }
        for (start, mapping) in gone {
            mappings[start] = nil
            giveUp(mapping.memory, free)
        }
    }

    /// Forgets a handle, once.
    ///
    /// - Parameter free: As of `unmap`.
    package func release(_ handle: UInt64, free: (UInt64, Int32) -> Void) {
        guard let known = handles[handle] else { return }
        handles[handle] = known.count > 1 ? (known.memory, known.count - 1) : nil
        giveUp(known.memory, free)
    }

    private func giveUp(_ memory: UInt64, _ free: (UInt64, Int32) -> Void) {
        guard var found = memories[memory] else { return }
        found.uses -= 1
        if found.uses > 0 {
            memories[memory] = found
        } else {
            memories[memory] = nil
            gone(memory)
            free(found.charge, found.device)
        }
    }
}
