internal import CUDAABI

/// An array that the client has made.
struct ArrayEntry: BitwiseCopyable {
    var array: CUarray?
    /// Bytes that count against the slice of the device.
    var charge: UInt64
    var device: Int32
}

/// Arrays by the client's handles. Used by the reader thread alone; lives as long as the process.
struct ArrayTable: Sendable {
    let entries = HandleTable<ArrayEntry>(kind: 7)

    /// The driver's array.
    func find(_ handle: UInt64) -> CUarray?? {
        guard let entry = entries.find(handle) else { return nil }
        return .some(entry.array)
    }
}

/// A texture or surface reference of a module.
struct ReferenceEntry: BitwiseCopyable {
    var reference: OpaquePointer?
    var isSurface: Bool
}

/// The references of one of the two kinds, of which the table holds both.
struct ReferenceView: Sendable {
    let entries: HandleTable<ReferenceEntry>
    let isSurface: Bool

    /// The driver's reference.
    func find(_ handle: UInt64) -> OpaquePointer?? {
        guard let entry = entries.find(handle), entry.isSurface == isSurface else { return nil }
        return .some(entry.reference)
    }
}
