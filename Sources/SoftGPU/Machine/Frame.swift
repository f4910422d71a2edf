import CLanes

/// A running call: the registers of the lanes that made it together.
struct Frame {
    var registers: UnsafeMutableRawPointer
    var code: UnsafeMutablePointer<CodeImage>
    /// The caller; nil for the kernel itself.
    var parent: UnsafeMutablePointer<Frame>?
    /// Where the caller goes on, and the call it made.
    var returnPC: Int32
    var site: UnsafeMutablePointer<CallSite>?
    var depth: Int32
    /// Lanes that have not returned.
    var live: UInt32
    /// Local memory: where this call's variables start, and the first free byte.
    var localBase: UInt64
    var localTop: UInt64
    /// Which free list the memory goes back to.
    var sizeClass: Int32
}

/// Memory of frames, by size class; used by one thread at a time.
struct FramePool {
    private var free: [[UnsafeMutableRawPointer]] = Array(repeating: [], count: 40)
    /// Every piece of memory, free or in use.
    private var owned: [UnsafeMutableRawPointer] = []
    private var bytes = 0
    /// Bytes that calls of one host thread may take in all.
    private let limit: Int

    init(limit: Int = 512 << 20) { self.limit = limit }

    /// A frame for `code`, registers uninitialised but for the template; nil beyond the limit.
    mutating func take(
        _ code: UnsafeMutablePointer<CodeImage>
    ) -> UnsafeMutablePointer<Frame>? {
        let header = (MemoryLayout<Frame>.stride + 63) & ~63
        let size = header + Int(code.pointee.frameBytes)
        let sizeClass = Int.bitWidth - (size - 1).leadingZeroBitCount
        guard sizeClass < free.count else { return nil }
        let memory: UnsafeMutableRawPointer
        if let reused = free[sizeClass].popLast() {
            memory = reused
        } else {
            guard bytes + (1 << sizeClass) <= limit else { return nil }
            bytes += 1 << sizeClass
            memory = .allocate(byteCount: 1 << sizeClass, alignment: 64)
            memory.initializeMemory(as: UInt8.self, repeating: 0, count: 1 << sizeClass)
            owned.append(memory)
        }
        let registers = memory + header
        let image = code.pointee
        registers.copyMemory(from: image.template, byteCount: Int(image.templateBytes))
        let frame = memory.bindMemory(to: Frame.self, capacity: 1)
        frame.initialize(
            to: Frame(
                registers: registers,
                code: code,
                parent: nil,
                returnPC: 0,
                site: nil,
                depth: 0,
                live: 0,
                localBase: 0,
                localTop: 0,
                sizeClass: Int32(sizeClass)
            )
        )
        return frame
    }

    /// Takes a frame back.
    mutating func give(_ frame: UnsafeMutablePointer<Frame>) {
        free[Int(frame.pointee.sizeClass)].append(UnsafeMutableRawPointer(frame))
    }

    /// Returns all memory to the system, that of calls which never returned too.
    mutating func removeAll() {
        for memory in owned { memory.deallocate() }
        owned.removeAll()
        for k in free.indices { free[k].removeAll() }
        bytes = 0
    }
}
