/// Handles that the client makes for everything the program creates (rule 3 of the data plane).
///
/// A handle looks like an address that is never mapped: bits 4–27 index, 28–39 generation,
/// 40–45 kind, bit 46 set. The low four bits are 0, because programs keep marks there.
package enum Handle {
    /// What a handle names.
    package enum Kind: UInt64, Sendable {
        case stream = 1
        case event = 2
        case image = 3
        case link = 4
        case context = 5
        case function = 6
    }

    /// Handles of one kind at most.
    package static let maxIndex = 1 << 20

    /// A handle of these parts.
    @inline(__always)
    package static func make(_ kind: Kind, index: Int, generation: UInt64) -> UInt64 {
        1 << 46 | kind.rawValue << 40 | (generation & 0xFFF) << 28 | UInt64(index) << 4
    }

    /// The index in a handle of this kind; `nil` for anything else.
    @inline(__always)
    package static func index(_ handle: UInt64, _ kind: Kind) -> Int? {
        guard handle >> 40 == 1 << 6 | kind.rawValue, handle & 0xF == 0 else { return nil }
        return Int(handle >> 4 & 0xFF_FFFF)
    }
}

/// Objects of one kind by handle.
///
/// Looking up takes no lock and may run beside `insert` and `remove`, which the caller serialises.
/// Objects are values in blocks that never move; a removed object's memory is used again, so a
/// program that uses a handle while it destroys it gets an error or the newer object, never a
/// crash.
package struct HandleTable<Value>: ~Copyable {
    private struct Slot {
        var handle: UInt64
        var generation: UInt64
        var nextFree: Int
        var value: Value
    }

    private static var blockSize: Int { 1024 }
    private let kind: Handle.Kind
    private let blocks: UnsafeMutablePointer<UnsafeMutablePointer<Slot>?>
    private var count = 0
    private var firstFree = -1

    /// An empty table for handles of this kind.
    package init(_ kind: Handle.Kind) {
        self.kind = kind
        blocks = .allocate(capacity: Handle.maxIndex / Self.blockSize)
        blocks.initialize(repeating: nil, count: Handle.maxIndex / Self.blockSize)
    }

    /// The object with this handle.
    @inline(__always)
    package func find(_ handle: UInt64) -> UnsafeMutablePointer<Value>? {
        guard let index = Handle.index(handle, kind), index < count,
            let slot = slot(index), slot.pointee.handle == handle
        else { return nil }
        return UnsafeMutableRawPointer(slot)
            .advanced(by: Self.valueOffset).assumingMemoryBound(to: Value.self)
    }

    private static var valueOffset: Int {
        let alignment = MemoryLayout<Value>.alignment
        return (24 + alignment - 1) / alignment * alignment
    }

    /// Keeps an object and makes its handle; `nil` when there are `Handle.maxIndex` already.
    package mutating func insert(_ value: Value) -> UInt64? {
        if firstFree >= 0, let slot = slot(firstFree) {
            let index = firstFree
            firstFree = slot.pointee.nextFree
            slot.pointee.generation += 1
            slot.pointee.value = value
            let handle = Handle.make(kind, index: index, generation: slot.pointee.generation)
            slot.pointee.handle = handle
            return handle
        }
        guard count < Handle.maxIndex else { return nil }
        let index = count
        if index % Self.blockSize == 0 {
            blocks[index / Self.blockSize] = .allocate(capacity: Self.blockSize)
        }
        guard let block = blocks[index / Self.blockSize] else { return nil }
        let handle = Handle.make(kind, index: index, generation: 0)
        let slot = Slot(handle: handle, generation: 0, nextFree: -1, value: value)
        (block + index % Self.blockSize).initialize(to: slot)
        count += 1
        return handle
    }

    /// Forgets an object.
    ///
    /// - Returns: The object, or `nil` when the handle names none.
    package mutating func remove(_ handle: UInt64) -> Value? {
        guard let index = Handle.index(handle, kind), index < count,
            let slot = slot(index), slot.pointee.handle == handle
        else { return nil }
        slot.pointee.handle = 0
        slot.pointee.nextFree = firstFree
        firstFree = index
        return slot.pointee.value
    }

    /// Calls `body` for every object.
    package func forEach(_ body: (UInt64, UnsafeMutablePointer<Value>) -> Void) {
        for index in 0..<count {
            guard let slot = slot(index), slot.pointee.handle != 0,
                let value = find(slot.pointee.handle)
            else { continue }
            body(slot.pointee.handle, value)
        }
    }

    @inline(__always)
    private func slot(_ index: Int) -> UnsafeMutablePointer<Slot>? {
        guard let block = blocks[index / Self.blockSize] else { return nil }
        return block + index % Self.blockSize
    }
}
