internal import CUDAABI

/// A kernel of a loaded image.
struct FunctionEntry: BitwiseCopyable {
    /// A `CUfunction`, or a `CUkernel`, which the driver takes in its place.
    var function: CUfunction?
    var isKernel: Bool
    var parameterCount: Int
    /// Where the last parameter ends, in bytes.
    var parameterBytes: Int
    /// Offset of each parameter, in bytes. Owned by the table.
    var offsets: UnsafeMutablePointer<Int>
}

/// Functions by the 32-bit identifiers that the worker gives: bits 0–19 index, 20–31 generation.
///
/// Used by the reader thread alone; lives as long as the process.
struct FunctionTable: @unchecked Sendable {
    private struct Slot {
        var entry: FunctionEntry
        var identifier: UInt32 = 0
        var generation: UInt32 = 0
    }

    private struct State {
        var count = 0
        var free: [Int] = []
    }

    /// Functions at most, of all images together.
    static let capacity = 1 << 20
    private static let blockSize = 1024
    private let blocks: UnsafeMutablePointer<UnsafeMutablePointer<Slot>?>
    private let state: UnsafeMutablePointer<State>
    private let noOffsets = UnsafeMutablePointer<Int>.allocate(capacity: 1)

    init() {
        blocks = .allocate(capacity: Self.capacity / Self.blockSize)
        blocks.initialize(repeating: nil, count: Self.capacity / Self.blockSize)
        state = .allocate(capacity: 1)
        state.initialize(to: State())
    }

    /// The function with this identifier.
    @inline(__always)
    func entry(_ identifier: UInt32) -> UnsafePointer<FunctionEntry>? {
        let index = Int(identifier & 0xF_FFFF)
        guard identifier != 0, let block = blocks[index / Self.blockSize],
            block[index % Self.blockSize].identifier == identifier
        else { return nil }
        // The entry is the slot's first member.
        return UnsafeRawPointer(block + index % Self.blockSize)
            .assumingMemoryBound(to: FunctionEntry.self)
    }

    /// The driver's function, for calls that carry the identifier as a handle.
    func find(_ handle: UInt64) -> CUfunction?? {
        guard let identifier = UInt32(exactly: handle), let entry = entry(identifier) else {
            return nil
        }
        return .some(entry.pointee.function)
    }

    /// The first function that `body` says yes to.
    func first(where body: (FunctionEntry) -> Bool) -> (UInt32, FunctionEntry)? {
        for index in 0..<state.pointee.count {
            guard let block = blocks[index / Self.blockSize] else { continue }
            let slot = block[index % Self.blockSize]
            if slot.identifier != 0, body(slot.entry) { return (slot.identifier, slot.entry) }
        }
        return nil
    }

    /// Keeps a function; `nil` when there are too many.
    func insert(_ entry: FunctionEntry) -> UInt32? {
        let index: Int
        if let free = state.pointee.free.popLast() {
            index = free
        } else {
            guard state.pointee.count < Self.capacity else { return nil }
            index = state.pointee.count
            state.pointee.count += 1
        }
        let block = blocks[index / Self.blockSize] ?? addBlock(index / Self.blockSize)
        let slot = block + index % Self.blockSize
        // Generation 0 is left out, so that no identifier is 0.
        slot.pointee.generation = slot.pointee.generation % 0xFFF + 1
        slot.pointee.identifier = slot.pointee.generation << 20 | UInt32(index)
        slot.pointee.entry = entry
        return slot.pointee.identifier
    }

    /// Forgets a function and frees what its entry owns.
    func remove(_ identifier: UInt32) {
        guard let entry = entry(identifier) else { return }
        entry.pointee.offsets.deallocate()
        let index = Int(identifier & 0xF_FFFF)
        guard let block = blocks[index / Self.blockSize] else { return }
        block[index % Self.blockSize].identifier = 0
        state.pointee.free.append(index)
    }

    private func addBlock(_ index: Int) -> UnsafeMutablePointer<Slot> {
        let block = UnsafeMutablePointer<Slot>.allocate(capacity: Self.blockSize)
        // Never read before an entry is stored, because no identifier is 0.
        let none = FunctionEntry(
            function: nil,
            isKernel: false,
            parameterCount: 0,
            parameterBytes: 0,
            offsets: noOffsets
        )
        block.initialize(repeating: Slot(entry: none), count: Self.blockSize)
        blocks[index] = block
        return block
    }
}
