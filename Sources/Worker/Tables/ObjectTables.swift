internal import CUDAABI

/// All objects that the client's handles name.
struct ObjectTables: Sendable {
    let streams = StreamTable()
    let events = HandleTable<CUevent?>(kind: 2)
    let images = HandleTable<UnsafeMutablePointer<ImageEntry>>(kind: 3)
    let links = HandleTable<UnsafeMutablePointer<LinkEntry>>(kind: 4)
    let functions = FunctionTable()
}

/// Streams, of which two are there from the beginning: 0 and 1, the legacy default stream.
struct StreamTable: Sendable {
    private let table = HandleTable<CUstream?>(kind: 1)

    @inline(__always)
    func find(_ handle: UInt64) -> CUstream?? {
        handle <= 1 ? .some(CUstream(bitPattern: UInt(handle))) : table.find(handle)
    }

    func accepts(_ handle: UInt64) -> Bool { table.accepts(handle) }

    func insert(_ handle: UInt64, _ stream: CUstream?, context: UInt32) {
        table.insert(handle, stream, context: context)
    }

    func remove(_ handle: UInt64) { table.remove(handle) }

    func removeAll(context: UInt32) { table.removeAll(context: context) }
}
