internal import CUDAABI
internal import Wire

/// Places and how they may use memory, at the end of a record.
struct AccessDescriptions {
    private let record: Record
    private let offset: Int
    private let count: Int

    /// Reads them from an offset of the body on.
    ///
    /// - Throws: When there are none or too many, or the record ends in the middle of one.
    init(_ record: Record, at offset: Int) throws(ProtocolViolation) {
        let bytes = record.body.count - offset
        guard bytes > 0, bytes % VirtualMemoryLayout.locationSize == 0,
            bytes <= VirtualMemoryLayout.maxLocations * VirtualMemoryLayout.locationSize
        else { throw .malformed(record.opcode) }
        self.record = record
        self.offset = offset
        count = bytes / VirtualMemoryLayout.locationSize
    }

    /// Calls `body` with so many `CUmemAccessDesc`.
    func withCUDA(_ body: (OpaquePointer?, Int) -> CUresult) -> CUresult {
        // i32 kind of location, i32 its number, u32 flags
        withUnsafeTemporaryAllocation(of: (Int32, Int32, UInt32).self, capacity: count) { list in
            for index in 0..<count {
                let each = offset + index * VirtualMemoryLayout.locationSize
                list.initializeElement(
                    at: index,
                    to: (
                        record.load(each, as: Int32.self), record.load(each + 4, as: Int32.self),
                        record.load(each + 8, as: UInt32.self)
                    )
                )
            }
            return body(list.baseAddress.map { OpaquePointer($0) }, count)
        }
    }
}

/// `CUmemLocation`: i32 kind, i32 number.
enum MemoryLocation {
    /// The number of the GPU that it is; `nil` for any other place.
    static func gpu(_ location: UInt64) -> Int32? {
        let number = Int32(truncatingIfNeeded: location >> 32)
        return UInt32(truncatingIfNeeded: location) == 1 && number >= 0 ? number : nil
    }
}
