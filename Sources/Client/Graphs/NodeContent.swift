internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

/// What a node does, read from a structure of cuda.h and checked: fields are found by their offsets, because
/// api/cuda.api knows these types by pointer only.
struct NodeContent {
    private enum Kind {
        case kernel(UnsafeMutablePointer<FunctionEntry>, ClientCalls.Launch, Int)
        case copy(ArrayCopy)
        case fill(UnsafeRawPointer)
        case word(UInt64)
        case child(UInt64, UInt32)
        case conditional(Conditional)
        case nothing
    }

    private let kind: Kind
    private let fields: UnsafeRawPointer?
    /// The number of the context in which it is done; 0: the current one.
    private(set) var context: UInt32 = 0
    /// The program's memory that it copies from or to.
    private(set) var host: HostCopy?

    private init(_ kind: Kind, _ fields: UnsafeRawPointer? = nil) {
        self.kind = kind
        self.fields = fields
    }

    /// A node that does nothing.
    static var nothing: NodeContent { NodeContent(.nothing) }

    /// A node that is made of one handle.
    static func handle(_ handle: UInt64) -> NodeContent { NodeContent(.word(handle)) }

    /// A node that is a graph: a copy of one (ownership 0), or that one itself (1).
    static func child(_ graph: UInt64, ownership: UInt32) -> NodeContent {
        NodeContent(.child(graph, ownership))
    }

    /// A node that runs graphs of its own as a handle's value says (`CUDA_CONDITIONAL_NODE_PARAMS`).
    struct Conditional {
        /// `CU_GRAPH_COND_TYPE_IF`, `_WHILE` and `_SWITCH`.
        static let choice: UInt32 = 0
        static let loop: UInt32 = 1
        static let selection: UInt32 = 2

        /// The driver's.
        var handle: UInt64
        var kind: UInt32
        var count: Int
        /// The handles of the graphs; for as long as the content is used.
        var graphs: UnsafePointer<CUgraph?>?

        /// Whether a node of its kind can have so many graphs.
        var isPossible: Bool {
            switch kind {
            case Self.choice: count == 1 || count == 2
            case Self.loop: count == 1
            case Self.selection: count >= 1
            default: false
            }
        }
    }

    /// A conditional node in a context, `nil` for the current one.
    static func conditional(
        _ state: Graphs.State,
        _ conditional: Conditional,
        _ context: CUcontext?,
        _ status: inout CUresult
    ) -> NodeContent? {
        var content = NodeContent(.conditional(conditional))
        return content.enter(state, context, &status) ? content : nil
    }

    /// Bytes on the wire.
    var size: Int {
        switch kind {
        case .kernel(_, _, let bytes): LaunchLayout.parameters + WireFormat.padded(bytes)
        case .copy: BoxLayout.size
        case .fill: GraphLayout.fillSize
        case .word: 8
        case .child: GraphLayout.childSize
        case .conditional(let node): GraphLayout.conditionalGraphs + 8 * node.count
        case .nothing: 0
        }
    }

    // MARK: - Reading

    /// `CUDA_KERNEL_NODE_PARAMS_v1`, or the one with a kernel and a context behind it.
    static func kernel(
        _ state: Graphs.State,
        _ parameters: OpaquePointer?,
        hasKernel: Bool,
        _ status: inout CUresult
    ) -> NodeContent? {
        status = Status.invalidValue
        guard let parameters else { return nil }
        let fields = UnsafeRawPointer(parameters)
        func small(_ offset: Int) -> UInt32 { fields.load(fromByteOffset: offset, as: UInt32.self) }
        var chosen = fields.load(as: OpaquePointer?.self)
        if chosen == nil, hasKernel {
            chosen = fields.load(fromByteOffset: 56, as: OpaquePointer?.self)
        }
        guard let entry = Handles.entry(chosen) else {
            if chosen != nil { status = Status.invalidHandle }
            return nil
        }
        let launch = ClientCalls.Launch(
            grid: (small(8), small(12), small(16)),
            block: (small(20), small(24), small(28)),
            sharedBytes: small(32),
            stream: nil
        )
        status = ClientCalls.check(entry, launch)
        guard status == Status.success else { return nil }
        var bytes = entry.pointee.parameters.bytes
        typealias List = UnsafeMutablePointer<UnsafeMutableRawPointer?>
        let list = fields.load(fromByteOffset: 40, as: List?.self)
        var packed = UnsafeRawBufferPointer(start: nil, count: 0)
        if let extra = fields.load(fromByteOffset: 48, as: List?.self) {
            guard let found = ClientCalls.unpack(extra) else {
                status = Status.invalidValue
                return nil
            }
            packed = found
            bytes = max(bytes, packed.count)
        } else if list == nil {
            guard entry.pointee.parameters.count == 0 else {
                status = Status.invalidValue
                return nil
            }
        }
        if state.pointee.pageLocked.hasAny {
            var gathered = GatheredParameters()
            defer { gathered.free() }
            if gathered.fill(entry, list, packed, bytes) {
                ManagedMemory.adopt(state, in: .init(start: gathered.memory, count: bytes))
            }
        }
        var content = NodeContent(.kernel(entry, launch, bytes), fields)
        if hasKernel {
            let context = fields.load(fromByteOffset: 64, as: OpaquePointer?.self)
            guard content.enter(state, context, &status) else { return nil }
        }
        return content
    }

