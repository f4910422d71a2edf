package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Memory of graphs: nodes that take it and give it back, and how much there is.

extension ClientCalls {
    /// `cuGraphAddMemAllocNode`
    package static func cuGraphAddMemAllocNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        addMemory(NewNode(node, graph, dependencies, count), parameters)
    }

    /// `cuGraphAddMemFreeNode`
    package static func cuGraphAddMemFreeNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ address: CUdeviceptr
    ) -> CUresult {
        addMemoryFree(NewNode(node, graph, dependencies, count), address)
    }

    /// Reads `CUDA_MEM_ALLOC_NODE_PARAMS` (properties as of a pool, descriptions of access at 88, their number
    /// at 96, bytes at 104) and writes the address (at 112).
    static func addMemory(_ place: NewNode, _ parameters: OpaquePointer?) -> CUresult {
        withGraphs { state, _ in
            guard let parameters, let graph = Handles.graph(place.graph), place.node != nil else {
                return Status.invalidValue
            }
            guard !Graphs.isInNode(state, graph) else { return GraphMemories.refuse() }
            let fields = UnsafeMutableRawPointer(parameters)
            let properties = MemoryPoolProperties(UnsafeRawPointer(fields))
            let problem = properties.problem(state)
            guard problem == Status.success else { return problem }
            let device = properties.location.number
            guard let context = current(state, on: device) else { return Status.invalidContext }
            let bytes = fields.load(fromByteOffset: 104, as: Int.self)
            var address: UInt64 = 0
            let status = GraphMemories.take(
                state,
                bytes,
                device,
                context,
                graph: graph,
                stream: 0,
                &address
            )
            guard status == Status.success else { return status }
            fields.storeBytes(of: address, toByteOffset: 112, as: UInt64.self)
            return addEmpty(place, memory: .takes(address))
        }
    }

    /// The current context if it is of a GPU, else the GPU's primary one.
    private static func current(
        _ state: UnsafeMutablePointer<SessionState>,
        on device: Int32
    ) -> StreamOrdered.Place? {
        var handle = ContextStack.current
        if state.pointee.contexts.find(handle)?.pointee.device != device {
            handle = state.pointee.contexts.primary(device).pointee.handle
        }
        return state.pointee.contexts.usable(handle).map {
            StreamOrdered.Place(stream: 0, context: $0, contextHandle: handle)
        }
    }

    /// A node that gives memory back.
    static func addMemoryFree(_ place: NewNode, _ address: CUdeviceptr) -> CUresult {
        withGraphs { state, _ in
            guard let graph = Handles.graph(place.graph), place.node != nil else {
                return Status.invalidValue
            }
            guard !Graphs.isInNode(state, graph) else { return GraphMemories.refuse() }
            let status = GraphMemories.give(state, address, graph: graph, stream: 0)
            guard status == Status.success else { return status }
            return addEmpty(place, memory: .gives(address))
        }
    }

    // MARK: - Questions

    /// `cuGraphNodeGetType`
    package static func cuGraphNodeGetType(
        _ node: CUgraphNode?,
        _ type: UnsafeMutablePointer<CUgraphNodeType>?
    ) -> CUresult {
        withGraphs { state, context in
            guard let type else { return Status.invalidValue }
            guard let handle = Handles.graphNode(node) else { return Status.invalidValue }
            if let known = state.pointee.graphNodes.find(handle)?.pointee.memory.type {
                type.pointee = known
                return Status.success
            }
            if HostNodes.find(state, handle) != nil {
                type.pointee = HostNodes.type
                return Status.success
            }
            let size = Request_cuGraphNodeGetType.size
            return Session.wait(
                state,
                .cuGraphNodeGetType,
                context: context,
                size: size,
                replySize: ReplyLayout.values + 8
            ) {
                Request_cuGraphNodeGetType.encode(to: $0, node: handle)
            } reply: { reply in
                let told = reply.loadUnaligned(fromByteOffset: ReplyLayout.values, as: Int32.self)
                type.pointee = CUgraphNodeType(truncatingIfNeeded: told)
            }
        }
    }

    /// `cuGraphMemAllocNodeGetParams`
    package static func cuGraphMemAllocNodeGetParams(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        withGraphs { state, _ in
            guard let parameters, case .takes(let address) = memory(state, node),
                let block = GraphMemories.block(state, address)
            else { return Status.invalidValue }
            let fields = UnsafeMutableRawPointer(parameters)
            fields.initializeMemory(as: UInt8.self, repeating: 0, count: 120)
            // Pinned memory of a GPU.
            fields.storeBytes(of: 1, as: Int32.self)
            fields.storeBytes(of: MemoryPoolProperties.gpu, toByteOffset: 8, as: Int32.self)
            fields.storeBytes(of: block.device, toByteOffset: 12, as: Int32.self)
            fields.storeBytes(of: block.bytes, toByteOffset: 104, as: Int.self)
            fields.storeBytes(of: address, toByteOffset: 112, as: UInt64.self)
            return Status.success
        }
    }

    /// `cuGraphMemFreeNodeGetParams`
    package static func cuGraphMemFreeNodeGetParams(
        _ node: CUgraphNode?,
        _ address: UnsafeMutablePointer<CUdeviceptr>?
    ) -> CUresult {
        withGraphs { state, _ in
            guard let address, case .gives(let found) = memory(state, node) else {
                return Status.invalidValue
            }
            address.pointee = found
            return Status.success
        }
    }

    private static func memory(
        _ state: UnsafeMutablePointer<SessionState>,
        _ node: CUgraphNode?
    ) -> GraphMemoryNode {
        state.pointee.graphNodes.find(Handles.raw(node))?.pointee.memory ?? .none
    }

    /// `cuDeviceGetGraphMemAttribute`
    package static func cuDeviceGetGraphMemAttribute(
        _ device: CUdevice,
        _ attribute: CUgraphMem_attribute,
        _ value: UnsafeMutableRawPointer?
    ) -> CUresult {
        withDevice(device) { state in
            guard let value, let attribute = GraphMemory.Attribute(rawValue: attribute) else {
                return Status.invalidValue
            }
            let amount = GraphMemories.amount(state, attribute, of: device)
            value.storeBytes(of: amount, as: UInt64.self)
            return Status.success
        }
    }

    /// `cuDeviceSetGraphMemAttribute`
    package static func cuDeviceSetGraphMemAttribute(
        _ device: CUdevice,
        _ attribute: CUgraphMem_attribute,
        _ value: UnsafeMutableRawPointer?
    ) -> CUresult {
        withDevice(device) { state in
            guard let value, let attribute = GraphMemory.Attribute(rawValue: attribute) else {
                return Status.invalidValue
            }
            let amount = value.loadUnaligned(as: UInt64.self)
            return GraphMemories.reset(state, attribute, to: amount, of: device)
                ? Status.success : Status.invalidValue
        }
    }

    /// `cuDeviceGraphMemTrim`: memory belongs to its graph as long as that is there.
    package static func cuDeviceGraphMemTrim(_ device: CUdevice) -> CUresult {
        withDevice(device) { _ in Status.success }
    }
}
