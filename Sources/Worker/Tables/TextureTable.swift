/// A texture or surface object. The value is the driver's; two contexts may have the same one, and
/// a texture and a surface too.
struct TextureName: Hashable {
    var object: UInt64
    var context: UInt32
    var isSurface: Bool
}

/// The objects that the client has made: the driver is asked about no other value. Used by the
/// reader thread alone; lives as long as the process.
struct TextureTable: @unchecked Sendable {
    /// Objects at most.
    static let most = 1 << 20
    private let names: UnsafeMutablePointer<Set<TextureName>>

    init() {
        names = .allocate(capacity: 1)
        names.initialize(to: [])
    }

    var isFull: Bool { names.pointee.count >= Self.most }

    func contains(_ name: TextureName) -> Bool { names.pointee.contains(name) }

    func insert(_ name: TextureName) { names.pointee.insert(name) }

    func remove(_ name: TextureName) { names.pointee.remove(name) }

    /// Forgets all objects of a context that is no more.
    func removeAll(context: UInt32) {
        if names.pointee.isEmpty { return }
        names.pointee = names.pointee.filter { $0.context != context }
    }
}
