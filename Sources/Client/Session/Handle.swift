internal import CLinux

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
        case array = 7
        /// A texture or surface reference.
        case reference = 8
        /// A function of the program that a stream calls.
        case hostFunction = 9
        case graph = 10
        case graphNode = 11
        case graphExec = 12
        // 13 and 14: what the server makes of graphs.
        case memoryPool = 15
        /// Something of the program that graphs keep alive.
        case userObject = 16
    }

    /// Indices are below this; 0 is never used.
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
/// Objects are values in an array that never moves: address space for the most of them is taken at
/// once, memory only as they come. A removed object's memory is used again, so a program that uses
/// a handle while it destroys it gets an error or the newer object, never a crash.
package struct HandleTable<Value>: ~Copyable {
    private struct Slot {
        /// 0 while there is no object; an array that was never touched holds zeros.
        var handle: UInt64
        var generation: UInt64
        var nextFree: Int
        var value: Value
    }

    private let kind: Handle.Kind
    private let slots: UnsafeMutableRawPointer
    /// Indices are taken modulo this plus one: all of them, or one without address space.
    private let mask: UInt64
    private var count = 1
    private var firstFree = -1

    /// An empty table for handles of this kind. Without address space nothing fits into it.
    package init(_ kind: Handle.Kind) {
        self.kind = kind
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let map = mmap(nil, Self.size, PROT_READ | PROT_WRITE, flags, -1, 0)
        if let map, ferry_map_failed(map) == 0 {
            slots = map
            mask = UInt64(Handle.maxIndex - 1)
        } else {
            slots = .allocate(byteCount: Self.stride, alignment: 16)
            mask = 0
        }
        slots.storeBytes(of: .max, as: UInt64.self)
    }

    deinit {
        if mask == 0 { slots.deallocate() } else { munmap(slots, Self.size) }
    }

    @inline(__always)
    private static var stride: Int { MemoryLayout<Slot>.stride }
    private static var size: Int { stride * Handle.maxIndex }

    /// The object with this handle.
    @inline(__always)
    package func find(_ handle: UInt64) -> UnsafeMutablePointer<Value>? {
        // The handle in the slot has kind and generation, too. In the first slot, where 0 leads, is
        // never an object, and something else than 0.
        let slot = slots + Self.stride &* Int(truncatingIfNeeded: handle >> 4 & mask)
        guard slot.load(as: UInt64.self) == handle else { return nil }
        return (slot + Self.valueOffset).assumingMemoryBound(to: Value.self)
    }

    @inline(__always)
    private static var valueOffset: Int {
        let alignment = MemoryLayout<Value>.alignment
        return (24 + alignment - 1) / alignment * alignment
    }

    /// Keeps an object and makes its handle; `nil` when there are `Handle.maxIndex` already.
    package mutating func insert(_ value: Value) -> UInt64? {
        if firstFree >= 0 {
            let index = firstFree
            let slot = slot(index)
            firstFree = slot.pointee.nextFree
            slot.pointee.generation += 1
            slot.pointee.value = value
            let handle = Handle.make(kind, index: index, generation: slot.pointee.generation)
            slot.pointee.handle = handle
            return handle
        }
        guard count < Handle.maxIndex, mask != 0 else { return nil }
        let index = count
        let handle = Handle.make(kind, index: index, generation: 0)
        let new = Slot(handle: handle, generation: 0, nextFree: -1, value: value)
        slot(index).initialize(to: new)
        count += 1
        return handle
    }

    /// Forgets an object.
    ///
    /// - Returns: The object, or `nil` when the handle names none.
    package mutating func remove(_ handle: UInt64) -> Value? {
        guard find(handle) != nil, let index = Handle.index(handle, kind) else { return nil }
        let slot = slot(index)
        slot.pointee.handle = 0
        slot.pointee.nextFree = firstFree
        firstFree = index
        return slot.pointee.value
    }

    /// Calls `body` for every object.
    package func forEach(_ body: (UInt64, UnsafeMutablePointer<Value>) -> Void) {
        for index in 1..<count {
            let handle = slot(index).pointee.handle
            if let value = find(handle) { body(handle, value) }
        }
    }

    private func slot(_ index: Int) -> UnsafeMutablePointer<Slot> {
        slots.assumingMemoryBound(to: Slot.self) + index
    }
}
