internal import CLinux

/// An image of the cache in memory, straight from its file, with zeros behind it as the driver
/// wants of a text.
package final class MappedImage {
    private let memory: UnsafeMutableRawPointer
    private let mapped: Int
    /// The image.
    package let bytes: UnsafeRawBufferPointer

    private static let page = 4096
    private static let largePage = 2 << 20

    /// Maps a file that must be a regular one of exactly `size` bytes, which are not 0.
    ///
    /// - Returns: `nil` when it is another one, or there is no memory.
    init?(_ descriptor: Int32, size: Int) {
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & mode_t(S_IFMT) == mode_t(S_IFREG),
            Int(facts.st_size) == size, size > 0
        else { return nil }
        // The file ends somewhere in its last page, which the kernel fills up with zeros, or at the
        // end of it; so one more page of zeros comes behind.
        let room = (size + Self.page - 1) / Self.page * Self.page + Self.page
        // A large file that begins where a large page does is mapped with large pages, if the kernel
        // has read it so: a hundredth of the work.
        let alignment = size >= Self.largePage ? Self.largePage : Self.page
        mapped = room + alignment - Self.page
        let anonymous = MAP_PRIVATE | MAP_ANONYMOUS
        guard let reserved = mmap(nil, mapped, PROT_READ, anonymous, -1, 0),
            ferry_map_failed(reserved) == 0
        else { return nil }
        memory = reserved
        let base = reserved.alignedUp(toMultipleOf: alignment)
        bytes = UnsafeRawBufferPointer(start: base, count: size)
        let flags = MAP_PRIVATE | MAP_FIXED | MAP_POPULATE
        guard ferry_map_failed(mmap(base, size, PROT_READ, flags, descriptor, 0)) == 0 else {
            munmap(reserved, mapped)
            return nil
        }
    }

    deinit { munmap(memory, mapped) }
}
