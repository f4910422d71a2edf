internal import CUDAABI
internal import Wire

/// A context that the client names by a number.
struct ContextEntry {
    /// The driver's, once it is needed.
    var context: CUcontext?
    var device: Int32
    /// Staging memory of the context, once it is needed.
    var staging: StagingPool?
}

/// The client's contexts: 1…64 are the primary contexts of devices 0…63, created ones have higher
/// numbers. Used by the reader thread alone; lives as long as the process.
struct ContextTable: @unchecked Sendable {
    /// Numbers are below this one.
    static let capacity: UInt32 = 1024
    /// Created contexts at most: each takes hundreds of MiB of a real GPU.
    static let mostCreated = 64

    private let entries: UnsafeMutablePointer<ContextEntry?>
    private let created: UnsafeMutablePointer<Int>

    init(deviceCount: Int) {
        entries = .allocate(capacity: Int(Self.capacity))
        entries.initialize(repeating: nil, count: Int(Self.capacity))
        created = .allocate(capacity: 1)
        created.initialize(to: 0)
        for device in 0..<min(deviceCount, WireFormat.maxDevices) {
            entries[device + 1] = ContextEntry(context: nil, device: Int32(device), staging: nil)
        }
    }

    /// What is known of a context; `nil` when there is none of this number.
    subscript(_ identifier: UInt32) -> ContextEntry? {
        get { identifier < Self.capacity ? entries[Int(identifier)] : nil }
        nonmutating set {
            if identifier < Self.capacity { entries[Int(identifier)] = newValue }
        }
    }

    /// Whether a new context can get this number.
    func accepts(_ identifier: UInt32) -> Bool {
        identifier > WireFormat.maxDevices && identifier < Self.capacity
            && entries[Int(identifier)] == nil && created.pointee < Self.mostCreated
    }

    /// Keeps a created context under a number that `accepts` said yes to.
    func insert(_ identifier: UInt32, _ context: CUcontext?, device: Int32) {
        self[identifier] = ContextEntry(context: context, device: device, staging: nil)
        created.pointee += 1
    }

    /// Forgets a created context.
    func remove(_ identifier: UInt32) {
        self[identifier] = nil
        created.pointee -= 1
    }
}
