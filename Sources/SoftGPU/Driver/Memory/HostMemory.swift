internal import CLinux
internal import Driver

/// A piece of pinned host memory.
struct HostBlock {
    /// Where it starts.
    var base: UInt64
    /// Its bytes.
    var size: Int
    /// The flags it was made with.
    var flags: UInt32
    /// The context that it ends with; `nil` for variables of libraries.
    var context: Context?
    /// Whether it is the program's own memory, registered.
    var isRegistered: Bool
    /// Whether it is a managed variable.
    var isManaged = false
}

/// Pinned host memory of the process: allocated or registered. Kernels of all GPUs may use it at
/// its host address. Safe to use from any thread.
final class HostMemory: @unchecked Sendable {
    private let lock = Lock()
    /// Sorted by address, without overlaps.
    private var blocks: [HostBlock] = []
    private var memories: [DeviceMemory] = []
    private var nextManaged: UInt = 0x0190_0000_0000

    /// Lets the kernels of one more GPU use the memory.
    func attach(_ memory: DeviceMemory) {
        lock.withLock {
            memories.append(memory)
            for block in blocks { memory.mapForeign(block.base, block.size) }
        }
    }

    /// Allocates memory, aligned to pages and zeroed; what it returns is freed with `free`.
    func allocate(
        _ bytes: Int,
        flags: UInt32,
        context: Context?,
        isManaged: Bool = false
    ) throws(Failure) -> UnsafeMutableRawPointer {
        guard bytes > 0, bytes <= 1 << 46 else {
            throw bytes <= 0 ? .invalidValue : .outOfMemory
        }
        let mapping = mmap(
            isManaged ? placeForManaged(bytes) : nil,
            bytes,
            PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS,
            -1,
            0
        )
        guard let mapping, ferry_map_failed(mapping) == 0 else { throw .outOfMemory }
        let block = HostBlock(
            base: UInt64(UInt(bitPattern: mapping)),
            size: bytes,
            flags: flags,
            context: context,
            isRegistered: false,
            isManaged: isManaged
        )
        lock.withLock { insert(block) }
        return mapping
    }

    /// Where managed memory would best be: far from everything that a process has by itself, so that another one
    /// can have something at the same addresses.
    private func placeForManaged(_ bytes: Int) -> UnsafeMutableRawPointer? {
        lock.withLock {
            let place = nextManaged
            nextManaged += (UInt(bytes) + 0xFFFF) & ~0xFFFF
            return UnsafeMutableRawPointer(bitPattern: place)
        }
    }

    /// Registers memory of the program.
    func register(
        _ base: UInt64,
        _ bytes: Int,
        flags: UInt32,
        context: Context
    ) throws(Failure) {
        guard bytes > 0, base != 0, base <= UInt64.max - UInt64(bytes) else {
            throw .invalidValue
        }
        let block = HostBlock(
            base: base,
            size: bytes,
            flags: flags,
            context: context,
            isRegistered: true
        )
        try lock.withLock { () throws(Failure) in
            let next = firstIndex(after: base)
            let overlapsLower =
                next > 0 && blocks[next - 1].base + UInt64(blocks[next - 1].size) > base
            let overlapsUpper = next < blocks.count && blocks[next].base < base + UInt64(bytes)
            if overlapsLower || overlapsUpper {
                throw Failure(Status.hostMemoryAlreadyRegistered)
            }
            insert(block)
        }
    }

    /// Takes back what `register` did.
    func unregister(_ base: UInt64) throws(Failure) {
        guard remove(base, isRegistered: true) != nil else {
            throw Failure(Status.hostMemoryNotRegistered)
        }
    }

    /// Frees what `allocate` returned.
    func free(_ base: UInt64) throws(Failure) {
        guard let block = remove(base, isRegistered: false) else { throw .invalidValue }
        unmap(block)
    }

    /// Frees and unregisters all that belongs to a context.
    func freeAll(of context: Context) {
        let mine = lock.withLock { blocks.filter { $0.context === context } }
        for block in mine {
            guard let block = remove(block.base, isRegistered: block.isRegistered) else { continue }
            if !block.isRegistered { unmap(block) }
        }
    }

    /// The block that holds an address.
    func block(containing address: UInt64) -> HostBlock? {
        lock.withLock {
            let index = firstIndex(after: address) - 1
            guard index >= 0, address - blocks[index].base < UInt64(blocks[index].size) else {
                return nil
            }
            return blocks[index]
        }
    }

    private func unmap(_ block: HostBlock) {
        munmap(UnsafeMutableRawPointer(bitPattern: UInt(block.base)), block.size)
    }

    private func insert(_ block: HostBlock) {
        blocks.insert(block, at: firstIndex(after: block.base))
        for memory in memories { memory.mapForeign(block.base, block.size) }
    }

    private func remove(_ base: UInt64, isRegistered: Bool) -> HostBlock? {
        lock.withLock {
            let index = firstIndex(after: base) - 1
            guard index >= 0, blocks[index].base == base,
                blocks[index].isRegistered == isRegistered
            else { return nil }
            for memory in memories { memory.unmapForeign(base) }
            return blocks.remove(at: index)
        }
    }

    /// Index of the first block that starts after an address.
    private func firstIndex(after address: UInt64) -> Int {
        var low = 0
        var high = blocks.count
        while low < high {
            let middle = (low + high) / 2
            if blocks[middle].base <= address { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
