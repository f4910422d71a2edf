internal import CLinux
internal import Wire

/// `CUmemLocation`: where memory is. GPUs are numbered as the program sees them, on the wire as the server
/// does.
struct Location {
    /// A `CUmemLocationType`: 1 a GPU.
    var kind: Int32
    var number: Int32

    private static let gpu: Int32 = 1

    /// Reads one, in the program's memory or of the wire.
    init(_ pointer: UnsafeRawPointer) {
        kind = pointer.loadUnaligned(as: Int32.self)
        number = pointer.loadUnaligned(fromByteOffset: 4, as: Int32.self)
    }

    /// Whether it is a GPU of the program's, or none.
    func isKnown(_ state: UnsafeMutablePointer<SessionState>) -> Bool {
        kind != Self.gpu || state.pointee.devices.contains(number)
    }

    /// The same for the server.
    func forServer(_ state: UnsafeMutablePointer<SessionState>) -> Location {
        var copy = self
        if kind == Self.gpu { copy.number = state.pointee.devices.serverOrdinal(number) }
        return copy
    }

    /// The same for the program; a GPU that it does not see becomes its first.
    func forProgram(_ state: UnsafeMutablePointer<SessionState>) -> Location {
        var copy = self
        guard kind == Self.gpu else { return copy }
        copy.number = 0
        for device in 0..<state.pointee.devices.count
        where state.pointee.devices.serverOrdinal(device) == number {
            copy.number = device
        }
        return copy
    }

    /// Writes it for the server.
    func write(
        _ state: UnsafeMutablePointer<SessionState>,
        to body: UnsafeMutableRawPointer
    ) {
        forServer(state).write(to: body)
    }

    func write(to memory: UnsafeMutableRawPointer) {
        memory.storeBytes(of: kind, as: Int32.self)
        memory.storeBytes(of: number, toByteOffset: 4, as: Int32.self)
    }
}

/// A program's list of `CUmemAccessDesc`: places, and how they may use memory.
struct AccessDescriptions {
    private static let flags = 8
    private static let size = 12

    private let first: UnsafeRawPointer
    private let count: Int

    /// - Parameter count: At most `VirtualMemoryLayout.maxLocations`.
    init(_ first: UnsafeRawPointer, _ count: Int) {
        self.first = first
        self.count = count
    }

    /// Whether all GPUs in it are the program's.
    func areKnown(_ state: UnsafeMutablePointer<SessionState>) -> Bool {
        for index in 0..<count where !Location(first + Self.size * index).isKnown(state) {
            return false
        }
        return true
    }

    /// Bytes on the wire.
    var wireSize: Int { count * VirtualMemoryLayout.locationSize }

    /// Writes it for the server.
    func write(_ state: UnsafeMutablePointer<SessionState>, to body: UnsafeMutableRawPointer) {
        for index in 0..<count {
            let from = first + Self.size * index
            let to = body + index * VirtualMemoryLayout.locationSize
            Location(from).write(state, to: to)
            let flags = from.loadUnaligned(fromByteOffset: Self.flags, as: UInt32.self)
            to.storeBytes(of: UInt64(flags), toByteOffset: 8, as: UInt64.self)
        }
    }
}

/// `CUmemAllocationProp` without what only Windows has.
struct AllocationProperties {
    private var kind: Int32
    /// By which the memory shall be shared with other processes; 0 for none.
    var handleTypes: Int32
    var location: Location
    /// Compression, GPUDirect, usage.
    private var flags: UInt64

    private enum CUDA {
        static let location = 8
        static let flags = 24
        static let size = 32
    }

    /// Reads the program's.
    init(cuda pointer: UnsafeRawPointer) {
        kind = pointer.loadUnaligned(as: Int32.self)
        handleTypes = pointer.loadUnaligned(fromByteOffset: 4, as: Int32.self)
        location = Location(pointer + CUDA.location)
        flags = pointer.loadUnaligned(fromByteOffset: CUDA.flags, as: UInt64.self)
    }

    /// Reads the wire's.
    init(wire pointer: UnsafeRawPointer) {
        kind = pointer.loadUnaligned(as: Int32.self)
        handleTypes = pointer.loadUnaligned(fromByteOffset: 4, as: Int32.self)
        location = Location(pointer + 8)
        flags = pointer.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
    }

    /// With the server's numbers.
    func forServer(_ state: UnsafeMutablePointer<SessionState>) -> AllocationProperties {
        var copy = self
        copy.location = location.forServer(state)
        return copy
    }

    /// Writes `VirtualMemoryLayout.propertiesSize` bytes.
    func write(to body: UnsafeMutableRawPointer) {
        body.storeBytes(of: kind, as: Int32.self)
        body.storeBytes(of: handleTypes, toByteOffset: 4, as: Int32.self)
        location.write(to: body + 8)
        body.storeBytes(of: flags, toByteOffset: 16, as: UInt64.self)
    }

    /// Writes the program's structure.
    func write(
        _ state: UnsafeMutablePointer<SessionState>,
        asCUDA memory: UnsafeMutableRawPointer
    ) {
        memset(memory, 0, CUDA.size)
        memory.storeBytes(of: kind, as: Int32.self)
        memory.storeBytes(of: handleTypes, toByteOffset: 4, as: Int32.self)
        location.forProgram(state).write(to: memory + CUDA.location)
        memory.storeBytes(of: flags, toByteOffset: CUDA.flags, as: UInt64.self)
    }
}
