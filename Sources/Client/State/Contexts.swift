internal import Driver
internal import Synchronization
internal import Wire

/// What is known of one context. Guarded by the session's object lock, but for `sticky`, which only
/// ever goes from 0 to an error.
struct ContextEntry {
    /// The handle; 0 when there is no such context.
    fileprivate(set) var handle: UInt64 = 0
    fileprivate(set) var device: Int32 = 0
    /// Whether calls can be made: created, or a primary context that is retained.
    fileprivate(set) var isActive = false
    /// How often a primary context is retained.
    var retainCount = 0
    var flags: UInt32 = 0
    /// First error of a kernel; stays until the context is reset or destroyed.
    fileprivate(set) var sticky: Int32 = 0
    /// Changes when a primary context is reset, so that its old objects are told apart.
    fileprivate(set) var generation: UInt64 = 0
}

/// The contexts of the process by the identifier that the wire uses: 1…64 the primary contexts of
/// devices 0…63, created ones above.
package struct Contexts: ~Copyable {
    /// Contexts at most, primary ones included; a power of two.
    static let capacity = 1024
    private let entries: UnsafeMutablePointer<ContextEntry>
    /// The handle of each context in which calls can be made, else `none`: what the hot paths compare
    /// with.
    private let usables: UnsafeMutablePointer<UInt64>
    /// No handle has this value.
    private static let none = UInt64.max
    private var primaries: InlineArray<64, Int>
    private var created = WireFormat.maxDevices + 1
    /// Why calls must not go the short way.
    struct Watchers: OptionSet {
        var rawValue: UInt8

        /// Captures are going on.
        static let captures = Watchers(rawValue: 1)
        /// The program has managed memory.
        static let managedMemory = Watchers(rawValue: 2)
    }

    private var watchers: Watchers = []
    private var isWatched: Bool { !watchers.isEmpty }

    init(_ devices: borrowing Devices) {
        entries = .allocate(capacity: Self.capacity)
        entries.initialize(repeating: ContextEntry(), count: Self.capacity)
        usables = .allocate(capacity: Self.capacity)
        usables.initialize(repeating: Self.none, count: Self.capacity)
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

    /// The identifier of a context in which calls can be made; `nil` for any other, and for 0.
    @inline(__always)
    func usable(_ handle: UInt64) -> UInt32? {
        // The handle in the entry has kind and generation, too.
        let index = Int(truncatingIfNeeded: handle >> 4) & (Self.capacity - 1)
        guard usables[index] == handle else { return watched(handle) }
        return UInt32(truncatingIfNeeded: index)
    }

    /// The same while contexts are watched.
    @inline(never)
    private func watched(_ handle: UInt64) -> UInt32? {
        guard isWatched, let entry = find(handle), isOpen(entry) else { return nil }
        return UInt32(truncatingIfNeeded: entry - entries)
    }

    /// The identifier of a handle's context if calls can be made in it without looking at captures and managed memory.
    @inline(__always)
    func unwatched(_ handle: UInt64) -> UInt32? {
        let index = Int(truncatingIfNeeded: handle >> 4) & (Self.capacity - 1)
        guard usables[index] == handle else { return nil }
        return UInt32(truncatingIfNeeded: index)
    }

    private func isOpen(_ entry: UnsafeMutablePointer<ContextEntry>) -> Bool {
        entry.pointee.isActive && entry.pointee.sticky == 0
    }

    /// Hides all contexts from the hot paths, or shows them again if nothing else hides them.
    mutating func watch(_ isWatched: Bool, for reason: Watchers) {
        if isWatched { watchers.insert(reason) } else { watchers.remove(reason) }
        let isWatched = self.isWatched
        for index in 1..<Self.capacity where entries[index].handle != 0 {
            let isShown = !isWatched && isOpen(entries + index)
            usables[index] = isShown ? entries[index].handle : Self.none
            // A reply to another thread may have brought an error meanwhile.
            if isShown, !isOpen(entries + index) { usables[index] = Self.none }
        }
    }

    /// Whether a context is the one with this handle, and calls can be made in it.
    @inline(__always)
    func isUsable(_ identifier: UInt32, _ handle: UInt64) -> Bool {
        usables[Int(truncatingIfNeeded: identifier)] == handle
    }

    /// What calls return in a context that is not usable.
    func problem(_ handle: UInt64) -> Int32 {
        guard handle != 0 else { return Status.invalidContext }
        guard let entry = find(handle), entry.pointee.isActive, entry.pointee.sticky != 0 else {
            return Status.contextIsDestroyed
        }
        return entry.pointee.sticky
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
        usables[Int(identifier)] = Self.none
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
            flags: flags,
            generation: generation
        )
        activate(entries + index)
        return entries + index
    }

    /// Lets calls be made in a context from now on.
    func activate(_ entry: UnsafeMutablePointer<ContextEntry>) {
        entry.pointee.isActive = true
        if entry.pointee.sticky == 0, !isWatched {
            usables[entry - entries] = entry.pointee.handle
        }
    }

    /// Ends a life of a primary context, errors included.
    func reset(_ entry: UnsafeMutablePointer<ContextEntry>) {
        usables[entry - entries] = Self.none
        entry.pointee.isActive = false
        entry.pointee.sticky = 0
        entry.pointee.generation += 1
    }

    /// Forgets a created context.
    func destroy(_ entry: UnsafeMutablePointer<ContextEntry>) {
        usables[entry - entries] = Self.none
        entry.pointee.handle = 0
        entry.pointee.isActive = false
    }

    /// A number that names the context and, for a primary one, its life between two resets.
    func life(_ handle: UInt64) -> UInt64 {
        guard let entry = find(handle) else { return 0 }
        return UInt64(entry - entries) << 32 | (entry.pointee.generation & 0xFFFF_FFFF)
    }
}
