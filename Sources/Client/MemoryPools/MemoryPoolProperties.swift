internal import Driver
internal import DriverFrontend
internal import Wire

/// `CUmemPoolProps` without what only Windows has.
struct MemoryPoolProperties {
    /// The device attribute that says whether a GPU has pools.
    static let areSupported: Int32 = 115
    static let gpu: Int32 = 1
    private static let pinned: Int32 = 1
    private static let managed: Int32 = 2

    private var kind: Int32
    /// By which memory shall be shared with other processes; 0 for none.
    private var handleTypes: Int32
    var location: Location
    /// Bytes; 0 for no bound.
    private var most: UInt64
    private var usage: UInt16

    init(_ pointer: UnsafeRawPointer) {
        kind = pointer.loadUnaligned(as: Int32.self)
        handleTypes = pointer.loadUnaligned(fromByteOffset: 4, as: Int32.self)
        location = Location(pointer + 8)
        most = pointer.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
        usage = pointer.loadUnaligned(fromByteOffset: 32, as: UInt16.self)
    }

    /// The status that refuses such a pool; "success" when it can be made.
    func problem(_ state: UnsafeMutablePointer<SessionState>) -> Int32 {
        let problem = Self.problem(kind: kind)
        guard problem == Status.success else { return problem }
        guard location.kind == Self.gpu, handleTypes == 0 else {
            Log.notSupported("memory pools of other places than GPUs, or shared between processes")
            return Status.notSupported
        }
        return location.isKnown(state) ? Status.success : Status.invalidDevice
    }

    /// The same about a kind of memory.
    static func problem(kind: Int32) -> Int32 {
        switch kind {
        case pinned: return Status.success
        case managed:
            Log.notSupported("pools of managed memory")
            return Status.notSupported
        default: return Status.invalidValue
        }
    }

    /// Writes all but the handle.
    func write(_ state: UnsafeMutablePointer<SessionState>, to body: UnsafeMutableRawPointer) {
        body.storeBytes(of: most, toByteOffset: MemoryPoolLayout.mostBytes, as: UInt64.self)
        body.storeBytes(of: kind, toByteOffset: MemoryPoolLayout.kind, as: Int32.self)
        body.storeBytes(of: UInt32(usage), toByteOffset: MemoryPoolLayout.usage, as: UInt32.self)
        location.write(state, to: body + MemoryPoolLayout.location)
    }
}
