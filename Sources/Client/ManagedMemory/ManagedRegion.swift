internal import CLinux
internal import Driver
internal import Wire

/// Some whole pages of managed memory: where the program sees them, at the address that they have on the GPU, and
/// where Ferry sees them, always readable and writable. Guarded by the lock of `ManagedMemory`.
struct ManagedRegion: ~Copyable {
    static let pageSize = 4096

    /// Bytes of the region that the program owns; whatever else is on its pages is not touched.
    struct Extent {
        var address: UInt64
        var size: Int

        var end: UInt64 { address + UInt64(size) }
    }

    /// Where the first page begins.
    let address: UInt64
    /// The handle of its context; 0 for variables of modules, which belong to all.
    let context: UInt64
    /// The chunk of addresses that it was taken from; `nil` for variables of modules.
    let chunk: Int?
    /// The image whose variables it holds, 0 if none.
    let image: UInt64
    var extents: [Extent]
    var pages: ManagedPages
    private let view: UnsafeMutableRawPointer
    private let file: Int32
    private let offset: Int

    var size: Int { pages.count * Self.pageSize }
    var end: UInt64 { address + UInt64(size) }
    private var program: UnsafeMutableRawPointer? {
        UnsafeMutableRawPointer(bitPattern: UInt(address))
    }

    /// What it belongs to.
    struct Owner {
        var context: UInt64
        var chunk: Int?
        var image: UInt64 = 0
    }

    /// Maps bytes of a file where the program sees them, and a second time.
    ///
    /// - Parameters:
    ///   - isReserved: Whether the addresses are taken already, for this.
    ///   - offset: Where in the file the pages begin; nothing else uses that part of it.
    /// - Returns: `nil` when there is no memory, or something else is at the address.
    init?(
        at address: UInt64,
        pageCount: Int,
        isReserved: Bool,
        file: Int32,
        offset: Int,
        owner: Owner,
        extent: Extent
    ) {
        let size = pageCount * Self.pageSize
        let access = PROT_READ | PROT_WRITE
        let view = mmap(nil, size, access, MAP_SHARED | MAP_NORESERVE, file, offset)
        guard let view, ferry_map_failed(view) == 0 else { return nil }
        let place = UnsafeMutableRawPointer(bitPattern: UInt(address))
        let map =
            isReserved
            ? mmap(place, size, access, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, file, offset)
            : ferry_map_at(UInt(address), size, access, MAP_SHARED | MAP_NORESERVE, file, offset)
        guard let map, ferry_map_failed(map) == 0 else {
            munmap(view, size)
            return nil
        }
        // A child has no use for it: the session is its parent's.
        madvise(map, size, MADV_DONTFORK)
        madvise(view, size, MADV_DONTFORK)
        madvise(view, size, MADV_DONTDUMP)
        self.address = address
        self.view = view
        self.file = file
        self.offset = offset
        context = owner.context
        chunk = owner.chunk
        image = owner.image
        extents = [extent]
        pages = ManagedPages(count: pageCount)
    }

    /// Gives the memory back. The addresses stay taken if they belong to a chunk.
    borrowing func unmap() {
        munmap(view, size)
        if chunk == nil {
            munmap(program, size)
        } else {
            Self.hold(address, size)
        }
        ferry_punch_hole(file, offset, size)
    }

    /// Takes addresses that hold nothing for now; what was there is gone.
    static func hold(_ address: UInt64, _ size: Int) {
        let place = UnsafeMutableRawPointer(bitPattern: UInt(address))
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED
        mmap(place, size, PROT_NONE, flags, -1, 0)
    }

    /// Says what the program may do with pages.
    ///
    /// - Returns: Whether the system did so.
    borrowing func protect(_ span: ManagedPages.Span, _ access: Int32) -> Bool {
        guard let program else { return false }
        return mprotect(
            program + span.first * Self.pageSize,
            span.count * Self.pageSize,
            access
        ) == 0
    }

    /// The pages that some bytes are on; `nil` when not all of them are here.
    borrowing func pages(of address: UInt64, _ size: Int) -> ManagedPages.Span? {
        guard size > 0, address >= self.address, address < end, UInt64(size) <= end - address else {
            return nil
        }
        let first = Int(address - self.address) / Self.pageSize
        let last = (Int(address - self.address) + size - 1) / Self.pageSize
        return ManagedPages.Span(first: first, count: last - first + 1)
    }

    /// Where Ferry sees a byte of the program.
    borrowing func view(of address: UInt64) -> UnsafeMutableRawPointer {
        view + Int(address - self.address)
    }

    /// Calls `body` with each part of a span that the program owns: its address, and Ferry's view of it.
    borrowing func forEachPart(
        _ span: ManagedPages.Span,
        _ body: (UInt64, UnsafeMutableRawBufferPointer) -> Void
    ) {
        let start = address + UInt64(span.first * Self.pageSize)
        let end = start + UInt64(span.count * Self.pageSize)
        for extent in extents {
            let (low, high) = (max(start, extent.address), min(end, extent.end))
            guard low < high else { continue }
            let memory = view + Int(low - address)
            body(low, UnsafeMutableRawBufferPointer(start: memory, count: Int(high - low)))
        }
    }

    /// Calls `body` with those parts of a span of fresh pages that were ever written to: the system knows which
    /// pages it has given out.
    borrowing func forEachWritten(_ span: ManagedPages.Span, _ body: (ManagedPages.Span) -> Void) {
        var position = offset + span.first * Self.pageSize
        let end = position + span.count * Self.pageSize
        while position < end {
            let first = lseek(file, position, ferry_seek_data())
            // A system that cannot tell has everything written; one without data says so with an error.
            if first < 0, ferry_errno() != ENXIO { return body(rest(position, end)) }
            guard first >= 0, first < end else { return }
            let hole = lseek(file, first, ferry_seek_hole())
            let last = hole < 0 ? end : min(hole, end)
            body(rest(first, last))
            position = last
        }
    }

    private func rest(_ position: Int, _ end: Int) -> ManagedPages.Span {
        let first = (position - offset) / Self.pageSize
        let last = (end - offset + Self.pageSize - 1) / Self.pageSize
        return ManagedPages.Span(first: first, count: last - first)
    }
}
