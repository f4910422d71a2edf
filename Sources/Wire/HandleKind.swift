/// Kinds of handles (bits 40–45): of graphs and of memory pools.
package enum HandleKind {
    package static let graph: UInt64 = 10
    package static let node: UInt64 = 11
    package static let exec: UInt64 = 12
    /// Of nodes and graphs that the driver has made: the worker counts them.
    package static let foundNode: UInt64 = 13
    package static let foundGraph: UInt64 = 14
    package static let memoryPool: UInt64 = 15

    /// The kind of a handle; `nil` when it is none.
    package static func kind(_ handle: UInt64) -> UInt64? {
        guard handle >> 46 == 1, handle & 0xF == 0 else { return nil }
        return handle >> 40 & 0x3F
    }
}
