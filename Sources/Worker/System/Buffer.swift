internal import CLinux

/// Bytes that grow, for replies and queues. Not thread-safe.
struct Buffer: ~Copyable {
    private(set) var base: UnsafeMutableRawPointer
    private(set) var count = 0
    private var capacity: Int

    init(capacity: Int = 4096) {
        self.capacity = capacity
        base = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// Room for `size` more bytes, zeroed, which count as content from now on.
    mutating func extend(_ size: Int) -> UnsafeMutableRawPointer {
        reserve(size)
        let start = base + count
        memset(start, 0, size)
        count += size
        return start
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        reserve(bytes.count)
        memcpy(base + count, source, bytes.count)
        count += bytes.count
    }

    /// Keeps the first `size` bytes.
    mutating func truncate(_ size: Int) { count = min(count, size) }

    /// Forgets the content; gives memory back beyond `keeping` bytes.
    mutating func clear(keeping: Int = 1 << 16) {
        count = 0
        guard capacity > keeping else { return }
        base.deallocate()
        capacity = keeping
        base = .allocate(byteCount: keeping, alignment: 16)
    }

    private mutating func reserve(_ size: Int) {
        guard size > capacity - count else { return }
        let larger = max(capacity * 2, count + size)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        memcpy(memory, base, count)
        base.deallocate()
        base = memory
        capacity = larger
    }
}
