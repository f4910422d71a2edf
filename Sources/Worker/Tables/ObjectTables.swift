internal import CUDAABI
internal import Wire

/// All objects that the client's handles name.
struct ObjectTables: Sendable {
    let streams = StreamTable()
    let events = HandleTable<CUevent?>(kind: 2)
    let images = HandleTable<UnsafeMutablePointer<ImageEntry>>(kind: 3)
    let links = HandleTable<UnsafeMutablePointer<LinkEntry>>(kind: 4)
    let functions = FunctionTable()
    let arrays = ArrayTable()
    let textures = TextureTable()
    let references: HandleTable<ReferenceEntry>
    let texrefs: ReferenceView
    let surfrefs: ReferenceView
    let graphs = GraphTable()
    let graphNodes: GraphNodeView
    let graphExecs = HandleTable<CUgraphExec?>(kind: HandleKind.exec)

    init() {
        graphNodes = GraphNodeView(table: graphs)
        references = HandleTable(kind: 8)
        texrefs = ReferenceView(entries: references, isSurface: false)
        surfrefs = ReferenceView(entries: references, isSurface: true)
    }
}
