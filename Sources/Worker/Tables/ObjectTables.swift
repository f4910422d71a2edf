internal import CUDAABI

/// All objects that the client's handles name.
struct ObjectTables: Sendable {
    let streams = StreamTable()
    let events = HandleTable<CUevent?>(kind: 2)
    let images = HandleTable<UnsafeMutablePointer<ImageEntry>>(kind: 3)
    let links = HandleTable<UnsafeMutablePointer<LinkEntry>>(kind: 4)
    let functions = FunctionTable()
}
