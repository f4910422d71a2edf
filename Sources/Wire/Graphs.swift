/// Bodies of the calls about captures. A stream is captured as `CU_STREAM_CAPTURE_MODE_RELAXED` whatever
/// the program asked for: the worker makes the calls of all its threads from one.
package enum CaptureLayout {
    // cuStreamBeginCapture_v2: u64 stream
    package static let beginSize = 8
    // cuStreamBeginCaptureToGraph: u64 stream, u64 graph, u32 count, u32 0, then the links
    package static let graph = 8
    package static let count = 16
    package static let links = 24
    // cuStreamEndCapture: u64 stream, u64 graph (made by the client), u32 whether it is thrown away, u32 0
    package static let isDiscarded = 16
    package static let endSize = 24
    // cuStreamGetCaptureInfo_v3: u64 stream, u64 graph → a list of links
    package static let informationSize = 16
    // cuStreamUpdateCaptureDependencies_v2: u64 stream, u32 flags, u32 count, then the links
    package static let flags = 8
    package static let updateCount = 12
    package static let updateLinks = 16
}

/// What graphs are made of. Handles of graphs, nodes and executable graphs are the client's where a call
/// makes exactly one; the worker makes those of what the driver has made.
package enum GraphLayout {
    /// A node, and how another one waits for it (`CUgraphEdgeData`): u64, u64.
    package static let linkSize = 16
    /// Two nodes, and how the second waits for the first: u64, u64, u64.
    package static let edgeSize = 24
    /// Edges and dependencies of one record at most.
    package static let mostEdges = 4096

    // cuGraphAddDependencies_v2, cuGraphRemoveDependencies_v2: u64 graph, u32 count, u32 0, then edges
    package static let edgeCount = 8
    package static let edges = 16

    // Lists of nodes, links or edges in a reply: u64 count, then so many.
    package static let list = ReplyLayout.values + 8
    /// Elements of a list at most.
    package static let mostListed = 1 << 20

    // Adding a node, or changing one: u64 graph (or executable graph, or 0), u64 node, u32 dependencies, u32
    // number of the context; then what the node does, then the dependencies, u64 each.
    package static let owner = 0
    package static let node = 8
    package static let count = 16
    package static let context = 20
    package static let content = 24

    // What it does: a launch (`LaunchLayout`, stream 0, no attributes), a copy (`BoxLayout`, stream 0),
    // u64 graph or event, nothing, or a fill:
    package static let fillAddress = 0  // u64
    package static let fillPitch = 8  // u64, bytes from row to row
    package static let fillValue = 16  // u32
    package static let fillElement = 20  // u32, bytes: 1, 2 or 4
    package static let fillWidth = 24  // u64, elements
    package static let fillHeight = 32  // u64, rows
    package static let fillSize = 40
    /// Bytes of the content of a node that is a graph: the graph, and 0 for a copy of it, 1 for itself.
    package static let childSize = 16

    // cuGraphConditionalHandleCreate: u64 graph, u32 value, u32 flags → u64 handle, the driver's own
    package static let conditionalValue = 8
    package static let conditionalFlags = 12
    package static let conditionalSize = 16

    // cuGraphAddNode_v2 adds conditional nodes. What they do: u64 handle, u32 type, u32 graphs, then for each a u64
    // handle that the graph gets.
    package static let conditionalKind = 8
    package static let conditionalCount = 12
    package static let conditionalGraphs = 16
    /// Graphs of a conditional node at most.
    package static let mostConditionalGraphs = 1024

    // cuGraphKernelNodeSetAttribute: u64 node, then as in a launch u32 attribute, u32 0, 64 bytes
    // cuGraphKernelNodeGetAttribute: u64 node, i32 attribute, u32 0 → 64 bytes
    package static let attribute = 8
    // cuGraphKernelNodeGetParams_v2: u64 node → u64 graph, then a launch
    package static let launch = ReplyLayout.values + 8

    // cuGraphInstantiateWithParams: u64 executable graph, u64 graph, u64 flags → i32 result, u32 0, u64 node
    // cuGraphExecUpdate_v2: u64 executable graph, u64 graph → i32 result, u32 0, u64 node, u64 node
    package static let result = ReplyLayout.values
    package static let errorNode = ReplyLayout.values + 8
    package static let errorFromNode = ReplyLayout.values + 16
    package static let instantiateSize = 24

    // A graph that calls the program is instantiated in parts, so that the client calls between them (docs/adr/0024):
    // behind the flags u32 functions, u32 copies, then for each function a u64 handle of a further executable graph,
    // for each function its u64 node, for each copy the u64 address of memory that it is from or to
    // → behind the node, u32 parts, then for each function and then for each copy, its u32 part.
    package static let partFunctions = 24
    package static let partCopies = 28
    package static let partLists = 32
    package static let parts = ReplyLayout.values + 16
    /// Functions of a graph, and copies, at most.
    package static let mostFunctions = 1024
    package static let mostCopies = 4096

    /// Bytes of a request with so many.
    package static func instantiateSize(functions: Int, copies: Int) -> Int {
        partLists + 8 * (2 * functions + copies)
    }
    package static let updateSize = 16
}
