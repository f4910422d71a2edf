internal import CLinux

/// Memory that is mapped twice in a row, for streams; unmapped at the end.
package final class Ring: @unchecked Sendable {
    /// The first of `size` bytes, which lie there twice.
    package let memory: UnsafeMutableRawPointer
    /// Bytes of it, a multiple of the page size.
    package let size: Int

    /// Why there is no ring.
    package struct Failure: Error {}

    /// A ring of zeros.
    package init(size: Int) throws {
        guard let memory = ferry_map_ring(size) else { throw Failure() }
        self.memory = memory
        self.size = size
    }

    deinit { ferry_unmap_ring(memory, size) }
}
