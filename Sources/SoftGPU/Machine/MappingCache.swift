import CLinux

/// Memory straight from the system.
struct Mapping {
    let start: UnsafeMutableRawPointer
    let bytes: Int
}

/// Keeps one mapping for the next launch, because new pages are dear. Used by one thread at a time.
final class MappingCache {
    /// Larger ones go back to the system at once.
    private static let mostKept = 64 << 20
    private var kept: Mapping?

    deinit {
        if let kept { munmap(kept.start, kept.bytes) }
    }

    /// At least `bytes`, page-aligned, with undefined contents; nil when the system has none.
    func take(_ bytes: Int) -> Mapping? {
        if let found = kept, found.bytes >= bytes {
            kept = nil
            return found
        }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard
            let start = mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0),
            ferry_map_failed(start) == 0
        else { return nil }
        return Mapping(start: start, bytes: bytes)
    }

    /// Takes a mapping back; the larger of it and the kept one stays.
    func give(_ mapping: Mapping) {
        guard mapping.bytes <= Self.mostKept, mapping.bytes > (kept?.bytes ?? 0) else {
            munmap(mapping.start, mapping.bytes)
            return
        }
        if let kept { munmap(kept.start, kept.bytes) }
        kept = mapping
    }
}
