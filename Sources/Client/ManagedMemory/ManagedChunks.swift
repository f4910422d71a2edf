internal import CLinux
internal import CUDAABI
internal import Driver
internal import Wire

/// Addresses that the GPU's memory and the program's have in common, with memory of the GPU behind them, in chunks
/// of 2 MiB or of what a large allocation needs. Guarded by the lock of `ManagedMemory`.
struct ManagedChunks: ~Copyable {
    typealias State = UnsafeMutablePointer<SessionState>

    /// What the driver takes memory of a GPU in (`cuMemGetAllocationGranularity`, 2 MiB on all GPUs so far).
    static let granularity = 2 << 20
    private static let pagesPerChunk = granularity / ManagedRegion.pageSize

    private struct Chunk {
        var address: UInt64
        var size: Int
        var context: UInt64
        /// For one of 2 MiB: which pages are taken, by bits; else empty.
        var taken: [UInt64]
        /// Whether its addresses are those of page-locked memory, and stay reserved.
        var isAdopted = false

        var isSmall: Bool { !taken.isEmpty }
        var end: UInt64 { address + UInt64(size) }
        var range: Range { Range(address: address, size: size, isAdopted: isAdopted) }
    }

    /// The addresses of a chunk.
    struct Range {
        var address: UInt64
        /// Bytes.
        var size: Int
        /// Whether they are those of page-locked memory.
        var isAdopted: Bool
    }

    private var chunks: [Chunk] = []
    /// Where the next chunk would be best: where neither the program nor the driver in the worker puts anything by
    /// itself.
    private var preferred: UInt64 = 0x0180_0000_0000

    /// Between which addresses system calls are noticed.
    private var noticed: [Swift.Range<UInt64>] = []
    private static let mostNoticed = 8
    /// 16 GiB.
    private static let leastNoticed: UInt64 = 16 << 30

    /// None yet.
    init() {}

    /// Takes addresses with memory of a context's GPU.
    ///
    /// - Parameters:
    ///   - pageCount: At least 1.
    ///   - address: Where they are.
    ///   - made: The chunk, if it was made for them; the program has its addresses, but sees nothing there yet.
    mutating func take(
        _ state: State,
        _ pageCount: Int,
        context: UInt64,
        device: Int32,
        _ address: inout UInt64,
        _ made: inout Range?
    ) -> CUresult {
        let isSmall = pageCount < Self.pagesPerChunk
        if isSmall, let found = takeSmall(pageCount, context) {
            address = found
            return Status.success
        }
        let size = Self.whole(pageCount * ManagedRegion.pageSize)
        let status = make(state, size, device, &address)
        guard status == Status.success else { return status }
        let words = isSmall ? [UInt64](repeating: 0, count: Self.pagesPerChunk / 64) : []
        var chunk = Chunk(address: address, size: size, context: context, taken: words)
        if isSmall { Self.mark(&chunk.taken, 0..<pageCount, true) }
        chunks.append(chunk)
        made = chunk.range
        return Status.success
    }

    /// What the GPU needs for some bytes: whole pieces of 2 MiB.
    static func whole(_ bytes: Int) -> Int { (bytes + granularity - 1) & ~(granularity - 1) }

    /// Puts memory of a context's GPU behind page-locked memory of the program's.
    mutating func adopt(
        _ state: State,
        _ address: UInt64,
        _ bytes: Int,
        context: UInt64,
        device: Int32
    ) -> CUresult {
        let size = Self.whole(bytes)
        let status = Self.fill(state, address, size, device)
        guard status == Status.success else { return status }
        let chunk = Chunk(
            address: address,
            size: size,
            context: context,
            taken: [],
            isAdopted: true
        )
        chunks.append(chunk)
        notice(address, size)
        return Status.success
    }

    /// Gives addresses back.
    ///
    /// - Returns: Their chunk, if nothing else is in it: it is to be unmade.
    mutating func give(_ address: UInt64, _ pageCount: Int) -> Range? {
        guard let index = chunks.firstIndex(where: { address >= $0.address && address < $0.end })
        else {
            return nil
        }
        if chunks[index].isSmall {
            let first = Int(address - chunks[index].address) / ManagedRegion.pageSize
            Self.mark(&chunks[index].taken, first..<first + pageCount, false)
            guard chunks[index].taken.allSatisfy({ $0 == 0 }) else { return nil }
        }
        return chunks.remove(at: index).range
    }

    /// Forgets the chunks of a context.
    ///
    /// - Returns: They are to be unmade.
    mutating func giveAll(context: UInt64) -> [Range] {
        let gone = chunks.filter { $0.context == context }.map { $0.range }
        chunks.removeAll { $0.context == context }
        return gone
    }

    // MARK: - Small ones

