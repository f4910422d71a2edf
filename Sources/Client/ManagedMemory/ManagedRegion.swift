internal import CLinux
internal import Driver
internal import Wire

/// Some whole pages of managed memory, a chunk's or those of variables: where the program sees them, at the address
/// that they have on the GPU, and where Ferry sees them, always readable and writable. Guarded by the lock of
/// `ManagedMemory`.
struct ManagedRegion: ~Copyable {
    static let pageSize = 4096

    /// Bytes of a variable; whatever else is on its pages is not touched.
    struct Extent {
        var address: UInt64
        var size: Int

        var end: UInt64 { address + UInt64(size) }
    }

    /// Where the first page begins.
    let address: UInt64
    /// The handle of its context; 0 for variables of modules, which belong to all.
    let context: UInt64
    /// The image whose variables it holds; 0 for a chunk.
    let image: UInt64
    /// The variables; empty for a chunk, whose pages have nothing else.
    var extents: [Extent]
    var pages: ManagedPages
    /// Whether its addresses stay taken in the program.
    private let isAdopted: Bool
    private let view: UnsafeMutableRawPointer
    private let file: Int32
    private let offset: Int

    var size: Int { pages.count * Self.pageSize }
    var end: UInt64 { address + UInt64(size) }
    private var program: UnsafeMutableRawPointer? {
        UnsafeMutableRawPointer(bitPattern: UInt(address))
    }

    /// What it belongs to.
    enum Owner {
        /// A chunk of a context's, whose addresses are taken already.
        case chunk(context: UInt64)
        /// A chunk behind page-locked memory of the program's, which is in the file already.
        case adopted(context: UInt64)
        /// A variable of an image.
        case variable(Extent, image: UInt64)
    }

    /// Maps bytes of a file where the program sees them, but cannot use them yet, and a second time.
    ///
    /// - Parameter offset: Where in the file the pages begin; nothing else uses that part of it.
    /// - Returns: `nil` when there is no memory, or something else is at the address.
    init?(at address: UInt64, pageCount: Int, file: Int32, offset: Int, owner: Owner) {
        let size = pageCount * Self.pageSize
        let flags = MAP_SHARED | MAP_NORESERVE
        let view = mmap(nil, size, PROT_READ | PROT_WRITE, flags, file, offset)
        guard let view, ferry_map_failed(view) == 0 else { return nil }
        let place = UnsafeMutableRawPointer(bitPattern: UInt(address))
        let map: UnsafeMutableRawPointer?
        var (ownContext, ownImage, variables): (UInt64, UInt64, [Extent]) = (0, 0, [])
        var isAdopted = false
        switch owner {
        case .chunk(let context):
            ownContext = context
            map = mmap(place, size, PROT_NONE, flags | MAP_FIXED, file, offset)
        case .adopted(let context):
            (ownContext, isAdopted) = (context, true)
            map = place
        case .variable(let extent, let image):
            (ownImage, variables) = (image, [extent])
            map = ferry_map_at(UInt(address), size, PROT_NONE, flags, file, offset)
        }
        guard let map, ferry_map_failed(map) == 0 else {
            munmap(view, size)
            return nil
        }
        // A child has no use for it: the session is its parent's.
        madvise(map, size, MADV_DONTFORK)
        madvise(view, size, MADV_DONTFORK)
        madvise(view, size, MADV_DONTDUMP)
        self.address = address
        self.isAdopted = isAdopted
        self.view = view
        self.file = file
        self.offset = offset
        context = ownContext
        image = ownImage
        extents = variables
        pages = ManagedPages(count: pageCount)
    }

    /// Gives the memory back, and the program's addresses.
    borrowing func unmap() {
        munmap(view, size)
        if !isAdopted { munmap(program, size) }
        _ = ferry_punch_hole(file, offset, size)
    }

    /// Lets the program have pages, which hold nothing yet.
    ///
    /// - Returns: Whether the system did so.
    mutating func take(_ span: ManagedPages.Span, isExact: Bool) -> Bool {
        guard protect(span, PROT_READ | PROT_WRITE) else { return false }
        pages.take(span, isExact: isExact)
        return true
    }

    /// Takes pages from the program, and their memory.
    mutating func give(_ span: ManagedPages.Span) {
        pages.give(span)
        _ = protect(span, PROT_NONE)
        let first = offset + span.first * Self.pageSize
        _ = ferry_punch_hole(file, first, span.count * Self.pageSize)
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
        let size = span.count * Self.pageSize
        let end = start + UInt64(size)
        if image == 0 {
            return body(start, UnsafeMutableRawBufferPointer(start: view(of: start), count: size))
        }
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
