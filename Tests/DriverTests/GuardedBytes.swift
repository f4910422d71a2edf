import Glibc

/// Bytes at the end of a page behind which nothing can be read: a read past the end ends the test.
struct GuardedBytes {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Calls `body` with the address of a copy.
    func use<R>(_ body: (UnsafeRawPointer) throws -> R) throws -> R {
        let page = 4096
        let room = (bytes.count + page - 1) / page * page
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        guard let base = mmap(nil, room + page, PROT_READ | PROT_WRITE, flags, -1, 0),
            base != MAP_FAILED
        else { preconditionFailure("no memory for a test") }
        defer { munmap(base, room + page) }
        mprotect(base + room, page, PROT_NONE)
        let start = base + room - bytes.count
        bytes.withUnsafeBytes {
            if let from = $0.baseAddress { start.copyMemory(from: from, byteCount: $0.count) }
        }
        return try body(UnsafeRawPointer(start))
    }
}

/// A small random generator with a fixed course.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
