/// Numbers of `CUmemPool_attribute`; 1 to 3 say where memory may be used again.
package enum MemoryPoolAttribute {
    package static let releaseThreshold: Int32 = 4
    package static let reservedNow: Int32 = 5
    package static let reservedMost: Int32 = 6
    package static let takenNow: Int32 = 7
    package static let takenMost: Int32 = 8
    package static let allocationType: Int32 = 9
    package static let handleTypes: Int32 = 10
    package static let locationNumber: Int32 = 11
    package static let locationType: Int32 = 12
    package static let size: Int32 = 13
    package static let decompresses: Int32 = 14
    /// All that CUDA 13.5 has. Their values have 4 or 8 bytes.
    package static let all: ClosedRange<Int32> = 1...15

    /// Whether the value has 8 bytes instead of 4.
    package static func isLong(_ attribute: Int32) -> Bool {
        (releaseThreshold...takenMost).contains(attribute) || attribute == size
    }
}
