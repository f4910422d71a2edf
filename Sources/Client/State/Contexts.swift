internal import Driver
internal import Synchronization
internal import Wire

/// What is known of one context. Guarded by the session's object lock, but for `sticky`, which only
/// ever goes from 0 to an error.
struct ContextEntry {
    /// The handle; 0 when there is no such context.
    var handle: UInt64 = 0
    var device: Int32 = 0
    /// Whether calls can be made: created, or a primary context that is retained.
    var isActive = false
    /// How often a primary context is retained.
    var retainCount = 0
    var flags: UInt32 = 0
    /// First error of a kernel; stays until the context is reset or destroyed.
    var sticky: Int32 = 0
    /// Changes when a primary context is reset, so that its old objects are told apart.
    var generation: UInt64 = 0
}

/// The contexts of the process by the identifier that the wire uses: 1…64 the primary contexts of
/// devices 0…63, created ones above.
package struct Contexts: ~Copyable {
    /// Contexts at most, primary ones included; a power of two.
    static let capacity = 1024
    private let entries: UnsafeMutablePointer<ContextEntry>
    private var primaries: InlineArray<64, Int>
    private var created = WireFormat.maxDevices + 1

    init(_ devices: borrowing Devices) {
        entries = .allocate(capacity: Self.capacity)
        entries.initialize(repeating: ContextEntry(), count: Self.capacity)
        primaries = .init(repeating: 0)
        for device in 0..<devices.count {
            let identifier = Int(devices.serverOrdinal(device)) + 1
            entries[identifier].handle = Handle.make(.context, index: identifier, generation: 0)
            entries[identifier].device = device
            primaries[Int(device)] = identifier
        }
    }

    /// The entry of a handle, active or not.
    @inline(__always)
    func find(_ handle: UInt64) -> UnsafeMutablePointer<ContextEntry>? {
        guard let index = Handle.index(handle, .context), index < Self.capacity,
            entries[index].handle == handle
        else { return nil }
        return entries + index
    }

    /// The identifier of a context in which calls can be made, and a status if they cannot.
    @inline(__always)
    func usable(_ handle: UInt64) -> (UInt32, Int32) {
        // The handle in the entry has kind and generation, too.
        let index = Int(truncatingIfNeeded: handle >> 4) & (Self.capacity - 1)
        let entry = entries + index
        guard entry.pointee.handle == handle, handle != 0, entry.pointee.isActive else {
            return (0, Status.contextIsDestroyed)
        }
        return (UInt32(truncatingIfNeeded: index), entry.pointee.sticky)
    }

    /// Whether a context that is usable is the one with this handle.
    @inline(__always)
    func isEntry(_ identifier: UInt32, of handle: UInt64) -> Bool {
        entries[Int(identifier)].handle == handle
    }

    /// The identifier of a handle's context.
    func identifier(_ handle: UInt64) -> UInt32? {
        find(handle).map { UInt32($0 - entries) }
    }

    /// The primary context of a device.
    func primary(_ device: Int32) -> UnsafeMutablePointer<ContextEntry> {
        entries + primaries[Int(device)]
    }

    /// Remembers an error that stays with the context.
    func poison(_ identifier: UInt32, _ status: Int32) {
        guard identifier > 0, Int(identifier) < Self.capacity else { return }
        if entries[Int(identifier)].sticky == 0 { entries[Int(identifier)].sticky = status }
    }

    /// Makes room for a new context; `nil` when there are too many.
    mutating func create(device: Int32, flags: UInt32) -> UnsafeMutablePointer<ContextEntry>? {
        var index = WireFormat.maxDevices + 1
        while index < created, entries[index].handle != 0 { index += 1 }
        guard index < Self.capacity else { return nil }
        created = max(created, index + 1)
        let generation = entries[index].generation + 1
        let handle = Handle.make(.context, index: index, generation: generation)
        entries[index] = ContextEntry(
            handle: handle,
            device: device,
            isActive: true,
            flags: flags,
            generation: generation
        )
        return entries + index
    }

    /// Forgets a created context.
    func destroy(_ entry: UnsafeMutablePointer<ContextEntry>) {
        entry.pointee.handle = 0
        entry.pointee.isActive = false
    }

    /// A number that names the context and, for a primary one, its life between two resets.
    func life(_ handle: UInt64) -> UInt64 {
        guard let entry = find(handle) else { return 0 }
        return UInt64(entry - entries) << 32 | (entry.pointee.generation & 0xFFFF_FFFF)
    }
}
