internal import CLinux

/// Objects of one kind by the handles that the client made for them (rule 3 of the data plane).
///
/// Arrays only: the index is part of the handle, and the whole handle, generation and kind
/// included, must be the one that was inserted. Used by the reader thread alone; lives as long as
/// the process.
struct HandleTable<Value: BitwiseCopyable>: @unchecked Sendable {
    private struct Slot {
        var handle: UInt64
        var context: UInt32
        var value: Value
    }

    /// Objects of one kind at most. A client that spreads its indices takes 1024 blocks of 1024.
    static var capacity: Int { 1 << 20 }
    private static var blockSize: Int { 1024 }

    private let kind: UInt64
    private let blocks: UnsafeMutablePointer<UnsafeMutablePointer<Slot>?>

    /// An empty table for handles with this kind in bits 40–45.
    init(kind: UInt64) {
        self.kind = kind
        blocks = .allocate(capacity: Self.capacity / Self.blockSize)
        blocks.initialize(repeating: nil, count: Self.capacity / Self.blockSize)
    }

    @inline(__always)
    private static func index(_ handle: UInt64) -> Int { Int(handle >> 4 & 0xFF_FFFF) }

    /// The object of this handle.
    @inline(__always)
    func find(_ handle: UInt64) -> Value? { entry(handle)?.pointee }

    /// Where the object of this handle is kept, until it is removed.
    @inline(__always)
    func entry(_ handle: UInt64) -> UnsafeMutablePointer<Value>? {
        guard let slot = slot(handle) else { return nil }
        return withUnsafeMutablePointer(to: &slot.pointee.value) { $0 }
    }

    /// The context of the object of this handle.
    func context(_ handle: UInt64) -> UInt32? { slot(handle)?.pointee.context }

    @inline(__always)
    private func slot(_ handle: UInt64) -> UnsafeMutablePointer<Slot>? {
        let index = Self.index(handle)
        guard index < Self.capacity, handle != 0, let block = blocks[index / Self.blockSize],
            block[index % Self.blockSize].handle == handle
        else { return nil }
        return block + index % Self.blockSize
    }

    /// Whether an object can be inserted under this handle: it has the right form, and its index
    /// is free.
    func accepts(_ handle: UInt64) -> Bool {
        let index = Self.index(handle)
        guard handle >> 40 == 1 << 6 | kind, handle & 0xF == 0, index < Self.capacity else {
            return false
        }
        guard let block = blocks[index / Self.blockSize] else { return true }
        return block[index % Self.blockSize].handle == 0
    }

    /// Keeps an object under a handle that `accepts` said yes to.
    func insert(_ handle: UInt64, _ value: Value, context: UInt32) {
        guard accepts(handle) else { return }
        let index = Self.index(handle)
        let block = blocks[index / Self.blockSize] ?? addBlock(index / Self.blockSize)
        block[index % Self.blockSize] = Slot(handle: handle, context: context, value: value)
    }

    /// Forgets the object of this handle, if there is one.
    func remove(_ handle: UInt64) {
        guard find(handle) != nil, let block = blocks[Self.index(handle) / Self.blockSize] else {
            return
        }
        block[Self.index(handle) % Self.blockSize].handle = 0
    }

    /// Forgets all objects of a context that is no more, after `body` was called with each.
    func removeAll(context: UInt32, _ body: (Value) -> Void = { _ in }) {
        for blockIndex in 0..<(Self.capacity / Self.blockSize) {
            guard let block = blocks[blockIndex] else { continue }
            for index in 0..<Self.blockSize
            where block[index].handle != 0 && block[index].context == context {
                body(block[index].value)
                block[index].handle = 0
            }
        }
    }

    private func addBlock(_ index: Int) -> UnsafeMutablePointer<Slot> {
        let block = UnsafeMutablePointer<Slot>.allocate(capacity: Self.blockSize)
        // Handles of 0: nobody looks at a value before it is inserted.
        memset(block, 0, MemoryLayout<Slot>.stride * Self.blockSize)
        blocks[index] = block
        return block
    }
}
