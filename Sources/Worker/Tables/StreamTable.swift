internal import CUDAABI

/// Streams, of which two are there from the beginning: 0 and 1, the legacy default stream. Used by
/// the reader thread alone; lives as long as the process.
struct StreamTable: @unchecked Sendable {
    private struct Entry {
        var stream: CUstream?
        /// Whether something was asked of the stream since it was last seen without work.
        var isUsed: Bool
    }

    private struct Live {
        var handles: [UInt64] = []
    }

    private let table = HandleTable<Entry>(kind: 1)
    private let live: UnsafeMutablePointer<Live>

    init() {
        live = .allocate(capacity: 1)
        live.initialize(to: Live())
    }

    /// The stream of this handle, for which something will be asked of it.
    @inline(__always)
    func find(_ handle: UInt64) -> CUstream?? {
        if handle <= 1 { return .some(CUstream(bitPattern: UInt(handle))) }
        guard let entry = table.entry(handle) else { return nil }
        entry.pointee.isUsed = true
        return entry.pointee.stream
    }

    /// The context of the stream of this handle.
    func context(_ handle: UInt64) -> UInt32? { table.context(handle) }

    func accepts(_ handle: UInt64) -> Bool { table.accepts(handle) }

    func insert(_ handle: UInt64, _ stream: CUstream?, context: UInt32) {
        table.insert(handle, Entry(stream: stream, isUsed: false), context: context)
        live.pointee.handles.append(handle)
    }

    func remove(_ handle: UInt64) {
        table.remove(handle)
        live.pointee.handles.removeAll { $0 == handle }
    }

    func removeAll(context: UInt32) {
        table.removeAll(context: context)
        live.pointee.handles.removeAll { table.entry($0) == nil }
    }

    /// Whether no stream of a context has work left, as far as `query` can tell. Asks for those
    /// only that were used since they were last seen without work.
    ///
    /// - Parameters:
    ///   - most: Questions after which the answer is no.
    ///   - isIdle: Asks the driver.
    func areIdle(context: UInt32, most: Int, _ isIdle: (CUstream?) -> Bool) -> Bool {
        var asked = 0
        for handle in live.pointee.handles {
            guard let entry = table.entry(handle), entry.pointee.isUsed,
                table.context(handle) == context
            else { continue }
            asked += 1
            guard asked <= most, isIdle(entry.pointee.stream) else { return false }
            entry.pointee.isUsed = false
        }
        return isIdle(nil)
    }
}