    private mutating func takeSmall(_ pageCount: Int, _ context: UInt64) -> UInt64? {
        for index in chunks.indices {
            guard chunks[index].isSmall, chunks[index].context == context,
                let first = Self.firstRun(of: pageCount, in: chunks[index].taken)
            else { continue }
            Self.mark(&chunks[index].taken, first..<first + pageCount, true)
            return chunks[index].address + UInt64(first * ManagedRegion.pageSize)
        }
        return nil
    }

    private static func firstRun(of count: Int, in taken: [UInt64]) -> Int? {
        var length = 0
        for page in 0..<taken.count * 64 {
            length = taken[page / 64] >> UInt64(page % 64) & 1 == 0 ? length + 1 : 0
            if length == count { return page - count + 1 }
        }
        return nil
    }

    private static func mark(_ taken: inout [UInt64], _ pages: Swift.Range<Int>, _ isTaken: Bool) {
        for page in pages {
            let bit = UInt64(1) << UInt64(page % 64)
            if isTaken { taken[page / 64] |= bit } else { taken[page / 64] &= ~bit }
        }
    }

    // MARK: - Addresses and memory

    private mutating func make(
        _ state: State,
        _ size: Int,
        _ device: Int32,
        _ address: inout UInt64
    ) -> CUresult {
        var status = Self.reserve(state, size, at: preferred, &address)
        guard status == Status.success else { return status }
        status = Self.fill(state, address, size, device)
        guard status == Status.success else {
            munmap(UnsafeMutableRawPointer(bitPattern: UInt(address)), size)
            _ = ClientCalls.cuMemAddressFree(address, size)
            return status
        }
        preferred = address + UInt64(size)
        notice(address, size)
        return Status.success
    }

    /// Lets system calls be noticed around some addresses: each time more, because each time costs all of them.
    private mutating func notice(_ address: UInt64, _ size: Int) {
        let end = address + UInt64(size)
        guard !noticed.contains(where: { $0.contains(address) && end <= $0.upperBound }),
            noticed.count < Self.mostNoticed
        else { return }
        let room = Self.leastNoticed << UInt64(2 * noticed.count)
        noticed.append(address..<max(address + room, end))
        ManagedAccess.catchCalls(UInt(address), UInt(max(address + room, end)))
    }

    /// Reserves addresses on the GPU that are free in the program, and takes them there. The driver may give others
    /// than were wished for.
    static func reserve(
        _ state: State,
        _ size: Int,
        at preferred: UInt64,
        _ address: inout UInt64
    ) -> CUresult {
        var refused: [UInt64] = []
        defer { for other in refused { _ = ClientCalls.cuMemAddressFree(other, size) } }
        for attempt in 0..<8 {
            var found: UInt64 = 0
            let wanted = preferred + UInt64(attempt) << 40
            let status = ClientCalls.cuMemAddressReserve(&found, size, 0, wanted, 0)
            guard status == Status.success else { return status }
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
            if ferry_map_at(UInt(found), size, PROT_NONE, flags, -1, 0) != nil {
                address = found
                return Status.success
            }
            refused.append(found)
        }
        Log.error("shared memory: the GPU's addresses are in use in the program")
        return Status.outOfMemory
    }

    /// Puts memory of the GPU behind reserved addresses.
    private static func fill(
        _ state: State,
        _ address: UInt64,
        _ size: Int,
        _ device: Int32
    ) -> CUresult {
        // CUmemAllocationProp: pinned (1), handles for no other process (0), on a GPU (1) of this number.
        var properties: InlineArray<8, Int32> = .init(repeating: 0)
        properties[0] = 1
        properties[2] = 1
        properties[3] = device
        var handle: CUmemGenericAllocationHandle = 0
        var status = withUnsafeMutablePointer(to: &properties) {
            ClientCalls.cuMemCreate(&handle, size, OpaquePointer($0), 0)
        }
        guard status == Status.success else { return status }
        status = ClientCalls.cuMemMap(address, size, 0, handle, 0)
        _ = ClientCalls.cuMemRelease(handle)
        guard status == Status.success else { return status }
        // What the program asks about is what it has allocated.
        state.pointee.memory.removeMappings(address, size)
        // CUmemAccessDesc: on a GPU (1) of this number, reads and writes (3).
        var access: InlineArray<3, Int32> = [1, device, 3]
        status = withUnsafeMutablePointer(to: &access) {
            ClientCalls.cuMemSetAccess(address, size, OpaquePointer($0), 1)
        }
        if status != Status.success { _ = ClientCalls.cuMemUnmap(address, size) }
        return status
    }

    /// Gives a chunk's memory and addresses back to the GPU. The program does not see them any more.
    static func unmake(_ state: State, _ range: Range) {
        _ = ClientCalls.cuMemUnmap(range.address, range.size)
        if !range.isAdopted { _ = ClientCalls.cuMemAddressFree(range.address, range.size) }
    }
}
