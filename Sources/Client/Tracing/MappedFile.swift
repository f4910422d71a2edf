internal import CLinux

/// A file of a fixed size that stays mapped for the life of the process.
struct MappedFile {
    /// Where it is mapped.
    let address: UnsafeMutableRawPointer
    private let descriptor: Int32

    /// Makes `FOLDER/PID.SUFFIX`, all zeros; `nil` when that is not possible.
    static func make(
        _ folder: InlineArray<256, CChar>,
        suffix: StaticString,
        size: Int
    ) -> MappedFile? {
        var path: InlineArray<320, CChar> = .init(repeating: 0)
        let fits = withUnsafeMutableBytes(of: &path) { path in
            withUnsafeBytes(of: folder) { folder in
                let name = suffix.utf8Start
                return ferry_format_path(path.baseAddress, 320, folder.baseAddress, getpid(), name)
            }
        }
        guard fits != 0 else { return nil }
        let descriptor = withUnsafeBytes(of: path) { path -> Int32 in
            guard let base = path.baseAddress else { return -1 }
            let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
            return ferry_open(base.assumingMemoryBound(to: CChar.self), flags, 0o600)
        }
        guard descriptor >= 0 else { return nil }
        guard ftruncate(descriptor, size) == 0,
            let map = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
            ferry_map_failed(map) == 0
        else {
            _ = close(descriptor)
            return nil
        }
        return MappedFile(address: map, descriptor: descriptor)
    }

    /// Takes space for a part of it. Writing to a part that has none would end the process when the
    /// file system is full.
    func reserve(from offset: Int, bytes: Int) -> Bool {
        posix_fallocate(descriptor, offset, bytes) == 0
    }

    /// Gives it back; what was written stays in the file.
    func unmap(_ size: Int) {
        munmap(address, size)
        _ = close(descriptor)
    }
}
