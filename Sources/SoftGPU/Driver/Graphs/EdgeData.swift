internal import Driver

/// `CUgraphEdgeData`: when a dependency holds. Kept and given back; whatever it says, a node begins
/// when those before it are done, which fulfils every kind.
struct EdgeData: Equatable {
    /// What a dependency is when nothing is said.
    static let plain = EdgeData()
    /// Bytes of the structure.
    static let size = 8

    var fromPort: UInt8 = 0
    var toPort: UInt8 = 0
    /// 0 default, 1 programmatic.
    var type: UInt8 = 0

    init() {}

    /// Reads and checks one of an array of the program.
    ///
    /// - Parameter list: The array; `nil` means that all are plain.
    init(_ list: OpaquePointer?, at index: Int) throws(Failure) {
        guard let list else { return }
        let bytes = UnsafeRawBufferPointer(
            start: UnsafeRawPointer(list) + index * Self.size,
            count: Self.size
        )
        (fromPort, toPort, type) = (bytes[0], bytes[1], bytes[2])
        guard fromPort <= 2, toPort == 0, type <= 1, bytes[3...].allSatisfy({ $0 == 0 }),
            // The programmatic kind goes with the ports that only kernels have.
            (type == 1) == (fromPort != 0)
        else { throw .invalidValue }
    }

    /// Writes it into an array of the program.
    func write(to list: OpaquePointer, at index: Int) {
        let bytes = UnsafeMutableRawBufferPointer(
            start: UnsafeMutableRawPointer(list) + index * Self.size,
            count: Self.size
        )
        for position in bytes.indices { bytes[position] = 0 }
        (bytes[0], bytes[1], bytes[2]) = (fromPort, toPort, type)
    }
}
