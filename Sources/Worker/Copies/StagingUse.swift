internal import Synchronization
internal import Wire

/// Staging memory of one worker, in all contexts: what there is, which the reader alone changes, and
/// what is in use. Thread-safe otherwise.
final class StagingUse: @unchecked Sendable {
    /// Bytes of pieces in all, beyond what each context needs to go on at all: what a client may
    /// have in use, and room for it to be of other sizes than before.
    static let most = Staging.most + Staging.shared / 2

    private let made = Atomic<Int>(0)
    private let inUse = Atomic<Int>(0)
    private let groups: UnsafeMutablePointer<Atomic<Int>>

    init() {
        groups = .allocate(capacity: Staging.groups)
        for group in 0..<Staging.groups { (groups + group).initialize(to: Atomic(0)) }
    }

    deinit { groups.deallocate() }

    /// Bytes of memory that there are.
    var size: Int { made.load(ordering: .relaxed) }

    /// There are so many bytes more, or less.
    func grow(_ bytes: Int) { made.wrappingAdd(bytes, ordering: .relaxed) }

    /// A piece is used by a group of streams, or no longer.
    func add(_ bytes: Int, _ group: Int) {
        inUse.wrappingAdd(bytes, ordering: .relaxed)
        groups[group].wrappingAdd(bytes, ordering: .releasing)
    }

    /// Bytes in use: by a group of streams, and by all.
    func of(_ group: Int) -> (group: Int, shared: Int) {
        (groups[group].load(ordering: .acquiring), inUse.load(ordering: .acquiring))
    }
}
