internal import CLinux

/// Memory that a client and a worker on one host have in common: their rings, and the worker's slots
/// that large copies go through (docs/adr/0013-bulk-channels.md). Both may write to it at any time, so
/// each takes what it reads there for no more than bytes. A value that is copied freely; whoever made
/// it unmaps it once.
package struct SharedMemory: @unchecked Sendable {
    /// The bytes.
    package let bytes: UnsafeMutableRawBufferPointer

    /// Makes such memory. The system gives it when it is first written to.
    ///
    /// - Parameters:
    ///   - size: Bytes, a multiple of the size of a page.
    ///   - file: Its descriptor, which is the caller's.
    /// - Returns: `nil` when the system does not give any.
    package static func make(_ size: Int, _ file: inout Int32) -> SharedMemory? {
        file = ferry_sealed_memory(size)
        if file < 0 { return nil }
        if let memory = SharedMemory(file, size) { return memory }
        _ = close(file)
        file = -1
        return nil
    }

    /// Maps memory of unknown origin; the descriptor stays the caller's.
    ///
    /// - Returns: `nil` when it is not memory of exactly this size that nobody can make shorter.
    package init?(_ file: Int32, _ size: Int) {
        guard ferry_is_sealed_memory(file, size) != 0,
            let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
            ferry_map_failed(memory) == 0
        else { return nil }
        // A child of the program has no part in its session.
        madvise(memory, size, MADV_DONTFORK)
        bytes = UnsafeMutableRawBufferPointer(start: memory, count: size)
    }

    /// Gives it back.
    package func unmap() { munmap(bytes.baseAddress, bytes.count) }
}