    /// `CUDA_MEMCPY3D`. A side in the program's memory is put off: memory of the GPU takes its place.
    static func copy(
        _ state: Graphs.State,
        _ parameters: OpaquePointer?,
        _ context: CUcontext?,
        _ status: inout CUresult
    ) -> NodeContent? {
        status = Status.invalidValue
        guard let parameters else { return nil }
        let (destination, source, extent) = ClientCalls.boxSides(parameters)
        let most = max(extent.width, extent.height, extent.depth)
        guard extent.width > 0, extent.height > 0, extent.depth > 0, most <= 1 << 40,
            let from = ArrayCopies.resolve(state, source, extent, &status),
            let to = ArrayCopies.resolve(state, destination, extent, &status)
        else { return nil }
        status = Status.success
        var copy = ArrayCopy(to: to, from: from, extent: extent, stream: 0, isSynchronous: false)
        let host = HostCopy.replaceHost(in: &copy)
        if from.kind == .host || to.kind == .host, host == nil {
            Log.notSupported("such a copy of the program's memory in a graph")
            status = Status.notSupported
            return nil
        }
        var content = NodeContent(.copy(copy))
        content.host = host
        return content.enter(state, context, &status) ? content : nil
    }

    /// `CUDA_MEMSET_NODE_PARAMS`
    static func fill(
        _ state: Graphs.State,
        _ parameters: OpaquePointer?,
        _ context: CUcontext?,
        _ status: inout CUresult
    ) -> NodeContent? {
        status = Status.invalidValue
        guard let parameters else { return nil }
        let fields = UnsafeRawPointer(parameters)
        func number(_ offset: Int) -> Int { fields.load(fromByteOffset: offset, as: Int.self) }
        let element = Int(fields.load(fromByteOffset: GraphLayout.fillElement, as: UInt32.self))
        let (width, height) = (number(GraphLayout.fillWidth), number(GraphLayout.fillHeight))
        guard element == 1 || element == 2 || element == 4, width > 0, height > 0,
            width <= Int.max / 4, UInt64(bitPattern: Int64(number(0))) % UInt64(element) == 0,
            ClientCalls.covers(
                state,
                UInt64(bitPattern: Int64(number(GraphLayout.fillAddress))),
                number(GraphLayout.fillPitch),
                width * element,
                height
            )
        else { return nil }
        status = Status.success
        var content = NodeContent(.fill(fields), fields)
        return content.enter(state, context, &status) ? content : nil
    }

    private mutating func enter(
        _ state: Graphs.State,
        _ context: CUcontext?,
        _ status: inout CUresult
    ) -> Bool {
        let handle = context == nil ? ContextStack.current : Handles.raw(context)
        guard let identifier = state.pointee.contexts.usable(handle) else {
            status = state.pointee.contexts.problem(handle)
            return false
        }
        self.context = identifier
        return true
    }

    // MARK: - Writing

    /// Sets where the memory lies that takes the place of the program's.
    mutating func place(_ address: UInt64) -> NodeContent {
        guard case .copy(var copy) = kind, let host else { return self }
        if host.isUpload { copy.from.place = address } else { copy.to.place = address }
        var placed = NodeContent(.copy(copy))
        placed.context = context
        placed.host = host
        placed.host?.device = address
        return placed
    }

    /// Writes the content.
    ///
    /// - Returns: `false` when there is no pointer to a parameter.
    func encode(to body: UnsafeMutableRawPointer) -> Bool {
        switch kind {
        case .nothing: return true
        case .word(let word): body.storeBytes(of: word, as: UInt64.self)
        case .child(let graph, let ownership):
            body.storeBytes(of: graph, as: UInt64.self)
            body.storeBytes(of: UInt64(ownership), toByteOffset: 8, as: UInt64.self)
        case .conditional(let node):
            body.storeBytes(of: node.handle, as: UInt64.self)
            body.storeBytes(
                of: node.kind,
                toByteOffset: GraphLayout.conditionalKind,
                as: UInt32.self
            )
            let count = UInt32(node.count)
            body.storeBytes(of: count, toByteOffset: GraphLayout.conditionalCount, as: UInt32.self)
            let list = body + GraphLayout.conditionalGraphs
            for index in 0..<node.count {
                let graph = Handles.raw(node.graphs?[index])
                list.storeBytes(of: graph, toByteOffset: 8 * index, as: UInt64.self)
            }
        case .copy(let copy): copy.encode(copy.whole, to: body)
        case .fill(let fields): memcpy(body, fields, GraphLayout.fillSize)
        case .kernel(let entry, let launch, let bytes): return encode(entry, launch, bytes, body)
        }
        return true
    }

    private func encode(
        _ entry: UnsafeMutablePointer<FunctionEntry>,
        _ launch: ClientCalls.Launch,
        _ bytes: Int,
        _ body: UnsafeMutableRawPointer
    ) -> Bool {
        typealias List = UnsafeMutablePointer<UnsafeMutableRawPointer?>
        ClientCalls.encode(launch, of: entry.pointee.identifier, 0, bytes, to: body)
        let blob = body + LaunchLayout.parameters
        memset(blob, 0, WireFormat.padded(bytes))
        guard let extra = fields?.load(fromByteOffset: 48, as: List?.self) else {
            return ClientCalls.layOut(entry, fields?.load(fromByteOffset: 40, as: List?.self), blob)
        }
        // Another thread may have changed what it says meanwhile.
        guard let packed = ClientCalls.unpack(extra), packed.count <= bytes else { return false }
        ClientCalls.write(packed, to: blob, bytes)
        return true
    }
}
